"""Measuring completion: several systems side by side on the same cases."""

from __future__ import annotations

import csv
import io
import json
import math
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Protocol

import numpy as np

from inpainter.frozen import Case, HoleChecksum
from inpainter.metrics import (
    LandmarkFinder,
    colour_distance,
    l1,
    landmark_error,
    mean_over,
    psnr,
    seam_ring,
    sharpness_ratio,
    ssim_map,
)
from inpainter.picture_sheet import SheetRow, draw_sheet
from weights.atomic import atomic_path
from weights.errors import ConfigurationError, InputError, OutputError
from weights.provenance import make_mark, save_marked

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from weights.contracts import Hole, Image

ERASED: Final = 127
"""Grey level that stands in the hole of what a system is given, so that no truth leaks into it."""

AREA_BANDS: Final[tuple[tuple[float, float], ...]] = (
    (0.0, 0.1),
    (0.1, 0.2),
    (0.2, 0.3),
    (0.3, 0.4),
    (0.4, 0.5),
    (0.5, 0.6),
    (0.6, 1.0),
)
"""Bands of hole area, as shares of the picture, by which results are summed up."""


class CompletionSystem(Protocol):
    """What is measured: anything that fills holes as the pipeline's inpainters do."""

    def complete(self, crops: Sequence[Image], holes: Sequence[Hole]) -> list[Image]:
        """Return each crop filled, uint8 RGB of its own size."""
        ...


@dataclass(frozen=True)
class Metric:
    """One column of a report.

    Attributes:
        name: its key in files.
        title: its heading in tables.
        better: "higher", "lower" or "one" (nearest to 1).
        decimals: how many digits tables show.
    """

    name: str
    title: str
    better: str
    decimals: int


METRICS: Final[tuple[Metric, ...]] = (
    Metric("psnr_hole", "PSNR hole, dB", "higher", 2),
    Metric("ssim_hole", "SSIM hole", "higher", 3),
    Metric("l1_hole", "L1 hole", "lower", 4),
    Metric("psnr", "PSNR, dB", "higher", 2),
    Metric("ssim", "SSIM", "higher", 3),
    Metric("ssim_seam", "SSIM seam", "higher", 3),
    Metric("sharpness", "Sharpness", "one", 2),
    Metric("colour", "Colour shift, Delta E", "lower", 2),
    Metric("face_found", "Face found", "higher", 3),
    Metric("landmark_error", "Landmark error", "lower", 4),
    Metric("seconds", "Seconds a face", "lower", 3),
)
"""What is measured, in the order of tables; the face columns need a landmark finder."""


@dataclass(frozen=True)
class CaseResult:
    """What one system did on one case.

    Attributes:
        case: the case's name.
        system: the system's name.
        hole_area: share of the crop that is missing, 0 to 1.
        groups: the case's labels.
        values: metric name to value; nan where a metric does not apply.
    """

    case: str
    system: str
    hole_area: float
    groups: Mapping[str, str]
    values: Mapping[str, float]


@dataclass(frozen=True)
class Estimate:
    """A mean with its 95 % bootstrap confidence interval.

    Attributes:
        mean: over the cases where the metric applies; nan where there are none.
        low: lower end of the interval.
        high: upper end of the interval.
        count: number of cases.
    """

    mean: float
    low: float
    high: float
    count: int


