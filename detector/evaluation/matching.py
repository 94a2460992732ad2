"""Matches found masks to drawn ones (the ground truth), and computes precision and recall."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from weights.base.contracts import Mask

Box = tuple[float, float, float, float]

UNMATCHED = -1
"""Stands for the index of a drawn mask: a false positive."""

IGNORED = -2
"""Stands for the index of a drawn mask: neither right nor wrong."""


def mask_ious(found: Sequence[Mask], drawn: Sequence[Mask]) -> NDArray[np.float64]:
    """Pairwise intersection over union of found `(P)` and drawn masks `(G)`: `(P, G)`.

    All masks are bool `(H, W)` of one picture. Two empty masks have 0.
    """
    ious = np.zeros((len(found), len(drawn)))
    areas = [[int(np.count_nonzero(mask)) for mask in masks] for masks in (found, drawn)]
    for i, first in enumerate(found):
        for j, second in enumerate(drawn):
            shared = int(np.count_nonzero(first & second))
            if shared:
                ious[i, j] = shared / (areas[0][i] + areas[1][j] - shared)
    return ious


def box_ious(found: Sequence[Box], drawn: Sequence[Box]) -> NDArray[np.float64]:
    """Intersection over union of boxes x0, y0, x1, y1: `(P, G)`; two empty boxes have 0."""
    first = np.asarray(found, np.float64).reshape(-1, 1, 4)
    second = np.asarray(drawn, np.float64).reshape(1, -1, 4)
    sides = np.minimum(first[..., 2:], second[..., 2:]) - np.maximum(
        first[..., :2], second[..., :2]
    )
    shared = np.clip(sides, 0.0, None).prod(axis=2)
    areas = [
        np.clip(boxes[..., 2:] - boxes[..., :2], 0.0, None).prod(axis=2)
        for boxes in (first, second)
    ]
    union = areas[0] + areas[1] - shared
    return np.divide(shared, union, out=np.zeros_like(shared), where=union > 0)


def match(
    ious: NDArray[np.float64],
    scores: Sequence[float],
    threshold: float,
    ignored: Sequence[bool] | None = None,
) -> NDArray[np.int64]:
    """Match the found masks of a picture to drawn ones, by descending score, as COCO does.

    A found mask is matched to the free drawn mask with the highest overlap. If there is none and it
    overlaps an ignored drawn mask, it counts neither as right nor as wrong.

    Args:
        ious: `(P, G)` of found and drawn masks.
        scores: of the found masks `(P)`.
        threshold: minimum intersection over union of a match.
        ignored: which drawn masks do not count `(G)`; none by default.

    Returns:
        For each found mask the index of its drawn mask, `UNMATCHED` or `IGNORED`, `(P)`.
    """
    count, drawn = ious.shape
    left_out = np.zeros(drawn, bool) if ignored is None else np.asarray(ignored, bool)
    free = ~left_out
    result = np.full(count, UNMATCHED, np.int64)
    for index in np.argsort(-np.asarray(scores, np.float64), kind="stable"):
        row = np.where(free, ious[index], -1.0)
        best = int(row.argmax()) if drawn else -1
        if drawn and row[best] >= threshold:
            result[index] = best
            free[best] = False
        elif bool((ious[index][left_out] >= threshold).any()):
            result[index] = IGNORED
    return result


@dataclass(frozen=True, eq=False)
class PrecisionRecallCurve:
    """Precision and recall over descending confidence thresholds.

    Attributes:
        scores: of the counted found masks, descending `(N)`.
        precision: among the first 1, 2, ... of them `(N)`.
        recall: fraction of the drawn masks found by them `(N)`; 0 if nothing is drawn.
    """

    scores: NDArray[np.float64]
    precision: NDArray[np.float64]
    recall: NDArray[np.float64]

    @property
    def average_precision(self) -> float:
        """Mean precision at 101 recalls from 0 to 1, as in COCO.

        At each recall, the highest precision at that recall or above; 0 if the recall is never
        reached.
        """
        if not len(self.scores):
            return 0.0
        envelope = np.maximum.accumulate(self.precision[::-1])[::-1]
        at = np.searchsorted(self.recall, np.linspace(0.0, 1.0, 101) - 1e-12, side="left")
        reached = at < len(envelope)
        return float(np.where(reached, envelope[np.minimum(at, len(envelope) - 1)], 0.0).mean())


def precision_recall_curve(
    scores: Sequence[float], matches: Sequence[int], drawn: int
) -> PrecisionRecallCurve:
    """Compute precision and recall over all pictures of a set.

    Args:
        scores: of all found masks `(N)`.
        matches: for each the index of its drawn mask, `UNMATCHED` or `IGNORED` `(N)`.
        drawn: number of drawn masks that count.
    """
    values, kinds = np.asarray(scores, np.float64), np.asarray(matches, np.int64)
    counted = kinds != IGNORED
    values, kinds = values[counted], kinds[counted]
    order = np.argsort(-values, kind="stable")
    right = np.cumsum(kinds[order] >= 0)
    rank = np.arange(1, len(order) + 1)
    recall = right / drawn if drawn else np.zeros(len(order))
    return PrecisionRecallCurve(values[order], right / rank, np.asarray(recall, np.float64))
