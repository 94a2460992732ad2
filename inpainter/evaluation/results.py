"""Results of systems on cases, and their summaries: overall, by part, and in pairs."""

from __future__ import annotations

import itertools
import math
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Literal

import numpy as np
from numpy.typing import NDArray

from inpainter.evaluation.statistics import Comparison, Estimate, bootstrap_mean, compare_paired
from inpainter.metrics.realism import SetFigure
from weights.base.errors import ConfigurationError
from weights.base.json_text import json_values

Better = Literal["higher", "lower", "one", "none"]

AREA_BANDS: Final[tuple[tuple[float, float], ...]] = tuple(
    itertools.pairwise((0.0, 0.01, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 1.0))
)
"""Bands of hole area, as fractions of the picture, by which results are summarised.

A band includes its upper bound but not its lower one. The six in the middle are those of the
literature (Liu et al. 2018).
"""

SEPARATOR: Final = "; "
"""Separator of several labels of one kind."""

LEAST_FACES: Final = 30
"""Minimum number of faces for set metrics."""

TOGETHER: Final = "smaller ones together"
"""Name of the part that pools a kind's labels with fewer than `LEAST_FACES` faces each."""

AREA_KIND: Final = "hole area"
"""Kind of the parts defined by `AREA_BANDS`."""


@dataclass(frozen=True)
class Metric:
    """One metric of a report.

    Attributes:
        name: its key in files.
        title: its heading in tables.
        better: "higher", "lower", "one" (nearest to 1), or "none" for information only.
        decimals: number of decimals in tables.
        headline: whether it appears in tables by part and in plots.
        of_set: for a set metric, which is not a mean over cases: computes it from some results, all
            results of the same system, and a seed.
    """

    name: str
    title: str
    better: Better
    decimals: int
    headline: bool = False
    of_set: OfSet | None = field(default=None, compare=False, repr=False)

    def merit(self, value: float) -> float:
        """A number that increases with quality; nan if no value is better."""
        if self.better == "none":
            return math.nan
        if self.better == "one":
            return -abs(value - 1.0)
        return value if self.better == "higher" else -value


@dataclass(frozen=True, eq=False)
class CaseResult:
    """One system's result on one case.

    Attributes:
        case: the case's name.
        system: the system's name.
        hole_area: fraction of the picture that is missing, 0 to 1.
        groups: the case's labels by kind; several of one kind are joined by `SEPARATOR`.
        values: values by metric name; nan if a metric does not apply.
        features: features of the result and of the true picture, each `(D,)`, for set distances.
        hole_features: the same inside the hole, for realism.
    """

    case: str
    system: str
    hole_area: float
    groups: Mapping[str, str]
    values: Mapping[str, float]
    features: tuple[NDArray[np.float32], NDArray[np.float32]] | None = None
    hole_features: tuple[NDArray[np.float32], NDArray[np.float32]] | None = None

    @property
    def face(self) -> str:
        """Name of the face: the case's name without the suffix for the kind of holes."""
        return self.case.removesuffix(f" [{self.groups.get('holes')}]")

    def labels(self, kind: str) -> set[str]:
        """The case's labels of one kind."""
        return set(self.groups[kind].split(SEPARATOR)) if kind in self.groups else set()


OfSet = Callable[[Sequence[CaseResult], Sequence[CaseResult], int], SetFigure]
"""Computes a set metric, see `Metric.of_set`."""


@dataclass(frozen=True)
class Part:
    """A subset of the cases: a band of hole area, or those with one label.

    Attributes:
        kind: the criterion, such as "hole area" or "gender".
        name: name of the part, such as "0.1 to 0.2".
        holds: returns whether a result belongs to it.
    """

    kind: str
    name: str
    holds: Callable[[CaseResult], bool] = field(compare=False, repr=False)


