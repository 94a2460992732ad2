"""Realism as figures of a report: of all cases, and of those of one part."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from inpainter.evaluation.results import LEAST_FACES, Metric
from inpainter.metrics.realism import (
    SetFigure,
    detectability_figure,
    distance_figure,
    floor_figure,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from inpainter.evaluation.results import CaseResult


def _distance(
    chosen: Sequence[CaseResult], everything: Sequence[CaseResult], seed: int
) -> SetFigure:
    filled, true, faces = _pairs(chosen)
    return distance_figure(filled, true, faces=faces, scale=_pairs(everything)[1], seed=seed)


def _floor(chosen: Sequence[CaseResult], everything: Sequence[CaseResult], seed: int) -> SetFigure:
    _, true, faces = _pairs(chosen)
    return floor_figure(true, faces=faces, scale=_pairs(everything)[1], seed=seed)


def _detectability(
    chosen: Sequence[CaseResult], everything: Sequence[CaseResult], seed: int
) -> SetFigure:
    filled, true, faces = _pairs(chosen)
    return detectability_figure(filled, true, faces=faces, scale=_pairs(everything)[1], seed=seed)


def _pairs(
    results: Sequence[CaseResult],
) -> tuple[NDArray[np.float32], NDArray[np.float32], list[str]]:
    rows = [result.hole_features for result in results if result.hole_features is not None]
    filled, true = (np.stack(column) for column in zip(*rows, strict=True))
    return filled, true, [result.face for result in results]


REALISM_NOTE: Final = (
    "Realism distance: kernel distance of filled from true faces inside the hole, 0 where they "
    "cannot be told. Detectability: AUC of a linear classifier, 0.5 where it cannot tell them. "
    f"Both are of whole sets of {LEAST_FACES} faces and more, with intervals from random halves of "
    "the faces; halves of the truth show what chance makes of a distance."
)
"""What has to be said beside these figures."""

REALISM_METRICS: Final[tuple[Metric, ...]] = (
    Metric("realism_distance", "Realism distance", "lower", 3, headline=True, of_set=_distance),
    Metric("realism_floor", "Realism distance, halves of the truth", "none", 3, of_set=_floor),
    Metric("detectability", "Detectability", "lower", 3, headline=True, of_set=_detectability),
)
"""How far fills as a set are from photos. All parts are standardised by the true faces of the whole
measurement, so that their distances are of one scale."""
