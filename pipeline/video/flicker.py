"""Measuring how much the fill of a face flickers in a video.

Each frame is warped into the next one by the head's motion, and the two are compared inside the
hole. Camera noise and resampling change pixels too, of fills and faces alike, so a fill's figure is
compared with that of the true face in the same clip, or of the skin around the hole.

After the warping error of Lai et al. 2018, "Learning Blind Video Temporal Consistency"; the motion
is that of a rigid head, as dense flow would follow the flicker.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import cv2
import numpy as np

from pipeline.crop import Crop
from pipeline.video.motion import estimate_motion, grey
from pipeline.video.similarity import Matrix
from weights.base.contracts import Hole, Image, Mask, check_image, check_mask
from weights.base.errors import InputError

RIM = 4
"""Pixels ignored on either side of a hole's edge: resampling mixes both sides there."""
RING = 0.15
"""Width of the surroundings that are measured, as a fraction of the hole's extent."""


@dataclass(frozen=True)
class Flicker:
    """Changes from frame to frame other than the head's motion, in grey levels.

    Attributes:
        fill: inside the holes.
        surroundings: in a ring around the holes, which is not filled; nan if there is no room for
            one.
        truth: inside the holes, for the true face; nan if it is not known.
    """

    fill: float
    surroundings: float
    truth: float = math.nan

    @property
    def ratio(self) -> float:
        """Flicker of the fill over that of the true face or, if unknown, of the surroundings."""
        return self.fill / (self.surroundings if math.isnan(self.truth) else self.truth)


def measure_flicker(
    frames: Sequence[Image],
    holes: Sequence[Hole],
    *,
    truth: Sequence[Image] | None = None,
    motions: Sequence[Matrix] | None = None,
) -> Flicker:
    """Measure how much the fill of one face flickers.

    Args:
        frames: consecutive frames with the hole filled, two or more, uint8 RGB `(H, W, 3)`.
        holes: the face's hole in each, bool `(H, W)`.
        truth: the frames without a mask, if they are known.
        motions: the head's motion from each frame to the next: `(3, 3)`, from pixels x, y to
            pixels; None estimates it, on the true frames if they are known.

    Raises:
        InputError: the numbers or sizes do not agree, or no pixel of the holes can be compared.
    """
    if len(frames) < 2 or not len(frames) == len(holes) == len(truth or frames):
        raise InputError(
            "flicker needs two or more frames, with as many holes and true frames, "
            f"but got {len(frames)} frames, {len(holes)} holes"
            f"{'' if truth is None else f' and {len(truth)} true frames'}."
        )
    height, width = frames[0].shape[:2]
    for image in (*frames, *(truth or ())):
        check_image(image, "a frame")
        if image.shape[:2] != (height, width):
            raise InputError(
                f"frames must be of one size, but are {(height, width)} and {image.shape[:2]}."
            )
    for hole in holes:
        check_mask(hole, (height, width), "a hole")
    if motions is None:
        pairs = pairwise(map(grey, frames if truth is None else truth))
        squares = [Crop.around(hole).square for hole in holes[:-1]]
        motions = [
            estimate_motion(*pair, square).matrix
            for pair, square in zip(pairs, squares, strict=True)
        ]
    if len(motions) != len(frames) - 1:
        raise InputError(
            f"{len(frames)} frames have {len(frames) - 1} motions, but got {len(motions)}."
        )
    inside = [_at_least(hole, RIM) for hole in holes]
    fill = _changes(frames, inside, motions)
    if math.isnan(fill):
        raise InputError("the holes are too small, or no two of them show the same of the head.")
    return Flicker(
        fill,
        surroundings=_changes(frames, [_ring(hole) for hole in holes], motions),
        truth=math.nan if truth is None else _changes(truth, inside, motions),
    )


def _changes(frames: Sequence[Image], regions: Sequence[Mask], motions: Sequence[Matrix]) -> float:
    """Mean absolute difference to the motion-compensated previous frame; nan without pixels."""
    total, count = 0.0, 0
    for (before, after), (region, next_region), motion in zip(
        pairwise(frames), pairwise(regions), motions, strict=True
    ):
        size = (after.shape[1], after.shape[0])
        moved = cv2.warpAffine(before.astype(np.float32), motion[:2], size, flags=cv2.INTER_CUBIC)
        there = cv2.warpAffine(region.astype(np.float32), motion[:2], size)
        both = next_region & (there > 0.999)
        total += float(np.abs(after - moved)[both].sum())
        count += 3 * int(np.count_nonzero(both))
    return total / count if count else math.nan


def _at_least(region: Mask, depth: float) -> Mask:
    """The pixels of a region that are at least `depth` from its edge."""
    return np.asarray(cv2.distanceTransform(region.view(np.uint8), cv2.DIST_L2, 5) > depth)


def _ring(hole: Hole) -> Mask:
    width = RING * math.sqrt(np.count_nonzero(hole))
    return _at_least(~hole, RIM) & ~_at_least(~hole, RIM + width)
