"""Pictures to what networks take, and back."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch

if TYPE_CHECKING:
    from collections.abc import Sequence

    from weights.contracts import Image


def to_tensor(pictures: Sequence[Image], device: torch.device) -> torch.Tensor:
    """Turn uint8 RGB pictures `(H, W, 3)` of one size into float32 `(N, 3, H, W)` in [-1, 1]."""
    stacked = torch.from_numpy(np.stack(pictures)).to(device)
    return stacked.permute(0, 3, 1, 2).to(torch.float32).div_(127.5).sub_(1.0)


def to_uint8(pictures: torch.Tensor) -> list[Image]:
    """Turn `(N, 3, H, W)` in [-1, 1] into uint8 RGB pictures `(H, W, 3)`."""
    levels = pictures.float().add(1.0).mul(127.5).round_().clamp_(0, 255)
    return list(levels.to(torch.uint8).permute(0, 2, 3, 1).cpu().numpy())
