"""Limits of one request, and of the queue."""

from __future__ import annotations

import math
from dataclasses import dataclass, fields

from weights.base.errors import InputError


@dataclass(frozen=True)
class ServerLimits:
    """The limits of a server; together they bound its memory.

    Attributes:
        body_bytes: largest request body, in bytes.
        pixels: largest width times height of a picture; larger ones are refused from their header.
        seconds: time limit for receiving a request's body, and again for processing it, including
            time in the queue. Sending the response may take as long again.
        waiting: how many requests may queue behind the running one; further ones are refused.
        variants: maximum number of variants per request.

    Raises:
        InputError: a limit is not positive (`waiting` may be 0), or `variants` is below 1.
    """

    body_bytes: int = 32 * 2**20
    pixels: int = 40_000_000
    seconds: float = 60.0
    waiting: int = 16
    variants: int = 4

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            least = {"waiting": 0, "variants": 1}.get(field.name, 1e-3)
            if not math.isfinite(value) or value < least:
                wanted = f"{least} or more" if isinstance(least, int) else "above 0"
                raise InputError(
                    f"The server's limit {field.name!r} must be {wanted}, but is {value!r}."
                )
