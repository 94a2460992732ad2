"""Evaluation of completion: several systems on the same cases."""

from __future__ import annotations

import math
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Unpack

import numpy as np
from numpy.typing import NDArray

from inpainter.evaluation.benchmark_cases import Case
from inpainter.evaluation.loop import (
    Instruments,
    MeasuringOptions,
    Procedure,
    Truths,
    beside,
    measure_systems,
)
from inpainter.evaluation.picture_sheet import SheetRow
from inpainter.evaluation.realism_figures import REALISM_METRICS
from inpainter.evaluation.results import CaseResult, Measurements, Metric
from inpainter.metrics import (
    SIGMAS,
    MultiScaleSimilarity,
    alternation,
    colour_distance,
    detail_kept,
    grid_energy,
    l1,
    landmark_error,
    mean_similarity,
    psnr,
    seam_ring,
    sharpness_ratio,
    ssim_map,
)
from inpainter.metrics.multi_scale import SMALLEST_SIDE
from weights.base.contracts import Hole, Image, Inpainter
from weights.base.errors import ConfigurationError, InputError

ERASED: Final = 127
"""Grey level of the hole in a system's input, so that no ground truth leaks."""


PICTURE_METRICS: Final[tuple[Metric, ...]] = (
    *(
        Metric(f"detail_{sigma}", f"Detail kept, {sigma} px", "one", 2, headline=sigma == 2)
        for sigma in SIGMAS
    ),
    Metric("grid", "Grid, 1 as in the truth", "one", 2),
    Metric("alternation", "Alternation, 1 as in the truth", "one", 2),
    Metric("psnr_hole", "PSNR hole, dB", "higher", 2, headline=True),
    Metric("ssim_hole", "SSIM hole", "higher", 3, headline=True),
    Metric("ms_ssim_hole", "MS-SSIM hole", "higher", 3),
    Metric("l1_hole", "L1 hole", "lower", 4),
    Metric("psnr", "PSNR picture, dB", "higher", 2),
    Metric("ssim", "SSIM picture", "higher", 3),
    Metric("ms_ssim", "MS-SSIM picture", "higher", 3),
    Metric("l1", "L1 picture", "lower", 4),
    Metric("psnr_seam", "PSNR seam, dB", "higher", 2),
    Metric("ssim_seam", "SSIM seam", "higher", 3),
    Metric("ms_ssim_seam", "MS-SSIM seam", "higher", 3),
    Metric("l1_seam", "L1 seam", "lower", 4),
    Metric("lpips", "LPIPS", "lower", 3, headline=True),
    Metric("sharpness", "Sharpness", "one", 2),
    Metric("colour", "Colour shift, Delta E", "lower", 2),
    Metric("face_found", "Face found", "higher", 3, headline=True),
    Metric("landmark_error", "Landmark error", "lower", 4, headline=True),
    Metric("identity", "Identity distance (information only)", "none", 3),
)
"""Metrics of one completed picture; see `Instruments` for what some need."""

METRICS: Final[tuple[Metric, ...]] = (
    *REALISM_METRICS,
    *PICTURE_METRICS,
    Metric("seconds", "Seconds a face", "lower", 3),
)
"""All metrics of an inpainter, in the order of tables."""


def measure_case(
    case: Case,
    completed: Image,
    *,
    instruments: Instruments | None = None,
    true_landmarks: NDArray[np.float64] | None = None,
) -> dict[str, float]:
    """Measure one completed picture against the ground truth.

    Args:
        case: the true picture and the hole.
        completed: uint8 RGB of the same size.
        instruments: the instruments; features for set metrics are not computed here.
        true_landmarks: landmarks found in the true picture; if none are, the face metrics are nan,
            because then the result is not to blame.

    Returns:
        A value for each of `PICTURE_METRICS`, nan if it does not apply: multi-scale SSIM needs 176
        pixels a side. Metrics of the hole are taken over `case.measured`.

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
        values[f"ssim{ending}"] = mean_similarity(similarity, region)
        if multi_scale is not None:
            whole = region is None or bool(region.all())
            values[f"ms_ssim{ending}"] = multi_scale.over(None if whole else region)
    for sigma, kept in detail_kept(completed, truth, case.measured).items():
        values[f"detail_{sigma}"] = kept
    for name, figure in (("grid", grid_energy), ("alternation", alternation)):
        # Not a ratio: the mean ratio of two figures that scatter round 1 is above 1.
        own, wanted = (figure(one, case.measured) for one in (completed, truth))
        values[name] = 1.0 + own - wanted
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


@dataclass(frozen=True, eq=False)
class Completed:
    """A system's result for a case, and its run time.

    Attributes:
        picture: uint8 RGB of the case's size, with the true picture's known pixels.
        seconds: wall-clock time.
    """

    picture: Image
    seconds: float


class CompletionProcedure(Procedure[Case, Inpainter, Completed]):
    """The procedure for systems that fill holes."""

    stage = "inpainter"
    metrics = METRICS

    def frozen(self, sample: Case) -> Case:
        """The case itself; its hole must contain a pixel with a ground truth."""
        if not sample.measured.any():
            raise InputError(f"The case {sample.name!r} has no hole to measure.")
        return sample

    def look(self, samples: Sequence[Case]) -> Truths:
        """Apply the instruments to the true pictures."""
        pictures = {case.name: case.image for case in samples}
        return Truths(
            self.instruments.landmarks_in(pictures),
            self.instruments.features_of(pictures),
            self.instruments.hole_features_of(pictures, _holes(samples)),
        )

    def run(self, name: str, system: Inpainter, samples: Sequence[Case]) -> list[Completed]:
        """Fill the holes; the time per face is the batch's time divided by its size."""
        began = time.perf_counter()
        pictures = complete_cases(name, system, samples)
        seconds = (time.perf_counter() - began) / len(samples)
        return [Completed(picture, seconds) for picture in pictures]

    def measure(
        self, name: str, samples: Sequence[Case], answers: Sequence[Completed], truths: Truths
    ) -> Iterator[CaseResult]:
        """Measure the completed pictures."""
        pictures = {case.name: one.picture for case, one in zip(samples, answers, strict=True)}
        tools = self.instruments
        features = beside(tools.features_of(pictures), truths.features)
        hole_features = beside(
            tools.hole_features_of(pictures, _holes(samples)), truths.hole_features
        )
        for case, answer in zip(samples, answers, strict=True):
            values = measure_case(
                case,
                answer.picture,
                instruments=tools,
                true_landmarks=truths.landmarks.get(case.name),
            )
            values["seconds"] = answer.seconds
            yield CaseResult(
                case.name,
                name,
                float(case.hole.mean()),
                dict(case.groups),
                values,
                features.get(case.name),
                hole_features.get(case.name),
            )


