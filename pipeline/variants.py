"""Several fills of one face: a network that sees it framed otherwise makes another guess.

The first is framed as ever. Each further one sees a little less of the surroundings, from a little
aside, and every other one sees the face in a mirror; a network that is told of landmarks is told of
another mouth in each. Chance depends on the seed and on the number of the variant alone, so variant
2 is the same whether 3 or 30 are asked for.
"""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from pipeline.expressions import EXPRESSIONS, with_expression
from weights.base.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pipeline.crop import Crop
    from pipeline.face import Face
    from weights.base.contracts import Hole

# Measured: a side that is larger by 10 % makes realism half as bad again, as much of what is seen
# past a portrait's frame is reflected; one that is smaller by 10 % makes it no worse.
_SMALLER = (0.05, 0.2)
"""By how much the crop's side is made smaller, at least and at most, as a share of it."""

_SHIFT = 0.05
"""How far the crop is moved at most each way, as a share of its side."""

_LEAST_CONTEXT = 1.25
"""Side over the hole's larger extent under which a crop is not made smaller."""


def check_variants(variants: Any, seed: Any, references: Sequence[Any]) -> None:
    """Refuse numbers that are none, and several fills of a face that is taken from a photo.

    Raises:
        InputError: `variants` is neither None nor a whole number from 1, `seed` is no whole number
            from 0, or there are to be several fills and there is a reference.
    """
    for name, value, least in (("variants", variants, 1), ("seed", seed, 0)):
        if name == "variants" and value is None:
            continue
        if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < least:
            raise InputError(f"{name} must be a whole number from {least}, but is {value!r}.")
    if (variants or 1) > 1 and any(one is not None for one in references):
        raise InputError(
            "Variants are several guesses, but a reference leaves little to guess: leave variants "
            "or the reference out."
        )


def reframed(faces: Sequence[Face], number: int, seed: int) -> list[Face]:
    """Frame the faces of one picture as a variant sees them.

    Args:
        faces: all faces of the picture, framed as ever.
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
        found = face.landmarks
        if found is not None:
            expression = EXPRESSIONS[(number - 1) % len(EXPRESSIONS)]
            found = replace(found, points=with_expression(found.points, expression))
        face = replace(face, mirrored=number % 2 == 1, landmarks=found)
        if face.upright is not None:
            view = face.upright
            view = replace(view, crop=_moved(view.crop, view.hole, scale, right, down))
            variants.append(replace(face, upright=view))
        else:
            crop = _moved(face.crop, face.hole, scale, right, down)
            variants.append(replace(face, crop=crop, missing=crop.take(missing)))
    return variants


def _moved(crop: Crop, hole: Hole, scale: float, right: float, down: float) -> Crop:
    """Resize a crop about its middle and move it by shares of its side; the hole stays inside."""
    from inpainter.data.framing import missing_box

    top, bottom, left, end = missing_box(hole)
    extent = max(bottom - top, end - left)
    least = max(extent + 2, min(crop.side, math.ceil(_LEAST_CONTEXT * extent)))
    side = max(least, round(scale * crop.side))
    # A pixel of the surroundings is seen on every side of the hole.
    x0 = round(crop.x0 + (crop.side - side) / 2 + right * side)
    y0 = round(crop.y0 + (crop.side - side) / 2 + down * side)
    x0 = min(max(x0, end + 1 - side), left - 1)
    y0 = min(max(y0, bottom + 1 - side), top - 1)
    return replace(crop, x0=x0, y0=y0, side=side)
