"""Finding scene cuts."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from weights.base.contracts import Image

THUMBNAIL = (48, 27)
"""Width and height in pixels at which frames are compared."""
LEAST_CHANGE = 18.0
"""Mean difference of the thumbnails, in grey levels, below which nothing is a cut."""
SUDDEN = 3.0
"""How many times the usual difference of late a cut's is, at least."""
LEAST_NEW_COLOURS = 0.25
"""Share of the pixels whose colour must be new, so that a fast pan is no cut."""
MEMORY = 12
"""Frames whose differences say what is usual."""


class SceneCuts:
    """Says of each frame whether it begins a new scene.

    A cut is a sudden change of the thumbnail, compared with the changes of late, that brings new
    colours; a pan or a moving head changes pixels but keeps most colours.
    """

    def __init__(self) -> None:
        self._thumbnail: NDArray[np.float32] | None = None
        self._recent: deque[float] = deque(maxlen=MEMORY)

    def is_cut(self, image: Image) -> bool:
        """Take the next frame, uint8 RGB `(H, W, 3)`; the first is no cut."""
        before = self._thumbnail
        self._thumbnail = np.asarray(
            cv2.resize(image, THUMBNAIL, interpolation=cv2.INTER_AREA), np.float32
        )
        if before is None:
            return False
        change = float(np.abs(self._thumbnail - before).mean())
        usual = float(np.median(self._recent)) if self._recent else 0.0
        self._recent.append(change)
        if change < max(LEAST_CHANGE, SUDDEN * usual):
            return False
        cut = _new_colours(before, self._thumbnail) >= LEAST_NEW_COLOURS
        if cut:
            self._recent.clear()
        return cut

    def state(self) -> dict[str, Any]:
        """What must be known to go on later: plain values and an array."""
        return {"thumbnail": self._thumbnail, "recent": list(self._recent)}

    def restore(self, state: dict[str, Any]) -> None:
        """Go on from a state."""
        self._thumbnail = state["thumbnail"]
        self._recent = deque(state["recent"], maxlen=MEMORY)


def _new_colours(before: NDArray[np.float32], after: NDArray[np.float32]) -> float:
    """Share of the pixels that the histograms of two thumbnails do not have in common, 0 to 1."""
    shares = []
    for channel in range(3):
        first, second = (
            np.histogram(picture[:, :, channel], bins=16, range=(0.0, 256.0))[0]
            for picture in (before, after)
        )
        shares.append(1.0 - np.minimum(first, second).sum() / first.sum())
    return float(np.mean(shares))
