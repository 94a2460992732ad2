"""The evaluation loop: several systems on the same cases, in batches."""

from __future__ import annotations

import itertools
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, Generic, Protocol, TypedDict, TypeVar, Unpack

import numpy as np
from numpy.typing import NDArray

from inpainter.evaluation.benchmark_cases import Case, HoleChecksum
from inpainter.evaluation.realism_figures import REALISM_NOTE
from inpainter.evaluation.results import CaseResult, Measurements, Metric
from inpainter.metrics import (
    IDENTITY_WARNING,
    FeatureExtractor,
    LandmarkFinder,
    frechet_distance,
    kernel_distance,
)
from weights.base.contracts import Hole, Image
from weights.base.errors import ConfigurationError, InputError

IdentityDistance = Callable[[Image, Image, NDArray[np.floating]], float]
"""Compares the faces of a result and its ground truth, given the true landmarks `(68, 2)`."""

HoleFeatureNetwork = Callable[[Sequence[Image], Sequence[Hole]], NDArray[np.float32]]
"""Computes features `(N, D)` inside the holes of N pictures of one size."""

PerceptualDistance = Callable[[Sequence[Image], Sequence[Image]], list[float]]
"""Compares results with their ground truths, pair by pair: one distance per pair."""


@dataclass(frozen=True)
class Instruments:
    """Instruments for metrics beyond pixels; all are optional.

    Attributes:
        finder: finds landmarks, for `face_found` and `landmark_error`.
        identity: compares faces, like `inpainter.metrics.DlibIdentity`, for `identity`; needs
            `finder`.
        perceptual: like `inpainter.metrics.LearnedPerceptualDistance`, for `lpips`.
        features: features for set distances.
        realism: like `inpainter.metrics.HoleFeatures`, for `inpainter.evaluation.realism_figures`.
    """

    finder: LandmarkFinder | None = None
    identity: IdentityDistance | None = None
    perceptual: PerceptualDistance | None = None
    features: FeatureExtractor | None = None
    realism: HoleFeatureNetwork | None = None

    def landmarks_in(self, pictures: Mapping[str, Image]) -> dict[str, NDArray[np.float64] | None]:
        """Find landmarks `(68, 2)` in pictures, by case name; empty without a finder."""
        if self.finder is None:
            return {}
        return {name: self.finder(picture) for name, picture in pictures.items()}

    def features_of(self, pictures: Mapping[str, Image]) -> dict[str, NDArray[np.float32]]:
        """Compute features `(D,)` of pictures, by case name; empty without a network."""
        return {} if self.features is None else _rows_of(self.features, pictures)

    def hole_features_of(
        self, pictures: Mapping[str, Image], holes: Mapping[str, Hole]
    ) -> dict[str, NDArray[np.float32]]:
        """Compute features `(D,)` inside holes, by case name; empty without a network."""
        return {} if self.realism is None else _rows_of(self.realism, pictures, holes)


def _rows_of(
    network: Callable[..., NDArray[np.float32]], *columns: Mapping[str, Any]
) -> dict[str, NDArray[np.float32]]:
    """Compute a row of features for every picture, in one batch if all have the same size.

    Args:
        network: computes features `(N, D)`.
        columns: the pictures by case name, and what else the network takes of each.
    """
    names = list(columns[0])
    given = [[column[name] for name in names] for column in columns]
    if len({picture.shape for picture in given[0]}) == 1:
        return dict(zip(names, network(*given), strict=True))
    return {
        name: network(*([one] for one in own))[0] for name, *own in zip(names, *given, strict=True)
    }


@dataclass(frozen=True)
class Truths:
    """The instruments' results on the true pictures of a batch, shared by all systems.

    Attributes:
        landmarks: landmarks `(68, 2)` by case name; None if no face is found.
        features: features `(D,)` by case name.
        hole_features: features `(D,)` inside the hole by case name.
    """

    landmarks: Mapping[str, NDArray[np.float64] | None]
    features: Mapping[str, NDArray[np.float32]]
    hole_features: Mapping[str, NDArray[np.float32]] = field(default_factory=dict)


def beside(
    results: Mapping[str, NDArray[np.float32]], truths: Mapping[str, NDArray[np.float32]]
) -> dict[str, tuple[NDArray[np.float32], NDArray[np.float32]]]:
    """Pair the features `(D,)` of results, by case name, with those of their ground truths."""
    return {name: (row, truths[name]) for name, row in results.items()}


class _Named(Protocol):
    @property
    def name(self) -> str: ...


Sample = TypeVar("Sample", bound=_Named)
System = TypeVar("System")
Answer = TypeVar("Answer")


class Procedure(ABC, Generic[Sample, System, Answer]):
    """How one stage is measured; called by `measure_systems`.

    Args:
        instruments: instruments for metrics beyond pixels.
    """

    stage: ClassVar[str]
    """The stage: "inpainter" or "pipeline"."""

    metrics: ClassVar[tuple[Metric, ...]]
    """All possible metrics, in the order of tables."""

    def __init__(self, instruments: Instruments | None = None) -> None:
        self.instruments = instruments or Instruments()

    @abstractmethod
    def frozen(self, sample: Sample) -> Case:
        """The case of a sample, for the checksum.

        Raises:
            InputError: there is nothing to measure.
        """

    @abstractmethod
    def look(self, samples: Sequence[Sample]) -> Truths:
        """Apply the instruments to the ground truths of samples, once for all systems."""

    @abstractmethod
    def run(self, name: str, system: System, samples: Sequence[Sample]) -> list[Answer]:
        """Run a system on samples, and measure its time.

        Raises:
            InputError: its answer is invalid.
        """

    @abstractmethod
    def measure(
        self, name: str, samples: Sequence[Sample], answers: Sequence[Answer], truths: Truths
    ) -> Iterator[CaseResult]:
        """Measure a system's answers one by one."""


