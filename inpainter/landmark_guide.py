"""Guides for networks conditioned on the face behind a hole: its landmarks, and a photo of one."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray

from inpainter.data.landmark_map import landmark_map
from inpainter.data.reference_map import reference_map
from inpainter.networks.blocks.guide_features import LANDMARK_CHANNELS
from weights.base.contracts import FacePhoto, Hole, Image
from weights.landmarks import FaceFrame, covered, shared_finder
from weights.landmarks.expressions import with_decided_mouth
from weights.landmarks.frame import Points


def draw_guides(
    faces: Sequence[tuple[Image, Hole]],
    landmarks: Sequence[Points | None],
    photos: Sequence[FacePhoto | None],
    device: torch.device,
    channels: int,
) -> NDArray[np.uint8]:
    """Draw the landmarks of faces, and the photos to complete them from.

    Unknown landmarks are estimated from the visible pixels. A network that takes photos fills faces
    without one freely, so their guide is empty.

    Args:
        faces: crops, uint8 RGB `(S, S, 3)`, framed as completion networks see them, and their
            holes, bool `(S, S)`, True = missing.
        landmarks: iBUG points `(68, 2)` of each crop, x y in its pixels, or None if unknown.
        photos: another photo of each face, or None.
        device: where the landmark network runs.
        channels: C of the guide, 3 for landmarks alone or 7.

    Returns:
        uint8 `(N, S, S, C)`, as `landmark_map` and `reference_map` draw them; zeros if no face is
        found or the landmark network's weights are missing.
    """
    size = faces[0][0].shape[0]
    maps = np.zeros((len(faces), size, size, channels), np.uint8)
    for drawn, face, known, photo in zip(maps, faces, landmarks, photos, strict=True):
        takes_photo = channels > LANDMARK_CHANNELS
        if takes_photo and photo is None:
            continue
        points = _find(*face, device) if known is None else known
        if points is None:
            continue
        drawn[..., :LANDMARK_CHANNELS] = landmark_map(points, size)
        if takes_photo and photo is not None:
            drawn[..., LANDMARK_CHANNELS:] = reference_map(photo, *face, points)
    return maps


def _find(crop: Image, hole: Hole, device: torch.device) -> Points | None:
    finder = shared_finder("default", str(device), "torch")
    if not finder.load(missing_ok=True):
        return None
    size = crop.shape[0]
    found = finder.find_near(covered(crop, hole), FaceFrame.in_crop(size / 2, size / 2, size))
    return with_decided_mouth(found.points) if found.is_likely else None
