"""Predicting how good a fill will be before it is made: concerns, and a probability.

A fill counts as good if dlib's landmark predictor finds the face in it, with mouth and jaw on
average within 8 % of the eye distance of where they were before the mask was drawn. This says
nothing about whether the face looks real, or like the person.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np

from inpainter.data.framing import missing_box
from pipeline.face import Face
from weights.base.contracts import Image
from weights.landmarks import covered_by, inside_picture
from weights.landmarks.head_pose import estimate_yaw

Concern = Literal["unclear", "turned", "cut", "small", "dark", "partial"]
"""A reason to expect a bad fill, in one word."""

SENTENCES: Final[dict[Concern, str]] = {
    "unclear": "It is hardly seen as a face: a profile, or covered.",
    "turned": "It is turned to the side.",
    "cut": "It is cut by the picture's frame.",
    "small": "It is tiny.",
    "dark": "It is very dark.",
    "partial": "Only a part of its mask was found.",
}
"""What each concern means, as a sentence about a face."""

_MOST_YAW = 30.0
_MOST_OUTSIDE = 0.1
_LEAST_EXTENT = 40
_LEAST_LIGHT = 24.0
_LEAST_COVERED = 0.7

_COVERED: Final = (*range(5, 12), *range(31, 36), *range(48, 68))
"""Landmarks that a mask covers: chin, the nose's lower edge, mouth."""

_LOOKED_AT = 128
"""About how many pixels along a crop's side are sampled for its brightness."""

_INTERCEPT = 0.399
_WEIGHTS: Final = {
    "doubt": -0.2,
    "uncovered": -1.83,
    "dark": -0.552,
    "outside": -1.176,
    "turn": -0.791,
}
"""A logistic regression on 259 fills by gated.faces256; see the documentation's page on fills."""


@dataclass(frozen=True)
class Outlook:
    """How good the fill of one face is expected to be.

    Attributes:
        concerns: reasons to expect a bad fill, see `SENTENCES`.
        chance: probability of a good fill, 0 to 1, as measured for the default inpainter; None if
            there are no landmarks: their weights are missing, or a classical method fills the
            user's own hole, for which torch is not loaded.
    """

    concerns: tuple[Concern, ...] = ()
    chance: float | None = None

    def __str__(self) -> str:
        told = [] if self.chance is None else [f"about {10 * self.chance:.0f} in 10 are good"]
        return "; ".join([*self.concerns, *told])


def estimate_outlook(picture: Image, face: Face) -> Outlook:
    """Estimate how good a fill will be.

    Args:
        picture: uint8 RGB `(H, W, 3)`.
        face: the face in it; without landmarks, what needs them is left out.
    """
    height, width = face.hole.shape
    top, bottom, left, right = missing_box(face.hole)
    light = _light(picture, face)
    cut = top == 0 or left == 0 or bottom == height or right == width
    concerns: set[Concern] = set()
    chance = None
    if face.landmarks is not None:
        found = face.landmarks
        yaw = abs(estimate_yaw(found.points))
        hidden = covered_by(found.points[list(_COVERED)], face.hole)
        # The user's own hole is taken to be complete.
        share = float(hidden.mean()) if face.regions else 1.0
        outside = 1.0 - float(inside_picture(found.points, face.hole.shape).mean())
        cut = cut or outside > _MOST_OUTSIDE
        if not found.is_likely:
            concerns.add("unclear")
        elif yaw > _MOST_YAW:
            concerns.add("turned")
        if share < _LEAST_COVERED:
            concerns.add("partial")
        chance = _chance(found.face, share, light, outside, 90.0 if math.isnan(yaw) else yaw)
    if cut:
        concerns.add("cut")
    if max(bottom - top, right - left) < _LEAST_EXTENT:
        concerns.add("small")
    if light < _LEAST_LIGHT:
        concerns.add("dark")
    return Outlook(tuple(one for one in SENTENCES if one in concerns), chance)


def _light(picture: Image, face: Face) -> float:
    """Median brightness of the visible part of the crop, 0 to 255; 0 if all is missing."""
    step = max(1, face.crop.side // _LOOKED_AT)
    rows, columns = face.crop.inside
    pixels = picture[rows, columns][::step, ::step].mean(axis=2)
    seen = pixels[~face.hole[rows, columns][::step, ::step]]
    return float(np.median(seen)) if seen.size else 0.0


def _chance(face: float, covered: float, light: float, outside: float, yaw: float) -> float:
    likely = min(max(face, 1e-3), 1.0 - 1e-3)
    terms = {
        "doubt": max(math.log((1.0 - likely) / likely), -6.0),
        "uncovered": min(max(0.95 - covered, 0.0) / 0.3, 1.0),
        "dark": min(max(math.log2(64.0 / max(light, 1.0)), 0.0), 5.0),
        "outside": outside,
        "turn": max(yaw - 15.0, 0.0) / 30.0,
    }
    score = _INTERCEPT + sum(_WEIGHTS[name] * value for name, value in terms.items())
    return 1.0 / (1.0 + math.exp(-score))