class MeasuringOptions(TypedDict, total=False):
    """Keyword arguments of `measure_systems`; documented in `Measuring`."""

    configuration: Mapping[str, Any] | None
    seed: int
    resamples: int
    known: Iterable[CaseResult]
    keep: Callable[[CaseResult], None] | None
    progress: Callable[[int], None] | None


@dataclass(frozen=True, kw_only=True)
class Measuring:
    """How a measurement is reported and resumed.

    Attributes:
        configuration: settings to write to the report.
        seed: random seed of the bootstrap and the kernel distance.
        resamples: number of bootstrap resamples.
        known: results of an earlier, interrupted run, which are not measured again.
        keep: called with each new result to store it.
        progress: called with the number of samples done after each batch.
    """

    configuration: Mapping[str, Any] | None = None
    seed: int = 0
    resamples: int = 1000
    known: Iterable[CaseResult] = ()
    keep: Callable[[CaseResult], None] | None = None
    progress: Callable[[int], None] | None = None


def measure_systems(
    procedure: Procedure[Sample, System, Answer],
    systems: Mapping[str, System],
    samples: Iterable[Sample],
    *,
    batch: int,
    notes: Sequence[str] = (),
    **options: Unpack[MeasuringOptions],
) -> Measurements:
    """Measure several systems on the same samples.

    Only one batch of pictures is held in memory, plus the figures and, for set distances, a row of
    features per sample and system.

    Args:
        procedure: how the stage is measured.
        systems: name to system, in the order of tables.
        samples: the samples.
        batch: number of samples per call of a system.
        notes: notes to show with the figures.
        **options: `configuration`, `seed`, `resamples`, `known`, `keep` and `progress`, see
            `Measuring`.

    Raises:
        ConfigurationError: there is no system.
        InputError: there is no sample, two share a name, or the procedure rejects one.
    """
    if not systems:
        raise ConfigurationError(f"Measuring needs at least one {procedure.stage}.")
    measuring = Measuring(**options)
    earlier = {(result.case, result.system): result for result in measuring.known}
    checksum = HoleChecksum()
    results: list[CaseResult] = []
    warm: set[str] = set()
    seen: set[str] = set()
    left = iter(samples)
    while group := list(itertools.islice(left, max(1, batch))):
        for sample in group:
            if sample.name in seen:
                raise InputError(f"The case {sample.name!r} occurs twice.")
            seen.add(sample.name)
            checksum.add(procedure.frozen(sample))
        fresh = {
            name: [sample for sample in group if (sample.name, name) not in earlier]
            for name in systems
        }
        wanted = {sample.name: sample for own in fresh.values() for sample in own}
        truths = procedure.look(list(wanted.values()))
        for name, system in systems.items():
            results += [earlier[one.name, name] for one in group if (one.name, name) in earlier]
            if not fresh[name]:
                continue
            if name not in warm:
                # Networks are loaded on the first picture, which should not be timed.
                procedure.run(name, system, fresh[name][:1])
                warm.add(name)
            answers = procedure.run(name, system, fresh[name])
            for result in procedure.measure(name, fresh[name], answers, truths):
                results.append(result)
                if measuring.keep is not None:
                    measuring.keep(result)
        if measuring.progress is not None:
            measuring.progress(len(seen))
    if not results:
        raise InputError("There are no cases to measure.")
    return Measurements(
        procedure.stage,
        tuple(systems),
        tuple(results),
        procedure.metrics,
        checksum.hex(),
        dict(measuring.configuration or {}),
        _set_distances(results, measuring.seed),
        (*notes, *_instrument_notes(procedure.instruments)),
        measuring.seed,
        measuring.resamples,
    )


def _set_distances(results: Iterable[CaseResult], seed: int) -> dict[str, dict[str, float]]:
    """Return for each system the distances between its pictures' features and the true ones'.

    Args:
        results: the results; those without features are left out.
        seed: random seed of the kernel distance.

    Returns:
        "frechet", "kernel" and "count" by system; empty without features of two cases.
    """
    rows: dict[str, list[tuple[NDArray[np.float32], NDArray[np.float32]]]] = {}
    for result in results:
        if result.features is not None:
            rows.setdefault(result.system, []).append(result.features)
    distances: dict[str, dict[str, float]] = {}
    for system, pairs in rows.items():
        if len(pairs) > 1:
            filled, true = (np.stack(column) for column in zip(*pairs, strict=True))
            distances[system] = {
                "frechet": frechet_distance(true, filled),
                "kernel": kernel_distance(true, filled, seed),
                "count": len(pairs),
            }
    return distances


def _instrument_notes(instruments: Instruments) -> tuple[str, ...]:
    """Notes on figures measured with these instruments."""
    notes = []
    if instruments.realism is not None:
        notes.append(REALISM_NOTE)
    if instruments.identity is not None:
        notes.append(IDENTITY_WARNING)
    if instruments.features is not None:
        notes.append(
            f"Set distances are on the features of {instruments.features.name!r}. The Fréchet "
            "distance falls with the number of pictures: compare it between equal numbers only."
        )
    return tuple(notes)
