"""Blending that fades a fill's colour mismatch out from the hole's edge inwards."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

import numpy as np

from inpainter.postprocess.grain import match_grain
from pipeline.blenders.arguments import check_blend_arguments
from pipeline.blenders.mismatch import hole_window, mismatch_field
from weights.base.errors import InputError

if TYPE_CHECKING:
    from weights.base.contracts import Image, Mask

RESOLUTION = 192
"""Largest side of the grid on which the mismatch, which is smooth, is computed."""


class FeatherBlender:
    """Shifts the fill's colours to match the picture all along the hole's edge.

    The overall shift applies to the whole fill; local differences, as next to hair or a collar,
    fade out from the edge inwards. Unlike cross-fading this never looks at the picture inside the
    hole, where the mask is. Outside the hole the result is the picture bit for bit.

    Args:
        feather: depth at which the local shift has faded to a third, as a fraction of the hole's
            extent (the square root of its area), 0 to 10; 0 shifts nothing.
        grain: also add noise to match the surroundings, for inpainters whose fills have none;
            `NetworkInpainter` adds its own.

    Raises:
        InputError: the feather is out of range.
    """

    thread_safe: ClassVar[bool] = True

    def __init__(self, feather: float = 0.25, grain: bool = False) -> None:
        if not 0.0 <= feather <= 10.0:
            raise InputError(f"feather must be from 0 to 10, but is {feather!r}.")
        self.feather = float(feather)
        self.grain = bool(grain)

    def blend(self, image: Image, fill: Image, hole: Mask) -> Image:
        """Return `image` with its hole filled from `fill`, all uint8 RGB `(H, W, 3)`.

        Raises:
            InputError: the three differ in size.
        """
        check_blend_arguments(image, fill, hole)
        result = image.copy()
        if not hole.any():
            return result
        window, extent = hole_window(hole, 0.12)
        known, made, missing = image[window], fill[window], hole[window]
        if self.grain:
            made = match_grain(made, known, missing)
        if self.feather > 0.0:
            field = mismatch_field(
                known,
                made,
                missing,
                band=max(2.0, 0.012 * extent),
                average=max(1.5, 0.03 * extent),
                reach=self.feather * extent,
                resolution=RESOLUTION,
            )
            made = np.clip(np.rint(made + field), 0, 255).astype(np.uint8)
        np.copyto(result[window], made, where=missing[:, :, None])
        return result
