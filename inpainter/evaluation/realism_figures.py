"""Realism metrics of a report, for all cases and for parts of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from inpainter.evaluation.results import LEAST_FACES, Better, CaseResult, Metric
from inpainter.metrics.realism import (
    SetFigure,
    detectability_figure,
    distance_figure,
    floor_figure,
)


def _figure(
    of_rows: Callable[..., SetFigure],
    chosen: Sequence[CaseResult],
    everything: Sequence[CaseResult],
    seed: int,
) -> SetFigure:
    filled, true, faces = _pairs(chosen)
    return of_rows(filled, true, faces=faces, scale=_pairs(everything)[1], seed=seed)


def _floor(_: NDArray[np.float32], true: NDArray[np.float32], **options: Any) -> SetFigure:
    return floor_figure(true, **options)


def _pairs(
    results: Sequence[CaseResult],
) -> tuple[NDArray[np.float32], NDArray[np.float32], list[str]]:
    rows = [result.hole_features for result in results if result.hole_features is not None]
    filled, true = (np.stack(column) for column in zip(*rows, strict=True))
    return filled, true, [result.face for result in results]


REALISM_NOTE: Final = (
    "Realism distance: kernel distance between filled and true faces inside the hole, 0 if they "
    "are indistinguishable. Detectability: AUC of a linear classifier, 0.5 if it cannot tell them "
    f"apart. Both are computed for whole sets of at least {LEAST_FACES} faces, with intervals from "
    "random halves of the faces; the distance between halves of the truth shows the sampling noise."
)
"""A note to show with these figures."""

_FIGURES: Final[tuple[tuple[str, str, Better, Callable[..., SetFigure]], ...]] = (
    ("realism_distance", "Realism distance", "lower", distance_figure),
    ("realism_floor", "Realism distance, halves of the truth", "none", _floor),
    ("detectability", "Detectability", "lower", detectability_figure),
)

REALISM_METRICS: Final[tuple[Metric, ...]] = tuple(
    Metric(name, title, better, 3, headline=better != "none", of_set=partial(_figure, of_rows))
    for name, title, better, of_rows in _FIGURES
)
"""Set metrics of how far fills are from photos. All parts are standardised by the true faces of the
whole evaluation, so that their distances are comparable."""
