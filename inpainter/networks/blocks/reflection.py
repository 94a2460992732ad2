"""Padding by reflection, which adds no artificial edge at the picture's border."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional


def reflect(features: Tensor, amount: int) -> Tensor:
    """Pad all four sides by reflection; maps too small for that replicate their edge.

    Args:
        features: `(N, C, H, W)`.
        amount: pixels on each side.

    Returns:
        `(N, C, H + 2 * amount, W + 2 * amount)`.
    """
    mode = "reflect" if amount < min(features.shape[2:]) else "replicate"
    return functional.pad(features, (amount, amount, amount, amount), mode=mode)


def symmetric_pad(features: Tensor, below: int, beside: int) -> Tensor:
    """Pad below and on the right by reflection that repeats the edge, like NumPy's "symmetric".

    Args:
        features: `(N, C, H, W)`.
        below: rows to add.
        beside: columns to add.

    Returns:
        `(N, C, H + below, W + beside)`.
    """
    for dimension, amount in ((2, below), (3, beside)):
        side = features.shape[dimension]
        places = torch.arange(side + amount, device=features.device) % (2 * side)
        places = torch.where(places < side, places, 2 * side - 1 - places)
        features = features.index_select(dimension, places)
    return features
