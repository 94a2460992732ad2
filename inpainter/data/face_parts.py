"""Squares round mouths, and cutting squares out of pictures."""

from __future__ import annotations

from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

_MOUTH: Final = slice(48, 68)
"""The mouth's points among the 68 iBUG points."""

_MOUTH_CONTEXT: Final = 1.7
"""Side of a mouth's square over its larger extent, to include the skin and beard round the lips."""


def mouth_square(landmarks: NDArray[np.floating]) -> NDArray[np.float32]:
    """Frame the mouth: centre x, y and side, in pixels, float32 `(3,)`.

    Args:
        landmarks: iBUG points `(68, 2)`, x y in pixels.
    """
    points = np.asarray(landmarks)[_MOUTH]
    low, high = points.min(axis=0), points.max(axis=0)
    side = _MOUTH_CONTEXT * float((high - low).max())
    return np.array([*(low + high) / 2, max(side, 4.0)], np.float32)


def mouth_of_hole(hole: Tensor) -> Tensor:
    """Guess where the mouth is behind masks: `(N, 1, H, W)` to `(N, 3)`, as `mouth_square`."""

    def ends(taken: Tensor) -> tuple[Tensor, Tensor]:
        length = taken.shape[1]
        index = torch.arange(length, device=hole.device).expand_as(taken)
        low = torch.where(taken, index, length).amin(dim=1).clamp(max=length - 1)
        return low, torch.where(taken, index, -1).amax(dim=1).clamp(min=0) + 1

    missing = hole[:, 0] > 0.5
    left, right = ends(missing.any(dim=1))
    top, bottom = ends(missing.any(dim=2))
    extent = torch.maximum(right - left, bottom - top).clamp(min=8)
    return torch.stack([(left + right) / 2, top + 0.6 * (bottom - top), 0.55 * extent], dim=1)


def square_in_hole(hole: Tensor, side: float) -> Tensor:
    """Sample a square of `side` pixels round a random missing pixel, with torch's global generator.

    Args:
        hole: `(N, 1, H, W)`, 1 = missing; if nothing is, any pixel may be chosen.
        side: side of the squares.

    Returns:
        `(N, 3)`, as `mouth_square`.
    """
    pixel = torch.multinomial(hole.flatten(1).float().clamp(min=1e-9), 1)
    width = hole.shape[-1]
    x, y = pixel % width + 0.5, pixel // width + 0.5
    return torch.cat([x, y, torch.full_like(x, side)], dim=1)


def cut_squares(pictures: Tensor, squares: Tensor, size: int) -> Tensor:
    """Cut a square out of each picture and resize it to `size`, differentiably.

    Args:
        pictures: `(N, C, H, W)`.
        squares: `(N, 3)`: centre x, y and side in pixels; past the border the edge is repeated.
        size: side of the result.

    Returns:
        `(N, C, size, size)`, sampled bilinearly.
    """
    height, width = pictures.shape[-2:]
    offsets = (torch.arange(size, device=squares.device) + 0.5) / size - 0.5
    x = squares[:, :1] + offsets * squares[:, 2:]
    y = squares[:, 1:2] + offsets * squares[:, 2:]
    grid = torch.stack(
        [
            (2.0 * x / width - 1.0)[:, None, :].expand(-1, size, -1),
            (2.0 * y / height - 1.0)[:, :, None].expand(-1, -1, size),
        ],
        dim=-1,
    )
    return functional.grid_sample(
        pictures.float(), grid.float(), padding_mode="border", align_corners=False
    )
