"""Checks of drawn masks: whether position and size on the face are plausible."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np

from detector.synthesis import CannotDrawMaskError, DrawnMask, TemplateFolder, draw_mask
from pipeline.dataset.labels import Points
from weights.base.contracts import Image, Mask

_WIDEST_SHARES = (0.03, 1.3)
_WIDEST_HEIGHTS = (0.25, 1.3)

SHARE_BANDS = {"full": (0.25, 1.3), "under-nose": (0.12, 1.0), "chin": (0.03, 0.6)}
"""Smallest and largest area of a mask, by way of wearing, as a fraction of the landmarks' hull."""

HEIGHT_BANDS = {"full": (0.25, 0.9), "under-nose": (0.4, 1.1), "chin": (0.6, 1.3)}
"""Range of a mask's centre, by way of wearing, from the eyes (0) to the chin (1)."""

LARGEST_SIDE = 0.3
"""Largest sideways offset of a mask's centre, as a fraction of the jaw's width."""


@dataclass(frozen=True)
class MaskPlace:
    """Position of a mask on a face, in units of the face.

    Attributes:
        share: area of the mask over the area of the hull of the 68 landmarks.
        height: position of its centre from the eyes (0) to the chin (1).
        side: distance of its centre from the line between eyes and chin, over the jaw's width.
    """

    share: float
    height: float
    side: float


def mask_place(mask: Mask, landmarks: Points) -> MaskPlace:
    """Measure the position of a mask, bool `(H, W)`, on the face with the landmarks `(68, 2)`."""
    hull = cv2.convexHull(np.asarray(landmarks, dtype=np.float32))
    face_area = max(float(cv2.contourArea(hull)), 1.0)
    moments = cv2.moments(mask.astype(np.uint8), True)
    area = moments["m00"]
    if area == 0.0:
        return MaskPlace(0.0, 0.0, 0.0)
    middle = np.array([moments["m10"], moments["m01"]]) / area
    eyes = landmarks[36:48].mean(axis=0)
    down = landmarks[8] - eyes
    length = max(float(np.linalg.norm(down)), 1e-6)
    down = down / length
    offset = middle - eyes
    jaw = max(float(np.linalg.norm(landmarks[16] - landmarks[0])), 1e-6)
    side = abs(float(offset[0] * down[1] - offset[1] * down[0])) / jaw
    return MaskPlace(float(area) / face_area, float(offset @ down) / length, side)


def check_drawn_mask(mask: Mask, landmarks: Points, worn: str | None = None) -> MaskPlace:
    """Check that a drawn mask has a plausible size and lies on the lower face.

    Args:
        mask: bool `(H, W)`.
        landmarks: iBUG points `(68, 2)` of the face, x y pixels.
        worn: how the mask is worn: "full", "under-nose" or "chin"; otherwise the widest bands
            apply.

    Raises:
        CannotDrawMaskError: it does not; the reason is "mask-size" or "mask-place".
    """
    place = mask_place(mask, landmarks)
    shares = SHARE_BANDS.get(worn or "", _WIDEST_SHARES)
    heights = HEIGHT_BANDS.get(worn or "", _WIDEST_HEIGHTS)
    if not shares[0] <= place.share <= shares[1]:
        raise CannotDrawMaskError(
            "mask-size",
            f"The drawn mask covers {place.share:.2f} of the face's area, "
            f"outside {shares[0]} to {shares[1]}.",
        )
    if not heights[0] <= place.height <= heights[1] or place.side > LARGEST_SIDE:
        raise CannotDrawMaskError(
            "mask-place",
            f"The centre of the drawn mask is {place.height:.2f} of the way from eyes to chin and "
            f"{place.side:.2f} jaw widths off the middle of the face.",
        )
    return place


def draw_checked_mask(
    image: Image,
    landmarks: Points,
    random: np.random.Generator,
    templates: TemplateFolder | None = None,
) -> DrawnMask:
    """Draw a mask on a face and check it.

    Args:
        image: uint8 RGB `(H, W, 3)` with one face.
        landmarks: iBUG points `(68, 2)`, x y pixels.
        random: random generator.
        templates: photos of masks; None draws all masks.

    Raises:
        CannotDrawMaskError: no mask can be drawn on the face, or the mask fails the checks.
        InputError: the landmarks are malformed.
    """
    drawn = draw_mask(image, landmarks, random, templates=templates)
    check_drawn_mask(drawn.mask, landmarks, drawn.record.get("worn"))
    return drawn


def reject(file: str, error: Exception) -> dict[str, Any]:
    """Make the reject list's entry for an unusable face from the error."""
    reason = error.reason if isinstance(error, CannotDrawMaskError) else "unreadable"
    return {"file": file, "reason": reason, "text": " ".join(str(error).split())}