@dataclass(frozen=True, eq=False)
class Measurements:
    """All results of a comparison, and their summaries.

    Attributes:
        stage: what was measured: "inpainter" or "pipeline".
        systems: names, in the order of tables.
        results: one per case and system.
        known_metrics: all possible metrics, in the order of tables.
        checksum: checksum of names and holes, see
            `inpainter.evaluation.benchmark_cases.HoleChecksum`; reports are comparable if theirs
            are equal.
        configuration: settings of the evaluation; written to the files unchanged.
        sets: for each system, its distances from the set of true pictures by name.
        notes: notes to show with the figures.
        seed: random seed of the bootstrap.
        resamples: number of bootstrap resamples.
    """

    stage: str
    systems: tuple[str, ...]
    results: tuple[CaseResult, ...]
    known_metrics: tuple[Metric, ...]
    checksum: str
    configuration: Mapping[str, Any] = field(default_factory=dict)
    sets: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    seed: int = 0
    resamples: int = 1000
    _members: dict[tuple[str, Part | None], list[CaseResult]] = field(
        default_factory=dict, init=False, repr=False
    )
    _estimates: dict[tuple[str, str, Part | None], Estimate] = field(
        default_factory=dict, init=False, repr=False
    )
    _set_figures: dict[tuple[str, str, Part | None], SetFigure | None] = field(
        default_factory=dict, init=False, repr=False
    )

    @property
    def cases(self) -> int:
        """The number of cases."""
        return len({result.case for result in self.results})

    @property
    def metrics(self) -> list[Metric]:
        """The metrics that were measured on at least one case."""
        return [metric for metric in self.known_metrics if self._measured(metric)]

    @property
    def case_metrics(self) -> list[Metric]:
        """The measured metrics that have a value per case."""
        return [metric for metric in self.metrics if metric.of_set is None]

    @property
    def compared_metrics(self) -> list[Metric]:
        """The measured metrics in which systems can differ: not those of the ground truth."""
        return [one for one in self.metrics if one.of_set is None or one.better != "none"]

    def _measured(self, metric: Metric) -> bool:
        if metric.of_set is not None:
            return any(self._set_figure(system, metric) is not None for system in self.systems)
        return any(
            not math.isnan(result.values.get(metric.name, math.nan)) for result in self.results
        )

    def values(self, system: str, metric: str, part: Part | None = None) -> dict[str, float]:
        """Return one system's values of a metric by case name.

        Raises:
            ConfigurationError: the system or the metric is not in the report.
        """
        if system not in self.systems or metric not in {one.name for one in self.known_metrics}:
            raise ConfigurationError(f"The report has no metric {metric!r} of {system!r}.")
        return {
            result.case: result.values.get(metric, math.nan)
            for result in self._results_of(system, part)
        }

    def _results_of(self, system: str, part: Part | None) -> list[CaseResult]:
        if (system, part) not in self._members:
            self._members[system, part] = [
                result
                for result in self.results
                if result.system == system and (part is None or part.holds(result))
            ]
        return self._members[system, part]

    def estimate(self, system: str, metric: str, part: Part | None = None) -> Estimate:
        """Return the mean of a metric over all cases, or over a part.

        Set metrics are not means, and have no value for fewer than `LEAST_FACES` faces.
        """
        key = (system, metric, part)
        if key not in self._estimates:
            values = self.values(system, metric, part).values()
            known = self._known(metric)
            if known.of_set is None:
                estimate = bootstrap_mean(values, resamples=self.resamples, seed=self.seed)
            else:
                figure = self._set_figure(system, known, part)
                estimate = bootstrap_mean([]) if figure is None else figure.estimate
            self._estimates[key] = estimate
        return self._estimates[key]

    def compare(self, system: str, other: str, metric: str) -> Comparison:
        """Compare two systems on the same cases; an interval that contains 0 may be due to chance.

        Differences of set metrics have an interval but no test.
        """
        known = self._known(metric)
        if known.of_set is not None:
            one, two = (self._set_figure(name, known) for name in (system, other))
            if one is None or two is None or one.count != two.count:
                return compare_paired({}, {})
            return Comparison(one.less(two).estimate, math.nan)
        return compare_paired(
            self.values(system, metric),
            self.values(other, metric),
            resamples=self.resamples,
            seed=self.seed,
        )

    def _known(self, metric: str) -> Metric:
        return next(one for one in self.known_metrics if one.name == metric)

    def _set_figure(
        self, system: str, metric: Metric, part: Part | None = None
    ) -> SetFigure | None:
        """A set metric's figure; None if there are too few faces."""
        key = (system, metric.name, part)
        if key not in self._set_figures:
            everything, chosen = (
                [one for one in self._results_of(system, wanted) if one.hole_features is not None]
                for wanted in (None, part)
            )
            enough = len({one.face for one in chosen}) >= LEAST_FACES
            assert metric.of_set is not None
            self._set_figures[key] = (
                metric.of_set(chosen, everything, self.seed) if enough else None
            )
        return self._set_figures[key]

    def pairs(self) -> list[tuple[str, str]]:
        """All pairs of systems, in the order of tables."""
        return list(itertools.combinations(self.systems, 2))

    def parts(self) -> list[Part]:
        """All non-empty parts: bands of hole area first, then labels by kind.

        Labels with too few faces for set metrics are additionally pooled if that gives enough
        faces.
        """
        bands = [_of_area(low, high) for low, high in AREA_BANDS]
        found = [band for band in bands if any(map(band.holds, self.results))]
        for kind in sorted({kind for result in self.results for kind in result.groups}):
            names = {label for result in self.results for label in result.labels(kind)}
            found += [_labelled(kind, name, {name}) for name in sorted(names, key=_by_number)]
            found += self._together(kind, names)
        return found

    def _together(self, kind: str, names: Iterable[str]) -> list[Part]:
        if not any(metric.of_set is not None for metric in self.metrics):
            return []
        faces = {
            name: {result.face for result in self.results if name in result.labels(kind)}
            for name in names
        }
        small = {name for name, own in faces.items() if len(own) < LEAST_FACES}
        if len(small) < 2 or len(set().union(*(faces[name] for name in small))) < LEAST_FACES:
            return []
        return [_labelled(kind, TOGETHER, small)]

    def ranked(self, metric: str) -> list[str]:
        """Case names from best to worst by the first system's value, without those that have none.

        Raises:
            ConfigurationError: there is no such metric.
        """
        chosen = next((one for one in self.known_metrics if one.name == metric), None)
        values = self.values(self.systems[0], metric)
        if chosen is None or chosen.better == "none" or chosen.of_set is not None:
            raise ConfigurationError(f"Cases cannot be ranked by {metric!r}.")
        merits = {case: chosen.merit(value) for case, value in values.items()}
        kept = [case for case, merit in merits.items() if not math.isnan(merit)]
        return sorted(kept, key=lambda case: (-merits[case], case))

    def best_system(self, metric: Metric, part: Part | None = None) -> str | None:
        """The system with the best mean.

        None if there is only one system, if the best are tied, or if the metric applies to
        different cases for different systems, as means over different faces are not comparable.
        """
        if len(self.systems) < 2 or metric.better == "none":
            return None
        applies = {
            frozenset(case for case, value in values.items() if math.isfinite(value))
            for system in self.systems
            if (values := self.values(system, metric.name, part))
        }
        if len(applies) > 1:
            return None
        merits = {
            system: metric.merit(self.estimate(system, metric.name, part).mean)
            for system in self.systems
        }
        known = {system: merit for system, merit in merits.items() if not math.isnan(merit)}
        best = [system for system, merit in known.items() if merit == max(known.values())]
        return best[0] if len(known) > len(best) == 1 else None

    def summary(self) -> dict[str, Any]:
        """Return the report as JSON values: estimates overall and by part, and all results."""

        def block(part: Part | None) -> dict[str, Any]:
            return {
                system: {
                    metric.name: vars(self.estimate(system, metric.name, part))
                    for metric in self.metrics
                }
                for system in self.systems
            }

        parts: dict[str, dict[str, Any]] = {}
        for part in self.parts():
            parts.setdefault(part.kind, {})[part.name] = block(part)
        differences: dict[str, dict[str, Any]] = {}
        for system, other in self.pairs():
            for metric in self.compared_metrics:
                comparison = self.compare(system, other, metric.name)
                entry = {**vars(comparison.difference), "p": comparison.p}
                differences.setdefault(f"{system} less {other}", {})[metric.name] = entry
        return json_values(
            {
                "stage": self.stage,
                "configuration": dict(self.configuration),
                "checksum_of_holes": self.checksum,
                "cases": self.cases,
                "systems": list(self.systems),
                "metrics": {
                    metric.name: {
                        "title": metric.title,
                        "better": metric.better,
                        "decimals": metric.decimals,
                    }
                    for metric in self.metrics
                },
                "overall": block(None),
                "sets": self.sets,
                "differences": differences,
                "parts": parts,
                "notes": list(self.notes),
                "results": [
                    {
                        "case": result.case,
                        "system": result.system,
                        "hole_area": round(result.hole_area, 6),
                        "groups": dict(result.groups),
                        "values": {
                            metric.name: result.values.get(metric.name, math.nan)
                            for metric in self.case_metrics
                        },
                    }
                    for result in self.results
                ],
            }
        )


def _of_area(low: float, high: float) -> Part:
    return Part(AREA_KIND, f"{low:g} to {high:g}", lambda result: low < result.hole_area <= high)


def _labelled(kind: str, name: str, labels: set[str]) -> Part:
    """The cases with any of some labels."""
    return Part(kind, name, lambda result: not labels.isdisjoint(result.labels(kind)))


def _by_number(text: str) -> list[tuple[int, float, str]]:
    """Sort key that puts "60 to 90" before "120 to 150"."""
    pieces = re.split(r"(\d+(?:\.\d+)?)", text)
    return [
        (0, float(piece), "") if index % 2 else (1, 0.0, piece)
        for index, piece in enumerate(pieces)
        if piece
    ]
