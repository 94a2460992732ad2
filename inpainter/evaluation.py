"""Measuring completion: several systems side by side on the same cases."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Protocol

import numpy as np

from inpainter.frozen import Case, HoleChecksum
from inpainter.measurements import CaseResult, Measurements, Metric
from inpainter.metrics import (
    IDENTITY_WARNING,
    FeatureExtractor,
    LandmarkFinder,
    MultiScaleSimilarity,
    colour_distance,
    frechet_distance,
    kernel_distance,
    l1,
    landmark_error,
    mean_over,
    psnr,
    seam_ring,
    sharpness_ratio,
    ssim_map,
)
from inpainter.metrics.multi_scale import SMALLEST_SIDE
from inpainter.picture_sheet import SheetRow
from weights.errors import ConfigurationError, InputError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from numpy.typing import NDArray

    from weights.contracts import Hole, Image

ERASED: Final = 127
"""Grey level that stands in the hole of what a system is given, so that no truth leaks into it."""


class CompletionSystem(Protocol):
    """What is measured: anything that fills holes as the pipeline's inpainters do."""

    def complete(self, crops: Sequence[Image], holes: Sequence[Hole]) -> list[Image]:
        """Return each crop filled, uint8 RGB of its own size."""
        ...


PICTURE_METRICS: Final[tuple[Metric, ...]] = (
    Metric("psnr_hole", "PSNR hole, dB", "higher", 2, headline=True),
    Metric("ssim_hole", "SSIM hole", "higher", 3, headline=True),
    Metric("ms_ssim_hole", "MS-SSIM hole", "higher", 3),
    Metric("l1_hole", "L1 hole", "lower", 4, headline=True),
    Metric("psnr", "PSNR picture, dB", "higher", 2),
    Metric("ssim", "SSIM picture", "higher", 3),
    Metric("ms_ssim", "MS-SSIM picture", "higher", 3),
    Metric("l1", "L1 picture", "lower", 4),
    Metric("psnr_seam", "PSNR seam, dB", "higher", 2),
    Metric("ssim_seam", "SSIM seam", "higher", 3, headline=True),
    Metric("ms_ssim_seam", "MS-SSIM seam", "higher", 3),
    Metric("l1_seam", "L1 seam", "lower", 4),
    Metric("lpips", "LPIPS", "lower", 3, headline=True),
    Metric("sharpness", "Sharpness", "one", 2, headline=True),
    Metric("colour", "Colour shift, Delta E", "lower", 2),
    Metric("face_found", "Face found", "higher", 3, headline=True),
    Metric("landmark_error", "Landmark error", "lower", 4, headline=True),
    Metric("identity", "Identity distance (information only)", "none", 3),
)
"""What one completed picture tells beside the true one; see `Instruments` for what some need."""

METRICS: Final[tuple[Metric, ...]] = (
    *PICTURE_METRICS,
    Metric("seconds", "Seconds a face", "lower", 3),
)
"""What is measured of an inpainter, in the order of tables."""


class IdentityDistance(Protocol):
    """Compares the faces of a result and of a truth by the true landmarks `(68, 2)`."""

    def __call__(self, result: Image, truth: Image, landmarks: NDArray[np.floating]) -> float:
        """Give the distance."""
        ...


class PerceptualDistance(Protocol):
    """Compares results with truths, pair by pair."""

    def __call__(self, results: Sequence[Image], truths: Sequence[Image]) -> list[float]:
        """Give one distance per pair."""
        ...


@dataclass(frozen=True)
class Instruments:
    """What is measured with beyond the pixels; each may be left out.

    Attributes:
        finder: finds landmarks, for `face_found` and `landmark_error`.
        identity: compares faces, as `inpainter.metrics.DlibIdentity`, for `identity`; needs
            `finder`.
        perceptual: as `inpainter.metrics.LearnedPerceptualDistance`, for `lpips`.
        features: for the distances of whole sets.
    """

    finder: LandmarkFinder | None = None
    identity: IdentityDistance | None = None
    perceptual: PerceptualDistance | None = None
    features: FeatureExtractor | None = None


