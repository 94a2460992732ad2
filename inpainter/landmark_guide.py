"""Landmark guides: jaw, nose and lips behind a hole, for networks conditioned on them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from inpainter.data.landmark_map import landmark_map
from weights.landmarks import FaceFrame, covered, shared_finder

if TYPE_CHECKING:
    from collections.abc import Sequence

    import torch
    from numpy.typing import NDArray

    from weights.base.contracts import Hole, Image
    from weights.landmarks.frame import Points


def draw_guides(
    faces: Sequence[tuple[Image, Hole]],
    landmarks: Sequence[Points | None],
    device: torch.device,
) -> NDArray[np.uint8]:
    """Draw the landmarks of faces; unknown ones are estimated from the visible pixels.

    Args:
        faces: crops, uint8 RGB `(S, S, 3)`, framed as completion networks see them, and their
            holes, bool `(S, S)`, True = missing.
        landmarks: iBUG points `(68, 2)` of each crop, x y in its pixels, or None if unknown.
        device: where the landmark network runs.

    Returns:
        uint8 `(N, S, S, 3)`, as `landmark_map` draws them; zeros if no face is found or the
        landmark network's weights are missing.
    """
    size = faces[0][0].shape[0]
    maps = np.zeros((len(faces), size, size, 3), np.uint8)
    for index, (face, known) in enumerate(zip(faces, landmarks, strict=True)):
        points = _find(*face, device) if known is None else known
        if points is not None:
            maps[index] = landmark_map(points, size)
    return maps


def _find(crop: Image, hole: Hole, device: torch.device) -> Points | None:
    finder = shared_finder("default", str(device))
    if not finder.load(missing_ok=True):
        return None
    size = crop.shape[0]
    found = finder.find_near(covered(crop, hole), FaceFrame.in_crop(size / 2, size / 2, size))
    return found.points if found.is_likely else None