def bootstrap_mean(
    values: Iterable[float], *, resamples: int = 1000, seed: int = 0, confidence: float = 0.95
) -> Estimate:
    """Estimate a mean and its percentile interval by drawing cases with replacement.

    Args:
        values: one per case; nan and infinite ones are left out.
        resamples: how often the cases are drawn again.
        seed: source of all chance.
        confidence: share of the draws inside the interval.

    Source: Efron 1979, "Bootstrap Methods: Another Look at the Jackknife".
    """
    finite = np.array([value for value in values if math.isfinite(value)], np.float64)
    if finite.size == 0:
        return Estimate(math.nan, math.nan, math.nan, 0)
    random = np.random.default_rng(seed)
    # Drawn in pieces: all resamples of thousands of cases at once would fill memory.
    means = np.concatenate(
        [
            finite[random.integers(finite.size, size=(len(piece), finite.size))].mean(axis=1)
            for piece in np.array_split(np.arange(resamples), max(1, resamples // 50))
        ]
    )
    tail = (1.0 - confidence) / 2.0
    low, high = np.quantile(means, (tail, 1.0 - tail))
    return Estimate(float(finite.mean()), float(low), float(high), int(finite.size))


@dataclass(frozen=True)
class CompletionReport:
    """All results of a comparison, and their summaries.

    Attributes:
        systems: names, in the order of tables.
        results: one per case and system.
        checksum: of names and holes, see `HoleChecksum`; reports compare when theirs are equal.
        configuration: what was measured with which settings; goes into the files as it is.
        sheet: picture rows of the first cases.
        seed: of the bootstrap.
        resamples: of the bootstrap.
    """

    systems: tuple[str, ...]
    results: tuple[CaseResult, ...]
    checksum: str
    configuration: Mapping[str, Any] = field(default_factory=dict)
    sheet: tuple[SheetRow, ...] = ()
    seed: int = 0
    resamples: int = 1000

    @property
    def metrics(self) -> list[Metric]:
        """The metrics that were measured on at least one case."""
        return [
            metric
            for metric in METRICS
            if any(not math.isnan(result.values[metric.name]) for result in self.results)
        ]

    def values(
        self, system: str, metric: str, where: Callable[[CaseResult], bool] = lambda _: True
    ) -> dict[str, float]:
        """Give one system's value of a metric per case name.

        Raises:
            ConfigurationError: the system or the metric is not in the report.
        """
        if system not in self.systems or metric not in {known.name for known in METRICS}:
            raise ConfigurationError(f"The report has no metric {metric!r} of {system!r}.")
        return {
            result.case: result.values[metric]
            for result in self.results
            if result.system == system and where(result)
        }

    def estimate(
        self, system: str, metric: str, where: Callable[[CaseResult], bool] = lambda _: True
    ) -> Estimate:
        """Give the mean of a metric over the cases that `where` accepts."""
        return self._bootstrap(self.values(system, metric, where).values())

    def difference(self, system: str, other: str, metric: str) -> Estimate:
        """Give the mean over cases of a system's value less another's on the same case.

        The interval is that of the paired differences: where it does not hold 0, the difference
        is larger than the chance of the draw.
        """
        mine, theirs = self.values(system, metric), self.values(other, metric)
        return self._bootstrap(mine[case] - theirs[case] for case in mine if case in theirs)

    def _bootstrap(self, values: Iterable[float]) -> Estimate:
        return bootstrap_mean(values, resamples=self.resamples, seed=self.seed)

    def parts(self) -> Iterator[tuple[str, str, Callable[[CaseResult], bool]]]:
        """Give (kind, part, test) of all parts with a case: hole bands first, then groups."""
        first = [result for result in self.results if result.system == self.systems[0]]
        for low, high in AREA_BANDS:

            def in_band(result: CaseResult, low: float = low, high: float = high) -> bool:
                return low <= result.hole_area < high or (high == 1.0 == result.hole_area)

            if any(in_band(result) for result in first):
                yield "hole area", f"{low:g} to {high:g}", in_band
        for kind in sorted({kind for result in first for kind in result.groups}):
            for part in sorted({r.groups[kind] for r in first if kind in r.groups}):

                def in_group(result: CaseResult, kind: str = kind, part: str = part) -> bool:
                    return result.groups.get(kind) == part

                yield kind, part, in_group

    def summary(self) -> dict[str, Any]:
        """Give the report as plain values for JSON: estimates overall, by band and by group."""

        def block(where: Callable[[CaseResult], bool]) -> dict[str, Any]:
            return {
                system: {
                    metric.name: vars(self.estimate(system, metric.name, where))
                    for metric in self.metrics
                }
                for system in self.systems
            }

        parts: dict[str, dict[str, Any]] = {}
        for kind, part, where in self.parts():
            parts.setdefault(kind, {})[part] = block(where)
        return {
            "configuration": dict(self.configuration),
            "checksum_of_holes": self.checksum,
            "cases": len({result.case for result in self.results}),
            "overall": block(lambda _: True),
            "differences": {
                f"{system} less {other}": {
                    metric.name: vars(self.difference(system, other, metric.name))
                    for metric in self.metrics
                }
                for system in self.systems[:1]
                for other in self.systems[1:]
            },
            "parts": parts,
        }

    def to_markdown(self) -> str:
        """Write the report as Markdown: all cases, differences, and one table per kind of part."""
        cases = len({result.case for result in self.results})
        lines = [
            "# Completion, measured",
            "",
            f"{cases} cases. Means with 95 % bootstrap intervals; checksum of the holes "
            f"`{self.checksum[:16]}`.",
            "",
            *(f"- {key}: {value}" for key, value in self.configuration.items()),
            "",
            "## All cases",
            "",
            *self._table(
                "system",
                [
                    (system, [self.estimate(system, metric.name) for metric in self.metrics])
                    for system in self.systems
                ],
            ),
        ]
        if len(self.systems) > 1:
            first = self.systems[0]
            rows = [
                (
                    f"{first} less {other}",
                    [self.difference(first, other, metric.name) for metric in self.metrics],
                )
                for other in self.systems[1:]
            ]
            lines += ["", "## Differences on the same cases", "", *self._table("systems", rows)]
        kinds: dict[str, list[tuple[str, list[Estimate]]]] = {}
        for kind, part, where in self.parts():
            for system in self.systems:
                estimates = [self.estimate(system, metric.name, where) for metric in self.metrics]
                kinds.setdefault(kind, []).append(
                    (f"{part} | {estimates[0].count} | {system}", estimates)
                )
        for kind, rows in kinds.items():
            lines += ["", f"## By {kind}", ""]
            lines += self._table(f"{kind} | cases | system", rows, intervals=False)
        return "\n".join(lines) + "\n"

    def _table(
        self, heading: str, rows: Sequence[tuple[str, Sequence[Estimate]]], intervals: bool = True
    ) -> list[str]:
        titles = " | ".join(metric.title for metric in self.metrics)
        cases = len({result.case for result in self.results})
        columns = heading.count("|") + 1
        lines = [
            f"| {heading} | {titles} |",
            "|" + "---|" * columns + "---:|" * len(self.metrics),
        ]
        for label, estimates in rows:
            cells = [
                _cell(estimate, metric.decimals, cases if intervals else None)
                for estimate, metric in zip(estimates, self.metrics, strict=True)
            ]
            lines.append(f"| {label} | " + " | ".join(cells) + " |")
        return lines

    def to_csv(self) -> str:
        """Write one line per case and system; empty cells where a metric does not apply."""
        kinds = sorted({kind for result in self.results for kind in result.groups})
        names = [metric.name for metric in self.metrics]
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(["case", "system", "hole_area", *kinds, *names])
        for result in self.results:
            writer.writerow(
                [
                    result.case,
                    result.system,
                    f"{result.hole_area:.6f}",
                    *(result.groups.get(kind, "") for kind in kinds),
                    *("" if math.isnan(v := result.values[name]) else f"{v:.6g}" for name in names),
                ]
            )
        return text.getvalue()

    def to_json(self) -> str:
        """Write the summary as JSON; what is not a finite number becomes null."""
        return json.dumps(_plain(self.summary()), indent=2, ensure_ascii=False) + "\n"

    def write(self, folder: str | Path, *, overwrite: bool = False) -> list[Path]:
        """Write report.md, report.json, cases.csv and, where there are rows, sheet.png.

        Args:
            folder: where to; made where it is missing.
            overwrite: whether files that exist are replaced.

        Returns:
            The written files.

        Raises:
            OutputError: a file exists and `overwrite` is False (found before anything is written),
                or cannot be written.
        """
        root = Path(folder)
        texts = {
            "report.md": self.to_markdown,
            "report.json": self.to_json,
            "cases.csv": self.to_csv,
        }
        names = [*texts, *(["sheet.png"] if self.sheet else [])]
        for name in names:
            if (root / name).exists() and not overwrite:
                raise OutputError(
                    f"{root / name} exists already and is not overwritten unless asked."
                )
        for name, make in texts.items():
            with atomic_path(root / name, overwrite=overwrite) as path:
                path.write_text(make(), encoding="utf-8")
        if self.sheet:
            with atomic_path(root / "sheet.png", overwrite=overwrite) as path:
                save_marked(draw_sheet(self.sheet), path, make_mark())
        return [root / name for name in names]


def _cell(estimate: Estimate, decimals: int, cases: int | None) -> str:
    """Write an estimate; with its interval, and its own count where it is not all `cases`."""
    if not estimate.count:
        return "-"
    text = f"{estimate.mean:.{decimals}f}"
    if cases is not None:
        text += f" ({estimate.low:.{decimals}f} to {estimate.high:.{decimals}f})"
        if estimate.count != cases:
            text += f", {estimate.count} cases"
    return text


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _plain(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(one) for one in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, str | int | float | bool) or value is None:
        return value
    return str(value)


def measure_case(
    case: Case,
    completed: Image,
    *,
    finder: LandmarkFinder | None = None,
    true_landmarks: NDArray[np.float64] | None = None,
) -> dict[str, float]:
    """Measure one completed picture against the truth.

    Args:
        case: the true picture and the hole.
        completed: uint8 RGB of the same size, equal to the truth outside the hole.
        finder: finds landmarks; None leaves `face_found` and `landmark_error` as nan.
        true_landmarks: what the finder sees in the true picture; where it sees no face there, both
            are nan as well, because then the result is not to blame.

    Returns:
        A value for each of `METRICS` but "seconds"; those over the hole are over `case.measured`.

    Raises:
        InputError: the sizes differ.
    """
    region = case.measured
    similarity = ssim_map(completed, case.image)
    ring = seam_ring(case.hole)
    if case.inside is not None:
        ring &= case.inside
    values = {
        "psnr_hole": psnr(completed, case.image, region),
        "ssim_hole": mean_over(similarity, region),
        "l1_hole": l1(completed, case.image, region),
        "psnr": psnr(completed, case.image, case.inside),
        "ssim": mean_over(similarity, case.inside),
        "ssim_seam": mean_over(similarity, ring),
        "sharpness": sharpness_ratio(completed, case.image, region),
        "colour": colour_distance(completed, case.image, region),
        "face_found": math.nan,
        "landmark_error": math.nan,
    }
    if finder is not None and true_landmarks is not None:
        found = finder(completed)
        values["face_found"] = float(found is not None)
        if found is not None:
            values["landmark_error"] = landmark_error(found, true_landmarks)
    return values


def _batches(cases: Iterable[Case], size: int) -> Iterator[list[Case]]:
    batch: list[Case] = []
    for case in cases:
        batch.append(case)
        if len(batch) == size:
            yield batch
            batch = []
    if batch:
        yield batch


def evaluate_inpainter(
    inpainters: Mapping[str, CompletionSystem],
    cases: Iterable[Case],
    *,
    batch: int = 8,
    finder: LandmarkFinder | None = None,
    sheet_rows: int = 12,
    configuration: Mapping[str, Any] | None = None,
    seed: int = 0,
    resamples: int = 1000,
    progress: Callable[[int], None] | None = None,
) -> CompletionReport:
    """Measure several systems on the same cases.

    A system is given the crop with mid grey in the hole, and of what it gives back only the hole's
    pixels are used: known pixels are the picture's own, as in the pipeline. Memory holds one batch
    of pictures and the sheet's, whatever the number of cases.

    Args:
        inpainters: name to system, in the order of tables; the first is compared to the others.
        cases: the cases; they may be of different sizes, from 11 pixels a side.
        batch: how many cases a system is given at once.
        finder: landmark finder for `face_found` and `landmark_error`.
        sheet_rows: how many of the first cases are kept as pictures.
        configuration: settings that are written into the report.
        seed: of the bootstrap.
        resamples: of the bootstrap.
        progress: called with the number of cases done after each batch.

    Returns:
        The report; `seconds` are wall-clock per face, batch time over batch size.

    Raises:
        ConfigurationError: there is no system.
        InputError: there is no case, two have one name, one has an empty hole, or a system gives
            back something other than one picture of the crop's size per crop.
    """
    if not inpainters:
        raise ConfigurationError("Measuring needs at least one inpainter.")
    checksum = HoleChecksum()
    results: list[CaseResult] = []
    rows: list[SheetRow] = []
    seen: set[str] = set()
    for group in _batches(cases, max(1, batch)):
        for case in group:
            if case.name in seen or not case.measured.any():
                reason = "is there twice" if case.name in seen else "has no hole to measure"
                raise InputError(f"The case {case.name!r} {reason}.")
            seen.add(case.name)
            checksum.add(case)
        erased = [_erased(case) for case in group]
        holes = [case.hole for case in group]
        true_landmarks = [finder(case.image) if finder else None for case in group]
        pictures: dict[str, list[Image]] = {}
        for system, inpainter in inpainters.items():
            if not results:
                # Networks are loaded at their first picture, which is no time of theirs per face.
                inpainter.complete([erased[0].copy()], holes[:1])
            start = time.perf_counter()
            filled = inpainter.complete([crop.copy() for crop in erased], holes)
            seconds = (time.perf_counter() - start) / len(group)
            pictures[system] = _composed(system, group, filled)
            for case, picture, points in zip(group, pictures[system], true_landmarks, strict=True):
                values = measure_case(case, picture, finder=finder, true_landmarks=points)
                values["seconds"] = seconds
                area = float(case.hole.mean())
                results.append(CaseResult(case.name, system, area, dict(case.groups), values))
        for index, case in enumerate(group[: max(0, sheet_rows - len(rows))]):
            cells = {"true": case.image, "with hole": erased[index]}
            cells |= {system: pictures[system][index] for system in inpainters}
            rows.append(SheetRow(case.name, cells))
        if progress is not None:
            progress(len(seen))
    if not results:
        raise InputError("There is no case to measure on.")
    return CompletionReport(
        tuple(inpainters),
        tuple(results),
        checksum.hex(),
        dict(configuration or {}),
        tuple(rows),
        seed,
        resamples,
    )


def _erased(case: Case) -> Image:
    crop = case.image.copy()
    crop[case.hole] = ERASED
    return crop


def _composed(system: str, group: Sequence[Case], filled: Sequence[Image]) -> list[Image]:
    if len(filled) != len(group):
        raise InputError(
            f"The inpainter {system!r} gave {len(filled)} pictures for {len(group)} crops."
        )
    composed = []
    for case, fill in zip(group, filled, strict=True):
        if (
            not isinstance(fill, np.ndarray)
            or fill.shape != case.image.shape
            or fill.dtype != np.uint8
        ):
            raise InputError(
                f"The inpainter {system!r} must give a uint8 picture of the crop's size "
                f"{case.image.shape}, but gave {getattr(fill, 'shape', type(fill).__name__)}."
            )
        picture = case.image.copy()
        picture[case.hole] = fill[case.hole]
        composed.append(picture)
    return composed
