"""An inpainter that notes what it sees."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy as np


class Recorder:
    """Paints a copy of each crop as it is told, and keeps crops and holes in `seen`."""

    def __init__(self, paint: Callable[[np.ndarray, np.ndarray], None]) -> None:
        self.paint = paint
        self.seen: list[tuple[np.ndarray, np.ndarray]] = []

    def complete(self, crops: list[np.ndarray], holes: list[np.ndarray]) -> list[np.ndarray]:
        self.seen += zip(crops, holes, strict=True)
        fills = [crop.copy() for crop in crops]
        for fill, hole in zip(fills, holes, strict=True):
            self.paint(fill, hole)
        return fills
