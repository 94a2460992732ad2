"""Rims of a mask that a hole leaves: pixels next to a hole are not always skin.

Holes sometimes miss up to three pixels of cloth, and a mask casts shadows on the cheeks. A network
that has never seen this spreads the cloth's colour over the chin. So such rims are added to its
input, while the target stays the clean face.
"""

from __future__ import annotations

from typing import Final

import torch
from torch import Tensor
from torch.nn import functional

_WIDEST: Final = 3
"""Maximum width of a rim, in pixels at a picture size of 256; scaled for other sizes."""

_ARCS: Final = 4
"""Cells per side of the coarse noise that interrupts a rim."""


def stain_rims(image: Tensor, hole: Tensor, share: float) -> Tensor:
    """Add a rim of cloth and its shadow round the holes of a random fraction of the pictures.

    Args:
        image: `(N, 3, H, W)` in [-1, 1].
        hole: `(N, 1, H, W)`, 1 = missing.
        share: probability per picture, 0 to 1; uses torch's global generator.

    Returns:
        `(N, 3, H, W)`, equal to `image` in the other pictures and away from the holes.
    """
    if share <= 0.0:
        return image
    count, _, height, width = image.shape
    scale = max(height, width) / 256

    def drawn(low: float, high: float) -> Tensor:
        return low + (high - low) * torch.rand(count, 1, 1, 1, device=image.device)

    chosen = (drawn(0.0, 1.0) < share).to(image.dtype)
    # One pooling loop serves all rim widths: nearness to the hole in steps of a pixel.
    nearness = hole.clone()
    steps = max(1, round(_WIDEST * scale))
    grown = hole
    for _ in range(steps):
        grown = functional.max_pool2d(grown, 3, 1, 1)
        nearness = nearness + grown
    wide = drawn(1.0, steps + 1.0).floor()
    rim = ((nearness > steps - wide + 0.5) & (hole < 0.5)).to(image.dtype)
    arcs = torch.rand(count, 1, _ARCS, _ARCS, device=image.device)
    arcs = functional.interpolate(arcs, (height, width), mode="bilinear", align_corners=False)
    opacity = chosen * rim * (arcs > drawn(0.2, 0.7)) * drawn(0.5, 1.0)
    cloth = 2.0 * torch.rand(count, 3, 1, 1, device=image.device) - 1.0
    shadow = chosen * drawn(0.0, 0.3) * _blurred(grown, round(4 * scale) + 1)
    shaded = image - shadow * (image + 1.0)
    return torch.where(hole > 0.5, image, shaded + opacity * (cloth - shaded))


def _blurred(maps: Tensor, radius: int) -> Tensor:
    """Blur `(N, 1, H, W)` with two box filters."""
    for _ in range(2):
        maps = functional.avg_pool2d(maps, 2 * radius + 1, 1, radius, count_include_pad=False)
    return maps
