"""Analyses the answers of all raters for each model."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pipeline.apps.study.exports import HIGHEST, LOWEST, StudyExport
from pipeline.apps.study.key import REAL, StudyKey
from weights.base.errors import InputError

_AT_ONCE = 100

Figures = NDArray[np.float64]
"""A figure of each model, `(1 + resamples, models)`; row 0 is of the sample itself."""


@dataclass(frozen=True)
class Interval:
    """A figure with its 95 % bootstrap interval; nan if there are no data.

    Attributes:
        value: the figure.
        low: lower end.
        high: upper end.
    """

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class ModelJudgement:
    """How one model's pictures, or the real photos, were rated.

    Attributes:
        model: its name; `REAL` for the true photos.
        ratings: number of ratings.
        raters: number of people who rated it.
        faces: number of faces rated.
        histogram: how often each rating from 1 to 10 was given.
        mean: of all ratings.
        below_real: how much lower the mean is than that of the real photos; None for those.
        beside_real: probability that a picture of the model is rated higher than a real photo by
            the same person, ties counting half: 0.5 means that people cannot tell them apart, 0
            that they always can; None for the real photos.
    """

    model: str
    ratings: int
    raters: int
    faces: int
    histogram: tuple[int, ...]
    mean: Interval
    below_real: Interval | None
    beside_real: Interval | None


@dataclass(frozen=True)
class StudyResult:
    """Result of a study.

    Attributes:
        study: its identity.
        title: its heading.
        raters: how many people answered.
        unfinished: how many of them did not see all their pictures.
        models: real photos first, then by mean, highest first.
        left_out: exports dropped because the same person saved a fuller one.
        seconds: median time per answer.
        resamples: of the bootstrap.
        seed: of the bootstrap.
    """

    study: str
    title: str
    raters: int
    unfinished: int
    models: tuple[ModelJudgement, ...]
    left_out: tuple[str, ...]
    seconds: float
    resamples: int
    seed: int


def analyse_exports(
    exports: Sequence[StudyExport],
    key: StudyKey | None = None,
    *,
    resamples: int = 2000,
    seed: int = 0,
) -> StudyResult:
    """Summarise the answers of several people to one study.

    Intervals come from the pigeonhole bootstrap: raters and faces are resampled independently, so
    that neither many pictures nor many people alone make a result look certain; all models share
    the resamples. With one rater they say nothing about other people. Source: Owen 2007, "The
    pigeonhole bootstrap", Annals of Applied Statistics 1(2).

    Args:
        exports: one or more; of two by one rater the fuller, or else the later, counts.
        key: which model made which picture, if not in the exports.
        resamples: number of bootstrap resamples.
        seed: seeds the bootstrap.

    Raises:
        InputError: there is no answer, exports are of different studies, the key is missing or of
            another study, or an answer is to a picture that the study does not have.
    """
    if resamples < 1:
        raise InputError(f"resamples must be 1 or more, but is {resamples}.")
    kept, left_out = _one_per_rater(exports)
    key = _common_key(kept, key)
    faces = sorted({face for _, face in key.pictures.values()})
    position = {face: index for index, face in enumerate(faces)}
    ratings = np.zeros((len(key.models), len(kept), len(faces)), np.int64)
    for row, export in enumerate(kept):
        for picture, rating in export.ratings.items():
            if picture not in key.pictures:
                raise InputError(
                    f"{export.source} has an answer to the picture {picture!r}, "
                    "which the study does not have."
                )
            model, face = key.pictures[picture]
            ratings[key.models.index(model), row, position[face]] = rating
    if not ratings.any():
        raise InputError("There are no answers in these exports.")
    means, chances = _resampled(ratings, key.models.index(REAL), resamples, seed)
    judgements = [_judge(name, key, ratings, means, chances) for name in key.models]
    judgements.sort(key=lambda one: (one.model != REAL, -np.nan_to_num(one.mean.value)))
    return StudyResult(
        study=key.study,
        title=kept[0].title,
        raters=len(kept),
        unfinished=sum(len(export.ratings) < export.shown for export in kept),
        models=tuple(judgements),
        left_out=left_out,
        seconds=float(
            np.median([taken for export in kept for taken in export.seconds.values()] or [np.nan])
        ),
        resamples=resamples,
        seed=seed,
    )


def _one_per_rater(exports: Sequence[StudyExport]) -> tuple[list[StudyExport], tuple[str, ...]]:
    if not exports:
        raise InputError("Name at least one export.")
    best: dict[str, StudyExport] = {}
    left_out = []
    for export in exports:
        if export.study != exports[0].study:
            raise InputError(f"{exports[0].source} and {export.source} are of different studies.")
        other = best.get(export.rater)
        if other is not None:
            fuller = len(export.ratings) >= len(other.ratings)
            left_out.append(str(other.source if fuller else export.source))
            if not fuller:
                continue
        best[export.rater] = export
    return list(best.values()), tuple(left_out)


def _common_key(exports: Sequence[StudyExport], key: StudyKey | None) -> StudyKey:
    found = key or next((export.key for export in exports if export.key is not None), None)
    if found is None:
        raise InputError(
            "The study's key is a separate file: name the one that `unmask study make --key` wrote."
        )
    if found.study != exports[0].study:
        raise InputError("The key belongs to another study than the exports.")
    if REAL not in found.models:
        raise InputError("The study's key names no real photos.")
    return found


def _judge(
    name: str, key: StudyKey, ratings: NDArray[np.int64], means: Figures, chances: Figures
) -> ModelJudgement:
    """Summarise one of the models."""
    model, is_real = key.models.index(name), name == REAL
    own, given = ratings[model], ratings[model] > 0
    below = means[:, key.models.index(REAL)] - means[:, model]
    return ModelJudgement(
        model=name,
        ratings=int(given.sum()),
        raters=int(given.any(axis=1).sum()),
        faces=int(given.any(axis=0).sum()),
        histogram=tuple(int((own == level).sum()) for level in range(LOWEST, HIGHEST + 1)),
        mean=_interval(means[:, model]),
        below_real=None if is_real else _interval(below),
        beside_real=None if is_real else _interval(chances[:, model]),
    )


def _interval(figures: NDArray[np.float64]) -> Interval:
    finite = figures[1:][np.isfinite(figures[1:])]
    if not np.isfinite(figures[0]) or finite.size == 0:
        return Interval(float(figures[0]), np.nan, np.nan)
    low, high = np.quantile(finite, (0.025, 0.975))
    return Interval(float(figures[0]), float(low), float(high))


def _resampled(
    ratings: NDArray[np.int64], real: int, resamples: int, seed: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Means and chances against real photos, `(1 + resamples, models)`; row 0 is the sample."""
    _, raters, faces = ratings.shape
    levels = np.arange(LOWEST, HIGHEST + 1)
    # (models, raters, faces, levels): one-hot answers.
    answers = (ratings[..., None] == levels).astype(np.float64)
    random = np.random.default_rng(seed)
    means, chances = [], []
    for start in range(0, 1 + resamples, _AT_ONCE):
        count = min(_AT_ONCE, 1 + resamples - start)
        of_raters = random.multinomial(raters, np.full(raters, 1 / raters), count).astype(float)
        of_faces = random.multinomial(faces, np.full(faces, 1 / faces), count).astype(float)
        if start == 0:
            of_raters[0], of_faces[0] = 1.0, 1.0
        # Histograms of each rater, in each resample of faces: (count, models, raters, levels).
        histograms = np.tensordot(of_faces, answers, axes=(1, 2))
        totals = np.einsum("br,bmrl->bml", of_raters, histograms)
        means.append(_divided(totals @ levels, totals.sum(axis=2)))
        chances.append(_chances(histograms, of_raters, real))
    return np.concatenate(means), np.concatenate(chances)


def _chances(
    histograms: NDArray[np.float64], of_raters: NDArray[np.float64], real: int
) -> NDArray[np.float64]:
    """Probability of a higher rating than a real photo, averaged over raters who rated both."""
    photos = histograms[:, real]
    below = np.cumsum(photos, axis=2) - photos
    wins = np.einsum("bmrl,brl->bmr", histograms, below + photos / 2.0)
    pairs = histograms.sum(axis=3) * photos.sum(axis=2)[:, None]
    chance = _divided(wins, pairs)
    weight = of_raters[:, None] * (pairs > 0)
    return _divided((np.nan_to_num(chance) * weight).sum(axis=2), weight.sum(axis=2))


def _divided(
    numerator: NDArray[np.float64], denominator: NDArray[np.float64]
) -> NDArray[np.float64]:
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(denominator > 0, numerator / denominator, np.nan)
