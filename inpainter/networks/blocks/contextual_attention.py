"""Contextual attention.

Source: Yu et al. 2018, "Generative Image Inpainting with Contextual Attention".
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.utils.checkpoint import checkpoint

from weights.base.errors import InputError

_RATE = 2
"""Patches are matched at the resolution divided by this, and pasted at full resolution."""


class ContextualAttention(nn.Module):
    """Rebuilds a feature map `(N, C, H, W)` from patches of its own known part.

    Every position (query) is compared with every other (key) by 3x3 patches at half resolution;
    scores are fused with those of neighbouring pairs along rows and then along columns; the softmax
    over the keys weights their 4x4 patches at full resolution, which are pasted with overlap. A key
    counts only if its patch has no missing position; an invalid key enters the softmax with score 0
    and contributes no patch. Each picture has its own hole.

    Memory for all scores would be quadratic in the number of positions, so they are computed for a
    few rows of queries at a time; in training they are recomputed in the backward pass.

    Args:
        sharpness: scale of the scores in the softmax.
        scores_at_once: maximum number of scores held at a time, but at least those of one row of
            queries; 2^24 is 64 MB in float32.
        nearest_hole: whether a position at half resolution is missing if the first of its four is,
            as in the released code, instead of if any is.
    """

    def __init__(
        self, sharpness: float = 10.0, scores_at_once: int = 1 << 24, nearest_hole: bool = False
    ) -> None:
        super().__init__()
        self.sharpness = sharpness
        self.scores_at_once = scores_at_once
        self.nearest_hole = nearest_hole

    def forward(self, features: Tensor, hole: Tensor) -> Tensor:
        """Rebuild a feature map from its known patches.

        Args:
            features: `(N, C, H, W)`, sides even.
            hole: `(N, 1, H, W)`, 1 = missing.

        Raises:
            InputError: a side is odd, or the hole does not fit the features.
        """
        count, _, height, width = features.shape
        if height % _RATE or width % _RATE or hole.shape != (count, 1, height, width):
            raise InputError(
                "contextual attention takes features (N, C, H, W) of even sides and a hole "
                f"(N, 1, H, W), but got {tuple(features.shape)} and {tuple(hole.shape)}."
            )
        small = features[:, :, ::_RATE, ::_RATE]
        grid = (small.shape[2], small.shape[3])
        queries = functional.unfold(small, 3, padding=1).transpose(1, 2)
        keys = queries / queries.norm(dim=2, keepdim=True).clamp_min(1e-4)
        patches = functional.unfold(features, 2 * _RATE, stride=_RATE, padding=_RATE // 2)
        patches = patches.transpose(1, 2)
        missing = smaller_hole(hole, _RATE, nearest=self.nearest_hole)
        valid = 1.0 - functional.max_pool2d(missing, 3, stride=1, padding=1).flatten(2)

        # Pad with a query at either end, so that every query has two neighbours.
        bordered = functional.pad(queries, (0, 0, 1, 1))
        # An exported network takes batches of any size, so assume one picture.
        pictures = 1 if isinstance(count, torch.SymInt) else count
        rows_at_once = max(1, self.scores_at_once // (pictures * grid[1] * grid[0] * grid[1]))
        parts = []
        for first in range(0, grid[0], rows_at_once):
            last = min(first + rows_at_once, grid[0])
            arguments = (bordered, keys, patches, valid, grid, first, last)
            if torch.is_grad_enabled() and rows_at_once < grid[0]:
                part = checkpoint(self._attend, *arguments, use_reentrant=False)
            else:
                part = self._attend(*arguments)
            parts.append(part)
        pasted = functional.fold(
            torch.cat(parts, dim=1).transpose(1, 2),
            (height, width),
            2 * _RATE,
            stride=_RATE,
            padding=_RATE // 2,
        )
        # Four patches overlap at every position.
        return pasted / 4.0

    def _attend(
        self,
        bordered: Tensor,
        keys: Tensor,
        patches: Tensor,
        valid: Tensor,
        grid: tuple[int, int],
        first: int,
        last: int,
    ) -> Tensor:
        """Return the patches for the queries of rows `first` to `last`, `(N, rows * w, 16 C)`."""
        scores = _fused_scores(bordered, keys, grid, first, last)
        weights = torch.softmax(self.sharpness * scores * valid, dim=2) * valid
        return weights @ patches


def smaller_hole(hole: Tensor, rate: int, *, nearest: bool) -> Tensor:
    """Downscale a hole `(N, 1, H, W)` to `(N, 1, H / rate, W / rate)`.

    Args:
        hole: 1 = missing; sides are multiples of `rate`.
        rate: the factor.
        nearest: whether a cell is missing if its first pixel is, instead of if any is.
    """
    return hole[:, :, ::rate, ::rate] if nearest else functional.max_pool2d(hole, rate)


def _along_diagonals(scores: Tensor) -> Tensor:
    """Add to each score those of the previous and the next pair of query and key.

    Maps `(..., Q + 2, K)` to `(..., Q, K)`. Scores before the first key and after the last one
    count as 0.
    """
    places = scores.shape[-1]
    padded = functional.pad(scores, (1, 1))
    return (
        padded[..., :-2, :places]
        + padded[..., 1:-1, 1 : places + 1]
        + padded[..., 2:, 2 : places + 2]
    )


def _fused_scores(
    bordered: Tensor, keys: Tensor, grid: tuple[int, int], first: int, last: int
) -> Tensor:
    """Scores of the queries of rows `first` to `last`, fused along rows and then along columns.

    Each fusion treats the positions as one long line, row by row and then column by column: the end
    of a column is followed by the start of the next one.

    Args:
        bordered: queries `(N, 1 + h * w + 1, D)` with a zero at either end.
        keys: `(N, h * w, D)`.
        grid: (h, w).
        first: first row of queries.
        last: the row after the last one.

    Returns:
        `(N, (last - first) * w, h * w)`.
    """
    height, width = grid
    count = keys.shape[0]

    def fused_along_rows(start: int, length: int) -> Tensor:
        return _along_diagonals(bordered[:, start : start + length + 2] @ keys.transpose(1, 2))

    # The top of column j follows the bottom of column j - 1; nothing precedes the first column or
    # follows the last.
    if first > 0:
        above = fused_along_rows((first - 1) * width, width)
    else:
        above = functional.pad(fused_along_rows((height - 1) * width, width - 1), (0, 0, 1, 0))
    if last < height:
        below = fused_along_rows(last * width, width)
    else:
        below = functional.pad(fused_along_rows(1, width - 1), (0, 0, 0, 1))
    between = fused_along_rows(first * width, (last - first) * width)
    rows = torch.cat([above, between, below], dim=1).reshape(count, -1, width, height, width)
    # Column by column, the neighbours of a query lie in the rows above and below it.
    columns = rows.permute(0, 2, 1, 4, 3).flatten(3)
    fused = _along_diagonals(columns).reshape(count, width, -1, width, height)
    return fused.permute(0, 2, 1, 4, 3).reshape(count, -1, height * width)
