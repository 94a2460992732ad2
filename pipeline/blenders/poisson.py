"""Blending in the gradient domain."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

import numpy as np

from pipeline.blenders.arguments import check_blend_arguments
from pipeline.blenders.mismatch import hole_window, mismatch_field

if TYPE_CHECKING:
    from weights.base.contracts import Image, Mask

RESOLUTION = 384
"""Largest side of the grid on which the membrane is solved."""


class PoissonBlender:
    """Keeps the fill's gradients and takes its colours from the hole's edge.

    The fill plus a membrane through the mismatch at the edge is the solution of Poisson's equation
    with the fill's gradients (Perez, Gangnet and Blake 2003, "Poisson image editing"). Colours at
    the edge thus affect the whole hole; to limit bleeding from hair or background, the mismatch is
    averaged slightly along the edge. At the picture's frame the boundary is free. Outside the hole
    the result is the picture bit for bit.
    """

    thread_safe: ClassVar[bool] = True

    def blend(self, image: Image, fill: Image, hole: Mask) -> Image:
        """Return `image` with its hole filled from `fill`, all uint8 RGB `(H, W, 3)`.

        Raises:
            InputError: the three differ in size.
        """
        check_blend_arguments(image, fill, hole)
        result = image.copy()
        if not hole.any():
            return result
        window, extent = hole_window(hole, 0.05)
        known, made, missing = image[window], fill[window], hole[window]
        field = mismatch_field(
            known,
            made,
            missing,
            band=max(1.0, 0.004 * extent),
            average=max(1.0, 0.01 * extent),
            reach=None,
            resolution=RESOLUTION,
        )
        made = np.clip(np.rint(made + field), 0, 255).astype(np.uint8)
        np.copyto(result[window], made, where=missing[:, :, None])
        return result