def _holes(samples: Sequence[Case]) -> dict[str, Hole]:
    return {case.name: case.measured for case in samples}


def evaluate_inpainter(
    inpainters: Mapping[str, Inpainter],
    cases: Iterable[Case],
    *,
    batch: int = 8,
    instruments: Instruments | None = None,
    **options: Unpack[MeasuringOptions],
) -> Measurements:
    """Evaluate several systems on the same cases.

    A system gets the crop with mid grey in the hole, or, if it `sees_hole`, the masked crop. Only
    the hole's pixels of its output are used; known pixels are the true picture's.

    Args:
        inpainters: name to system, in the order of tables.
        cases: the cases; sizes may differ, from 11 pixels a side.
        batch: number of cases per call of a system.
        instruments: instruments for metrics beyond pixels.
        **options: `configuration`, `seed`, `resamples`, `known`, `keep` and `progress`, see
            `inpainter.evaluation.loop.measure_systems`.

    Returns:
        The measurements; `seconds` are wall-clock per face, batch time over batch size.

    Raises:
        ConfigurationError: there is no system, or one needs masked pictures and a case has none.
        InputError: there is no case, two cases share a name, one has an empty hole, or a system
            does not return one picture of the crop's size per crop.
    """
    return measure_systems(
        CompletionProcedure(instruments),
        inpainters,
        cases,
        batch=batch,
        notes=[
            f"{name} sees the mask itself and was given masked faces instead of faces with a hole."
            for name, system in inpainters.items()
            if sees_hole(system)
        ],
        **options,
    )


def sees_hole(system: Inpainter) -> bool:
    """Whether a system, or its network, sees the pixels inside the hole."""
    return any(
        getattr(one, "sees_hole", False) for one in (system, getattr(system, "network", None))
    )


def needs_masks(system: str) -> ConfigurationError:
    """The error for a system that needs masked pictures, if cases have none."""
    return ConfigurationError(
        f"The inpainter {system!r} sees the mask itself and was not trained on empty holes: "
        "measure it on faces with drawn masks only (holes 'drawn-mask')."
    )


def complete_cases(system: str, inpainter: Inpainter, cases: Sequence[Case]) -> list[Image]:
    """Fill the holes of cases; known pixels are the true picture's.

    Raises:
        ConfigurationError: the system needs masked pictures, and a case has none.
        InputError: the system does not return one picture of the crop's size per crop.
    """
    given = [case.masked if sees_hole(inpainter) else erased(case) for case in cases]
    shown = [picture for picture in given if picture is not None]
    if len(shown) < len(cases):
        raise needs_masks(system)
    filled = inpainter.complete(shown, [case.hole for case in cases])
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
    """The case's picture, uint8 RGB `(H, W, 3)`, with mid grey in the hole."""
    crop = case.image.copy()
    crop[case.hole] = ERASED
    return crop


def case_rows(
    inpainters: Mapping[str, Inpainter], cases: Iterable[Case], names: Sequence[str]
) -> dict[str, SheetRow]:
    """Complete some cases again, for a sheet of pictures.

    Args:
        inpainters: name to system.
        cases: cases that include those wanted.
        names: names of the cases wanted.

    Returns:
        By case name, a row of the true picture, the masked one if a system sees it, the one with a
        hole, and every system's result.
    """
    rows = {}
    masks_matter = any(sees_hole(system) for system in inpainters.values())
    for case in cases:
        if case.name in names:
            cells = {"true": case.image}
            if masks_matter and case.masked is not None:
                cells["masked"] = case.masked
            cells["with hole"] = erased(case)
            for system, inpainter in inpainters.items():
                cells[system] = complete_cases(system, inpainter, [case])[0]
            rows[case.name] = SheetRow(case.name, cells)
    return rows
