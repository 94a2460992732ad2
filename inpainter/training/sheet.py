"""Picture sheets: true face, face with its hole or mask, completed face."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from inpainter.tensors import to_uint8
from weights.base.atomic import atomic_path
from weights.images.mark import make_mark, save_marked


def sheet_rows(image: Tensor, given: Tensor, completed: Tensor) -> list[NDArray[np.uint8]]:
    """Make one strip (true, network input, completed) per picture.

    Args:
        image: `(N, 3, H, W)` in [-1, 1].
        given: the same with its hole or mask.
        completed: `(N, 3, H, W)` in [-1, 1].

    Returns:
        N strips, uint8 RGB `(H, 3 W, 3)`.
    """
    return to_uint8(torch.cat([image.float(), given.float(), completed.float()], dim=3))


def write_sheet(strips: Sequence[NDArray[np.uint8]], path: Path, columns: int = 3) -> None:
    """Write strips of one size as a JPEG, `columns` per row.

    Raises:
        OutputError: the file cannot be written.
    """
    blank = np.zeros_like(strips[0])
    padded = [*strips, *[blank] * (-len(strips) % columns)]
    rows = [
        np.concatenate(padded[at : at + columns], axis=1) for at in range(0, len(padded), columns)
    ]
    with atomic_path(path, overwrite=True) as temporary:
        save_marked(np.concatenate(rows), temporary, make_mark())
