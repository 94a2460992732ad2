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

    Raises:
        InputError: a limit is not positive (`waiting` may be 0).
    """

    body_bytes: int = 32 * 2**20
    pixels: int = 40_000_000
    seconds: float = 60.0
    waiting: int = 16

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            least = 0 if field.name == "waiting" else 1e-3
            if not math.isfinite(value) or value < least:
                raise InputError(
                    f"The server's limit {field.name!r} must be "
                    f"{'0 or more' if least == 0 else 'above 0'}, but is {value!r}."
                )
