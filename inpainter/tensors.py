"""Conversion between pictures and tensors."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch

from weights.base.contracts import Image


def to_tensor(pictures: Sequence[Image], device: torch.device) -> torch.Tensor:
    """Turn uint8 RGB pictures `(H, W, 3)` of one size into float32 `(N, 3, H, W)` in [-1, 1]."""
    return from_bytes(torch.from_numpy(np.stack(pictures)).to(device))


def to_uint8(pictures: torch.Tensor) -> list[Image]:
    """Turn `(N, 3, H, W)` in [-1, 1] into uint8 RGB pictures `(H, W, 3)`."""
    return list(to_bytes(pictures.detach()).cpu().numpy())


def from_bytes(levels: torch.Tensor) -> torch.Tensor:
    """Turn uint8 `(N, H, W, 3)` into float32 `(N, 3, H, W)` in [-1, 1]."""
    return levels.permute(0, 3, 1, 2).float() / 127.5 - 1.0


def to_bytes(pictures: torch.Tensor) -> torch.Tensor:
    """Turn `(N, 3, H, W)` in [-1, 1] into uint8 `(N, H, W, 3)`."""
    levels = ((pictures.float() + 1.0) * 127.5).round().clamp(0.0, 255.0)
    return levels.to(torch.uint8).permute(0, 2, 3, 1)
