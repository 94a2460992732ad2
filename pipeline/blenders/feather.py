"""Blending that fades a fill's colour mismatch out from the hole's edge inwards."""

from __future__ import annotations

from inpainter.postprocess.grain import match_grain
from pipeline.blenders.mismatch import shifted
from pipeline.blenders.windowed import WindowedBlender
from weights.base.contracts import Image, Mask
from weights.base.errors import InputError

RESOLUTION = 192
"""Largest side of the grid on which the mismatch, which is smooth, is computed."""


class FeatherBlender(WindowedBlender):
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

    margin = 0.12

    def __init__(self, feather: float = 0.25, grain: bool = False) -> None:
        if not 0.0 <= feather <= 10.0:
            raise InputError(f"feather must be from 0 to 10, but is {feather!r}.")
        self.feather = float(feather)
        self.grain = bool(grain)

    def adapt(self, known: Image, fill: Image, missing: Mask, extent: float) -> Image:
        """Add grain if asked to, and shift the colours."""
        if self.grain:
            fill = match_grain(fill, known, missing)
        if self.feather == 0.0:
            return fill
        return shifted(
            known,
            fill,
            missing,
            band=max(2.0, 0.012 * extent),
            average=max(1.5, 0.03 * extent),
            reach=self.feather * extent,
            resolution=RESOLUTION,
        )
