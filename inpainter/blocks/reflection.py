"""Padding by reflection, which invents no edge at the picture's frame."""

from __future__ import annotations

from typing import TYPE_CHECKING

from torch.nn import functional

if TYPE_CHECKING:
    from torch import Tensor


def reflect(features: Tensor, amount: int) -> Tensor:
    """Pad all four sides by reflection; maps too small for that repeat their edge.

    Args:
        features: `(N, C, H, W)`.
        amount: pixels on each side.

    Returns:
        `(N, C, H + 2 * amount, W + 2 * amount)`.
    """
    mode = "reflect" if amount < min(features.shape[2:]) else "replicate"
    return functional.pad(features, (amount, amount, amount, amount), mode=mode)
