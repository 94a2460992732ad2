"""Finding scene cuts."""

from __future__ import annotations

from collections import deque
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from weights.base.contracts import Image

THUMBNAIL = (48, 27)
"""Width and height in pixels of the thumbnails compared."""
LEAST_CHANGE = 18.0
"""Least mean difference of the thumbnails for a cut, in grey levels."""
SUDDEN = 3.0
"""Least ratio of a cut's difference to the usual recent one."""
LEAST_NEW_COLOURS = 0.25
"""Least fraction of pixels with a new colour, so that a fast pan is not a cut."""
MEMORY = 12
"""Number of frames whose differences define what is usual."""


class SceneCuts:
    """Detects whether a frame begins a new scene.

    A cut is a sudden change of the thumbnail, compared with recent changes, that brings new
    colours; a pan or a moving head changes pixels but keeps most colours.
    """

    def __init__(self) -> None:
        self._thumbnail: NDArray[np.float32] | None = None
        self._recent: deque[float] = deque(maxlen=MEMORY)

    def is_cut(self, image: Image) -> bool:
        """Take the next frame, uint8 RGB `(H, W, 3)`; the first is not a cut."""
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
        """What is needed to resume later: plain values and an array."""
        return {"thumbnail": self._thumbnail, "recent": list(self._recent)}

    def restore(self, state: dict[str, Any]) -> None:
        """Resume from a state."""
        self._thumbnail = state["thumbnail"]
        self._recent = deque(state["recent"], maxlen=MEMORY)


def _new_colours(before: NDArray[np.float32], after: NDArray[np.float32]) -> float:
    """Fraction of pixels not shared by the colour histograms of two thumbnails, 0 to 1."""
    shares = []
    for channel in range(3):
        first, second = (
            np.histogram(picture[:, :, channel], bins=16, range=(0.0, 256.0))[0]
            for picture in (before, after)
        )
        shares.append(1.0 - np.minimum(first, second).sum() / first.sum())
    return float(np.mean(shares))
