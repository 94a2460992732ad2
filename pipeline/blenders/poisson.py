"""Blending in the gradient domain."""

from __future__ import annotations

from pipeline.blenders.mismatch import shifted
from pipeline.blenders.windowed import WindowedBlender
from weights.base.contracts import Image, Mask

RESOLUTION = 384
"""Largest side of the grid on which the membrane is solved."""


class PoissonBlender(WindowedBlender):
    """Keeps the fill's gradients and takes its colours from the hole's edge.

    The fill plus a membrane through the mismatch at the edge is the solution of Poisson's equation
    with the fill's gradients (Perez, Gangnet and Blake 2003, "Poisson image editing"). Colours at
    the edge thus affect the whole hole; to limit bleeding from hair or background, the mismatch is
    averaged slightly along the edge. At the picture's frame the boundary is free. Outside the hole
    the result is the picture bit for bit.
    """

    margin = 0.05

    def adapt(self, known: Image, fill: Image, missing: Mask, extent: float) -> Image:
        """Add the membrane."""
        return shifted(
            known,
            fill,
            missing,
            band=max(1.0, 0.004 * extent),
            average=max(1.0, 0.01 * extent),
            reach=None,
            resolution=RESOLUTION,
        )
