"""What one request may ask of the server, and how many may wait."""

from __future__ import annotations

import math
from dataclasses import dataclass, fields

from weights.base.errors import InputError


@dataclass(frozen=True)
class ServerLimits:
    """The limits of a server; together they bound its memory.

    Attributes:
        body_bytes: largest body of a request, in bytes.
        pixels: largest width times height of a picture; a larger one is refused by its header.
        seconds: how long a request may take: its body to come in, and then to be worked on, waiting
            in the queue included. Sending the answer may take as long again.
        waiting: how many requests may wait behind the one that is worked on; the next is refused.
        variants: how many fills one request may ask for.

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
