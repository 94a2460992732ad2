"""Imitating another photo of the same face, to learn from pictures of which there is only one."""

from __future__ import annotations

from typing import Final

import cv2
import numpy as np
import torch

from inpainter.data.colour import change_colours, draw_colour_change
from inpainter.data.landmark_map import moved_landmarks
from inpainter.tensors import from_bytes, to_uint8
from weights.base.contracts import FacePhoto
from weights.landmarks.points import mirrored_points

_MIRRORED_SHARE: Final = 0.5
_SOFTENED_SHARE: Final = 0.4

_LEAST_SCALE: Final = 0.5
"""How far a softened photo is reduced at most."""

_LIGHT: Final = 0.25
"""Largest relative change of colours, and of light across the face."""

_SPREAD: Final = 0.02
"""Error of the photo's landmarks, see `moved_landmarks`."""


def other_photo(photo: FacePhoto, random: np.random.Generator) -> FacePhoto:
    """Change a photo's light, sharpness and side at random, and perturb its landmarks."""
    image, points = photo
    if random.random() < _MIRRORED_SHARE:
        image = np.ascontiguousarray(image[:, ::-1])
        points = mirrored_points(points, image.shape[1])
    if random.random() < _SOFTENED_SHARE:
        scale = random.uniform(_LEAST_SCALE, 1.0)
        small = cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
        shape = (image.shape[1], image.shape[0])
        image = np.asarray(cv2.resize(small, shape, interpolation=cv2.INTER_CUBIC), np.uint8)
    changes = torch.from_numpy(draw_colour_change(random, _LIGHT, 0.0, _LIGHT))[None]
    changed = change_colours(from_bytes(torch.from_numpy(image)[None]), changes)
    return FacePhoto(to_uint8(changed)[0], moved_landmarks(points, _SPREAD, random))
