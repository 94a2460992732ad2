"""Several fills of one face: a network that sees another crop of it makes another guess.

The first uses the usual crop. Each further one uses a slightly smaller, slightly shifted crop, and
every other one is mirrored; a network conditioned on landmarks gets another mouth in each. The
random generator depends only on the seed and the variant's number, so variant 2 is the same whether
3 or 30 are requested.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from inpainter.data.framing import missing_box
from pipeline.crop import Crop
from pipeline.face import Face
from weights.base.contracts import Hole
from weights.base.errors import InputError
from weights.base.option_values import check_whole_number
from weights.landmarks.expressions import EXPRESSIONS

# Measured: a side 10 % larger makes realism half as bad again, as much of what lies past a
# portrait's frame is reflected; a side 10 % smaller makes it no worse.
_SMALLER = (0.05, 0.2)
"""By how much the crop's side is reduced, at least and at most, as a fraction of it."""

_SHIFT = 0.05
"""Largest shift of the crop in each direction, as a fraction of its side."""

_LEAST_CONTEXT = 1.25
"""Least ratio of a reduced crop's side to the hole's larger extent."""


def check_variants(variants: Any, seed: Any, references: Sequence[Any]) -> None:
    """Refuse invalid numbers, and several fills of a face that is taken from a reference photo.

    Raises:
        InputError: `variants` is neither None nor a whole number from 1, `seed` is not a whole
            number from 0, or several fills are requested with a reference.
    """
    if variants is not None:
        check_whole_number("variants", variants)
    check_whole_number("seed", seed, 0)
    if (variants or 1) > 1 and any(one is not None for one in references):
        raise InputError(
            "Variants are several guesses, but a reference leaves little to guess: leave variants "
            "or the reference out."
        )


def reframed(faces: Sequence[Face], number: int, seed: int) -> list[Face]:
    """Reframe the faces of one picture for a variant.

    Args:
        faces: all faces of the picture, in their usual crops.
        number: of the variant; 0 leaves the faces as they are.
        seed: from 0.

    Returns:
        The faces, each with a crop that holds its whole hole.
    """
    if number == 0 or not faces:
        return list(faces)
    chance = np.random.default_rng([seed, number])
    scale = 1.0 - chance.uniform(*_SMALLER)
    right, down = chance.uniform(-_SHIFT, _SHIFT, 2)
    missing = np.logical_or.reduce([face.hole for face in faces])
    variants = []
    for face in faces:
        expression = EXPRESSIONS[(number - 1) % len(EXPRESSIONS)]
        face = replace(face, mirrored=number % 2 == 1, expression=expression)
        if face.upright is not None:
            view = face.upright
            view = replace(view, crop=_moved(view.crop, view.hole, scale, right, down))
            variants.append(replace(face, upright=view))
        else:
            crop = _moved(face.crop, face.hole, scale, right, down)
            variants.append(replace(face, crop=crop, missing=crop.take(missing)))
    return variants


def _moved(crop: Crop, hole: Hole, scale: float, right: float, down: float) -> Crop:
    """Resize a crop about its centre and shift it by fractions of its side; it keeps the hole."""
    top, bottom, left, end = missing_box(hole)
    extent = max(bottom - top, end - left)
    least = max(extent + 2, min(crop.side, math.ceil(_LEAST_CONTEXT * extent)))
    side = max(least, round(scale * crop.side))
    # At least one pixel of the surroundings is visible on every side of the hole.
    x0 = round(crop.x0 + (crop.side - side) / 2 + right * side)
    y0 = round(crop.y0 + (crop.side - side) / 2 + down * side)
    x0 = min(max(x0, end + 1 - side), left - 1)
    y0 = min(max(y0, bottom + 1 - side), top - 1)
    return replace(crop, x0=x0, y0=y0, side=side)
