"""Agreement of a detector with annotated face boxes on who wears a mask.

The boxes say that there is a mask and roughly where; the detector says which pixels it covers. A
region that covers a plausible part of the right place, has a high score, and is found again on the
mirrored picture is nearly always right; others are dropped. This is self-training filtered by weak
labels (Lee 2013, "Pseudo-Label"; Papandreou et al. 2015, "Weakly- and Semi-Supervised Learning of a
Deep Convolutional Network"), with agreement under mirroring in addition to the score, as in
Radosavovic et al. 2018, "Data Distillation".
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from detector.data.face_boxes import Box, FaceBox
from detector.evaluation.matching import mask_ious
from weights.base.errors import InputError
from weights.base.regions import MaskRegion, bounding_box

_SIDE_MARGIN, _LOWER_MARGIN = 0.15, 0.25
"""How far a mask may extend past its face's box at the sides and below, as fractions of the box."""

_UPPER_SHARE = 0.15
"""Largest fraction of a mask's pixels that may lie in the upper third of the face."""

_LEAST_INCORRECT = 0.05
"""Smallest fraction of the face's box covered by a mask worn under nose or chin."""


@dataclass(frozen=True)
class AgreementRules:
    """Rules for accepting a region as the mask of a face.

    Attributes:
        score: minimum score of the region.
        inside: minimum fraction of its pixels in the face's box, enlarged slightly, most at the
            chin.
        cover: smallest and largest area of the region as a fraction of the box.
        mirrored: minimum intersection over union with a region found on the mirrored picture.
        small: faces without agreement that are narrower than this many pixels are blurred instead
            of counting against the picture.

    Raises:
        InputError: a value is out of its range.
    """

    score: float = 0.5
    inside: float = 0.85
    cover: tuple[float, float] = (0.15, 0.75)
    mirrored: float = 0.8
    small: float = 16.0

    def __post_init__(self) -> None:
        for name in ("score", "inside", "mirrored"):
            value = getattr(self, name)
            if not 0.0 < value <= 1.0:
                raise InputError(f"{name} must be above 0 and at most 1, but is {value!r}.")
        if not 0.0 <= self.cover[0] < self.cover[1]:
            raise InputError(f"cover must be two rising numbers from 0 up, but is {self.cover!r}.")
        if not self.small >= 0.0:
            raise InputError(f"small must be 0 or more, but is {self.small!r}.")


@dataclass(frozen=True)
class FaceVerdict:
    """Verdict on one face.

    Attributes:
        face: the face.
        region: index of the region that is its mask; None for bare faces and if none agrees.
        reason: why there is no agreement, in two or three words; else empty.
    """

    face: FaceBox
    region: int | None = None
    reason: str = ""

    @property
    def agrees(self) -> bool:
        """Whether annotator and detector agree on this face."""
        return not self.reason


@dataclass(frozen=True)
class PictureVerdict:
    """Verdict on one picture.

    Attributes:
        faces: in the order of the annotation.
        strays: indices of regions that match no masked face.
    """

    faces: tuple[FaceVerdict, ...]
    strays: tuple[int, ...]


def judge_faces(
    faces: Sequence[FaceBox],
    regions: Sequence[MaskRegion],
    mirrored: Sequence[MaskRegion],
    rules: AgreementRules,
) -> PictureVerdict:
    """Compare the annotated faces of a picture with the detected regions.

    Args:
        faces: the annotated faces.
        regions: detections on the picture, also of low score, which do not count as agreement.
        mirrored: detections on the mirrored picture, mirrored back.
        rules: of agreement.
    """
    masked = [number for number, face in enumerate(faces) if face.masked]
    owners = [_owner(region, faces, masked, rules) for region in regions]
    ious = mask_ious([one.mask for one in regions], [one.mask for one in mirrored])
    strays = tuple(index for index, owner in enumerate(owners) if owner is None)
    verdicts = []
    for number, face in enumerate(faces):
        own = [index for index, owner in enumerate(owners) if owner == number]
        if not face.masked:
            found = any(share_inside(regions[index], face.box) > 0.3 for index in strays)
            verdicts.append(FaceVerdict(face, None, "mask on a bare face" if found else ""))
        elif not own:
            touched = any(share_inside(region, face.box) > 0.3 for region in regions)
            verdicts.append(FaceVerdict(face, None, "not inside" if touched else "not found"))
        elif len(own) > 1:
            verdicts.append(FaceVerdict(face, None, "several masks"))
        else:
            again = float(ious[own[0]].max()) if len(mirrored) else 0.0
            reason = _doubt(face, regions[own[0]], again, rules)
            verdicts.append(FaceVerdict(face, None if reason else own[0], reason))
    return PictureVerdict(tuple(verdicts), strays)


def share_inside(region: MaskRegion, box: Box) -> float:
    """Fraction of a region's pixels whose centres lie in a box."""
    left, top, right, bottom = (max(0, round(value)) for value in box)
    inside = int(np.count_nonzero(region.mask[top:bottom, left:right]))
    return inside / max(1, region.area)


def mask_place(face: FaceBox) -> Box:
    """The box in which a face's mask must lie: the face's box, slightly wider and longer."""
    x0, y0, x1, y1 = face.box
    side, below = _SIDE_MARGIN * face.width, _LOWER_MARGIN * face.height
    return x0 - side, y0, x1 + side, y1 + below


def _owner(
    region: MaskRegion, faces: Sequence[FaceBox], masked: Sequence[int], rules: AgreementRules
) -> int | None:
    """The masked face that a region lies on; of several, the one whose mouth is nearest."""
    extent = bounding_box(region.mask)
    if extent is None:
        return None
    centre = np.array([extent[0] + extent[2], extent[1] + extent[3]]) / 2

    def distance(number: int) -> float:
        x0, y0, x1, y1 = faces[number].box
        mouth = np.array([(x0 + x1) / 2, y0 + 0.75 * (y1 - y0)])
        return float(np.hypot(*(centre - mouth)) / (x1 - x0))

    inside = [
        number
        for number in masked
        if share_inside(region, mask_place(faces[number])) >= rules.inside
    ]
    return min(inside, key=distance, default=None)


def _doubt(face: FaceBox, region: MaskRegion, again: float, rules: AgreementRules) -> str:
    """Why a region on a face is not accepted as its mask; empty if it is."""
    if region.score < rules.score:
        return "low score"
    least = rules.cover[0] if face.label == "with_mask" else _LEAST_INCORRECT
    cover = region.area / (face.width * face.height)
    if cover < least:
        return "too small"
    if cover > rules.cover[1]:
        return "too large"
    x0, y0, x1, _ = face.box
    upper = (x0 - face.width, y0 - face.height, x1 + face.width, y0 + face.height / 3)
    if share_inside(region, upper) > _UPPER_SHARE:
        return "too high"
    return "" if again >= rules.mirrored else "not found again"
