"""An inpainter that takes its time, for tests that break a measurement off."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from inpainter.classical import TeleaInpainter

if TYPE_CHECKING:
    from collections.abc import Sequence

    from weights.base.contracts import Hole, Image

PAUSE = 0.3
"""Seconds that each call waits."""


class SlowTelea(TeleaInpainter):
    """Telea's method after a pause."""

    def complete(self, crops: Sequence[Image], holes: Sequence[Hole]) -> list[Image]:
        """Wait, then fill."""
        time.sleep(PAUSE)
        return super().complete(crops, holes)