def measure_case(
    case: Case,
    completed: Image,
    *,
    instruments: Instruments | None = None,
    true_landmarks: NDArray[np.float64] | None = None,
) -> dict[str, float]:
    """Measure one completed picture against the truth.

    Args:
        case: the true picture and the hole.
        completed: uint8 RGB of the same size.
        instruments: what is measured with; its set features are not taken here.
        true_landmarks: what the finder sees in the true picture; where it sees no face there, the
            face's figures are nan, because then the result is not to blame.

    Returns:
        A value for each of `PICTURE_METRICS`, nan where it does not apply: multi-scale SSIM needs
        176 pixels a side. Those over the hole are over `case.measured`.

    Raises:
        InputError: the sizes differ.
    """
    tools = instruments or Instruments()
    truth, frame = case.image, case.inside
    ring = seam_ring(case.hole)
    if frame is not None:
        ring &= frame
    values = dict.fromkeys((metric.name for metric in PICTURE_METRICS), math.nan)
    similarity = ssim_map(completed, truth)
    multi_scale = (
        MultiScaleSimilarity(completed, truth) if min(truth.shape[:2]) >= SMALLEST_SIDE else None
    )
    for ending, region in (("_hole", case.measured), ("", frame), ("_seam", ring)):
        values[f"l1{ending}"] = l1(completed, truth, region)
        values[f"psnr{ending}"] = psnr(completed, truth, region)
        values[f"ssim{ending}"] = mean_over(similarity, region)
        if multi_scale is not None:
            whole = region is None or bool(region.all())
            values[f"ms_ssim{ending}"] = multi_scale.over(None if whole else region)
    values["sharpness"] = sharpness_ratio(completed, truth, case.measured)
    values["colour"] = colour_distance(completed, truth, case.measured)
    if tools.perceptual is not None:
        values["lpips"] = tools.perceptual([completed], [truth])[0]
    if tools.finder is not None and true_landmarks is not None:
        found = tools.finder(completed)
        values["face_found"] = float(found is not None)
        if found is not None:
            values["landmark_error"] = landmark_error(found, true_landmarks)
        if tools.identity is not None:
            values["identity"] = tools.identity(completed, truth, true_landmarks)
    return values


def evaluate_inpainter(
    inpainters: Mapping[str, CompletionSystem],
    cases: Iterable[Case],
    *,
    batch: int = 8,
    instruments: Instruments | None = None,
    configuration: Mapping[str, Any] | None = None,
    seed: int = 0,
    resamples: int = 1000,
    known: Iterable[CaseResult] = (),
    keep: Callable[[CaseResult], None] | None = None,
    progress: Callable[[int], None] | None = None,
) -> Measurements:
    """Measure several systems on the same cases.

    A system is given the crop with mid grey in the hole, and of what it gives back only the hole's
    pixels are used: known pixels are the picture's own, as in the pipeline. Memory holds one batch
    of pictures, whatever the number of cases.

    Args:
        inpainters: name to system, in the order of tables.
        cases: the cases; they may be of different sizes, from 11 pixels a side.
        batch: how many cases a system is given at once.
        instruments: what is measured with beyond the pixels.
        configuration: settings that are written into the report.
        seed: of the bootstrap and of the kernel distance.
        resamples: of the bootstrap.
        known: results of an earlier run that was broken off, which are not measured again.
        keep: called with each new result, to store it.
        progress: called with the number of cases done after each batch.

    Returns:
        The measurements; `seconds` are wall-clock per face, batch time over batch size.

    Raises:
        ConfigurationError: there is no system.
        InputError: there is no case, two have one name, one has an empty hole, or a system gives
            back something other than one picture of the crop's size per crop.
    """
    if not inpainters:
        raise ConfigurationError("Measuring needs at least one inpainter.")
    tools = instruments or Instruments()
    earlier = {(result.case, result.system): result for result in known}
    checksum = HoleChecksum()
    results: list[CaseResult] = []
    warm: set[str] = set()
    seen: set[str] = set()
    for group in _batches(cases, max(1, batch)):
        for case in group:
            if case.name in seen or not case.measured.any():
                reason = "is there twice" if case.name in seen else "has no hole to measure"
                raise InputError(f"The case {case.name!r} {reason}.")
            seen.add(case.name)
            checksum.add(case)
        fresh = {
            system: [case for case in group if (case.name, system) not in earlier]
            for system in inpainters
        }
        landmarks: dict[str, NDArray[np.float64] | None] = {}
        if tools.finder is not None:
            wanted = {case.name: case for own in fresh.values() for case in own}
            landmarks = {name: tools.finder(case.image) for name, case in wanted.items()}
        for system, inpainter in inpainters.items():
            results += [
                earlier[case.name, system] for case in group if (case.name, system) in earlier
            ]
            if not fresh[system]:
                continue
            if system not in warm:
                # Networks are loaded at their first picture, which is no time of theirs per face.
                complete_cases(system, inpainter, fresh[system][:1])
                warm.add(system)
            start = time.perf_counter()
            pictures = complete_cases(system, inpainter, fresh[system])
            seconds = (time.perf_counter() - start) / len(pictures)
            features = set_features(tools, pictures, [case.image for case in fresh[system]])
            for case, picture, rows in zip(fresh[system], pictures, features, strict=True):
                values = measure_case(
                    case, picture, instruments=tools, true_landmarks=landmarks.get(case.name)
                )
                values["seconds"] = seconds
                area = float(case.hole.mean())
                result = CaseResult(case.name, system, area, dict(case.groups), values, rows)
                results.append(result)
                if keep is not None:
                    keep(result)
        if progress is not None:
            progress(len(seen))
    if not results:
        raise InputError("There is no case to measure on.")
    return Measurements(
        "inpainter",
        tuple(inpainters),
        tuple(results),
        METRICS,
        checksum.hex(),
        dict(configuration or {}),
        set_distances(results, seed),
        report_notes(tools),
        seed,
        resamples,
    )


def complete_cases(system: str, inpainter: CompletionSystem, cases: Sequence[Case]) -> list[Image]:
    """Fill the holes of cases; known pixels are the true picture's own.

    Raises:
        InputError: the system gives back something other than one picture per crop, of its size.
    """
    filled = inpainter.complete([erased(case) for case in cases], [case.hole for case in cases])
    if len(filled) != len(cases):
        raise InputError(
            f"The inpainter {system!r} gave {len(filled)} pictures for {len(cases)} crops."
        )
    composed = []
    for case, fill in zip(cases, filled, strict=True):
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


def erased(case: Case) -> Image:
    """The case's picture with mid grey in the hole."""
    crop = case.image.copy()
    crop[case.hole] = ERASED
    return crop


def case_rows(
    inpainters: Mapping[str, CompletionSystem], cases: Iterable[Case], names: Sequence[str]
) -> dict[str, SheetRow]:
    """Complete some cases once more, for a sheet of pictures.

    Args:
        inpainters: name to system.
        cases: those wanted, and maybe others.
        names: of the cases that are wanted.

    Returns:
        Case name to a row of the true picture, the one with a hole, and every system's.
    """
    rows = {}
    for case in cases:
        if case.name in names:
            cells = {"true": case.image, "with hole": erased(case)}
            for system, inpainter in inpainters.items():
                cells[system] = complete_cases(system, inpainter, [case])[0]
            rows[case.name] = SheetRow(case.name, cells)
    return rows


def set_features(
    instruments: Instruments, results: Sequence[Image], truths: Sequence[Image]
) -> list[tuple[NDArray[np.float32], NDArray[np.float32]] | None]:
    """Take the features of results and truths, pair by pair; None each without a network."""
    if instruments.features is None:
        return [None] * len(results)
    sizes = {picture.shape for picture in (*results, *truths)}
    if len(sizes) > 1:
        pairs = (
            instruments.features([result, truth])
            for result, truth in zip(results, truths, strict=True)
        )
        return [(pair[0], pair[1]) for pair in pairs]
    rows = instruments.features([*results, *truths])
    return list(zip(rows[: len(results)], rows[len(results) :], strict=True))


def set_distances(results: Iterable[CaseResult], seed: int) -> dict[str, dict[str, float]]:
    """Give for each system the distances of its pictures' features from the true ones'.

    Args:
        results: those without features are left out.
        seed: of the kernel distance.

    Returns:
        System to "frechet", "kernel" and "count"; empty without features of two cases.
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


def report_notes(instruments: Instruments) -> tuple[str, ...]:
    """What has to be said beside figures that were measured with these instruments."""
    notes = []
    if instruments.identity is not None:
        notes.append(IDENTITY_WARNING)
    if instruments.features is not None:
        notes.append(
            f"Set distances are on the features of {instruments.features.name!r}. The Fréchet "
            "distance falls with the number of pictures: compare it between equal numbers only."
        )
    return tuple(notes)


def _batches(cases: Iterable[Case], size: int) -> Iterator[list[Case]]:
    batch: list[Case] = []
    for case in cases:
        batch.append(case)
        if len(batch) == size:
            yield batch
            batch = []
    if batch:
        yield batch
