"""Measures whole pipelines on faces with drawn masks and on real photos with mask outlines."""

from __future__ import annotations

import math
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final, Unpack

import numpy as np
from numpy.typing import NDArray

from detector.data.annotations import AnnotatedPicture
from inpainter.data.framing import face_square, reflected_crop, resize_crop
from inpainter.evaluation.benchmark_cases import Case, band
from inpainter.evaluation.evaluate import PICTURE_METRICS, measure_case
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
from inpainter.evaluation.results import SEPARATOR, CaseResult, Measurements, Metric
from pipeline.core import Pipeline
from pipeline.evaluation.drawn_faces import DrawnFaces, framed_case
from pipeline.evaluation.outlines import outlined
from pipeline.result import UnmaskResult
from weights.base.contracts import Image, Mask, check_image, check_mask
from weights.base.errors import InputError

FOUND_SHARE: Final = 0.5
"""Fraction of a mask's pixels that the holes must cover for it to count as found."""

CROP: Final = 256
"""Side at which set features and faces on photos are computed, in pixels."""

UNMASKING_METRICS: Final[tuple[Metric, ...]] = (
    Metric("masks_found", "Masks found", "higher", 3, headline=True),
    Metric("mask_left", "Mask pixels left", "lower", 4, headline=True),
    Metric("mask_left_found", "Mask pixels left, found masks", "lower", 4),
    Metric("straps_left", "Strap pixels left, found masks", "lower", 3),
    Metric("excess", "Filled beyond found masks", "lower", 3),
    Metric("falsely_changed", "Pictures without masks changed", "lower", 4, headline=True),
    Metric("known_changed", "Known pixels changed (must be 0)", "lower", 6),
    *REALISM_METRICS,
    *(
        replace(one, title=one.title.replace("hole", "mask").replace("picture", "face crop"))
        for one in PICTURE_METRICS
    ),
    Metric("seconds", "Seconds a picture", "lower", 3),
    *(
        Metric(f"seconds_{stage}", f"of them {stage}", "lower", 3)
        for stage in ("detector", "refiner", "inpainter", "blender")
    ),
)
"""Metrics of a pipeline. If the true face is known, "mask" metrics are over the pixels that the
mask hid, whether or not the pipeline found it."""


@dataclass(frozen=True, eq=False)
class UnmaskingCase:
    """A picture with known masks.

    Attributes:
        name: unique in a set.
        image: the pipeline's input, uint8 RGB `(H, W, 3)`.
        masks: bool `(H, W)` each; none for a picture without masks.
        truth: the picture without the masks, if known.
        ignored: bool `(H, W)`, masks too small to count; filling them is neither right nor wrong.
        straps: bool `(H, W)`, ear loops and bands outside the masks, if known.
        groups: labels of the case.
    """

    name: str
    image: Image
    masks: tuple[Mask, ...]
    truth: Image | None = None
    ignored: Mask | None = None
    straps: Mask | None = None
    groups: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        check_image(self.image, f"image of case {self.name}")
        for mask in self.masks:
            check_mask(mask, self.image.shape[:2], f"mask of case {self.name}")

    @property
    def hidden(self) -> Mask:
        """The pixels of all masks, bool `(H, W)`."""
        return np.logical_or.reduce([np.zeros(self.image.shape[:2], np.bool_), *self.masks])


class UnmaskingCases:
    """Cases from faces with drawn masks and from annotated photos, the same on each pass.

    Args:
        drawn: sets of faces on which masks are drawn.
        photographs: sets of annotated pictures, by name.
        min_width: masks on photos narrower than this, in pixels, do not count.
    """

    def __init__(
        self,
        drawn: Sequence[DrawnFaces] = (),
        photographs: Mapping[str, Sequence[AnnotatedPicture]] | None = None,
        *,
        min_width: float = 60.0,
    ) -> None:
        self.drawn = tuple(drawn)
        self.photographs = dict(photographs or {})
        self.min_width = min_width

    def __len__(self) -> int:
        return sum(map(len, self.drawn)) + sum(map(len, self.photographs.values()))

    def __iter__(self) -> Iterator[UnmaskingCase]:
        """Give the cases.

        Raises:
            InputError: a picture cannot be read.
        """
        return self.only(None)

    def only(self, names: Iterable[str] | None) -> Iterator[UnmaskingCase]:
        """Yield the cases of these names, None for all, without reading the others."""
        wanted = None if names is None else set(names)
        for faces in self.drawn:
            for face in faces.only(wanted):
                yield UnmaskingCase(
                    face.name,
                    face.masked,
                    (face.mask,),
                    face.image,
                    straps=face.straps,
                    groups=face.groups,
                )
        for label, pictures in self.photographs.items():
            for picture in pictures:
                name = f"{label}/{picture.file.name}"
                if wanted is None or name in wanted:
                    yield self._photograph(name, label, picture)

    def _photograph(self, name: str, label: str, picture: AnnotatedPicture) -> UnmaskingCase:
        image = picture.load()
        size = (image.shape[0], image.shape[1])
        masks, ignored = [], np.zeros(size, np.bool_)
        for mask in picture.masks:
            drawn = mask.draw(size)
            if mask.width < self.min_width or not drawn.any():
                ignored |= drawn
            else:
                masks.append(drawn)
        groups = {"set": label}
        if picture.tags:
            groups["tag"] = SEPARATOR.join(picture.tags)
        if masks:
            widths = [mask.width for mask in picture.masks if mask.width >= self.min_width]
            groups["mask width"] = band(max(widths), (60, 120, 240, 480), "px")
        return UnmaskingCase(name, image, tuple(masks), ignored=ignored, groups=groups)


def measure_unmasking(
    case: UnmaskingCase,
    result: UnmaskResult,
    *,
    instruments: Instruments | None = None,
    true_landmarks: NDArray[np.float64] | None = None,
) -> dict[str, float]:
    """Measure a pipeline's result for one picture.

    Args:
        case: the picture and its ground truth.
        result: the pipeline's output.
        instruments: what is measured with beyond the pixels.
        true_landmarks: detected in the face crop of the truth, see `face_crop`.

    Returns:
        A value for each of `UNMASKING_METRICS` except the set distances; nan if it does not apply.

    Raises:
        InputError: the result and the picture differ in size.
    """
    if result.image.shape != case.image.shape or result.hole.shape != case.image.shape[:2]:
        raise InputError(
            f"The result for {case.name!r} has the size {result.image.shape[:2]} instead of "
            f"{case.image.shape[:2]}."
        )
    values = dict.fromkeys((metric.name for metric in UNMASKING_METRICS), math.nan)
    hole = result.hole
    changed = (result.image != case.image).any(axis=2)
    known = ~hole
    values["known_changed"] = float(changed[known].mean()) if known.any() else 0.0
    values["seconds"] = sum(result.timings.values())
    for stage, seconds in result.timings.items():
        if f"seconds_{stage}" in values:
            values[f"seconds_{stage}"] = seconds
    if not case.masks:
        # A picture whose masks are too small to count still shows masks.
        if case.ignored is None or not case.ignored.any():
            values["falsely_changed"] = float(hole.any())
        return values
    left = [float((mask & known).sum() / mask.sum()) for mask in case.masks]
    found = [share <= 1.0 - FOUND_SHARE for share in left]
    values["masks_found"] = float(np.mean(found))
    values["mask_left"] = float(np.mean(left))
    if any(found):
        values["mask_left_found"] = float(np.mean(np.extract(found, left)))
        outside = hole & ~case.hidden
        for beside in (case.ignored, case.straps):
            if beside is not None:
                outside &= ~beside
        if case.straps is not None and case.straps.any():
            values["straps_left"] = float((case.straps & known).sum() / case.straps.sum())
        of_found = sum(int(mask.sum()) for mask, hit in zip(case.masks, found, strict=True) if hit)
        values["excess"] = float(outside.sum() / of_found)
    tools = instruments or Instruments()
    if case.truth is not None:
        framed = framed_case(case.name, case.truth, case.hidden, case.groups)
        crop = face_crop(result.image, case.hidden)
        values |= measure_case(framed, crop, instruments=tools, true_landmarks=true_landmarks)
    elif tools.finder is not None:
        crops = [_sized_crop(result.image, mask) for mask in case.masks]
        values["face_found"] = float(np.mean([tools.finder(crop) is not None for crop in crops]))
    return values


def face_crop(image: Image, hidden: Mask) -> Image:
    """Crop the square `(S, S, 3)` that the pipeline sees round a mask; see `reflected_crop`."""
    return reflected_crop(image, face_square(hidden))


def _sized_crop(image: Image, hidden: Mask) -> Image:
    """The same, resized to a side of `CROP` pixels."""
    crop = face_crop(image, hidden)
    return resize_crop(crop, np.zeros(crop.shape[:2], np.bool_), CROP)[0]


def _with_truth(samples: Sequence[UnmaskingCase]) -> list[tuple[UnmaskingCase, Image]]:
    """The cases with masks and known truth, each with its truth."""
    return [(case, case.truth) for case in samples if case.truth is not None and case.masks]


def _sized_holes(samples: Sequence[UnmaskingCase]) -> dict[str, Mask]:
    """The pixels that the masks hide in such crops, within the picture's frame."""
    return {
        case.name: framed_case(case.name, truth, case.hidden, {}, CROP).measured
        for case, truth in _with_truth(samples)
    }


class UnmaskingProcedure(Procedure[UnmaskingCase, "Pipeline", "UnmaskResult"]):
    """Measures whole pipelines."""

    stage = "pipeline"
    metrics = UNMASKING_METRICS

    def frozen(self, sample: UnmaskingCase) -> Case:
        """The case with all its masks as the hole."""
        return Case(sample.name, sample.image, sample.hidden)

    def look(self, samples: Sequence[UnmaskingCase]) -> Truths:
        """Compute features of the true faces, if known."""
        truths = [(case.name, truth, case.hidden) for case, truth in _with_truth(samples)]
        crops = {name: _sized_crop(truth, hidden) for name, truth, hidden in truths}
        whole = {name: face_crop(truth, hidden) for name, truth, hidden in truths}
        return Truths(
            self.instruments.landmarks_in(whole),
            self.instruments.features_of(crops),
            self.instruments.hole_features_of(crops, _sized_holes(samples)),
        )

    def run(
        self, name: str, system: Pipeline, samples: Sequence[UnmaskingCase]
    ) -> list[UnmaskResult]:
        """Take the masks off; time not spent in a stage counts as "other"."""
        began = time.perf_counter()
        answers = system.run([case.image for case in samples])
        seconds = (time.perf_counter() - began) / len(samples)
        if len(answers) != len(samples):
            raise InputError(
                f"The pipeline {name!r} gave {len(answers)} results for {len(samples)} pictures."
            )
        for answer in answers:
            answer.timings.setdefault("other", max(0.0, seconds - sum(answer.timings.values())))
        return answers

    def measure(
        self,
        name: str,
        samples: Sequence[UnmaskingCase],
        answers: Sequence[UnmaskResult],
        truths: Truths,
    ) -> Iterator[CaseResult]:
        """Measure the results, against the truth if known."""
        images = {case.name: one.image for case, one in zip(samples, answers, strict=True)}
        crops = {
            case.name: _sized_crop(images[case.name], case.hidden)
            for case, _ in _with_truth(samples)
        }
        tools = self.instruments
        features = beside(tools.features_of(crops), truths.features)
        hole_features = beside(
            tools.hole_features_of(crops, _sized_holes(samples)), truths.hole_features
        )
        for case, answer in zip(samples, answers, strict=True):
            landmarks = truths.landmarks.get(case.name)
            values = measure_unmasking(case, answer, instruments=tools, true_landmarks=landmarks)
            groups = {**case.groups, **_found_group(values["masks_found"])}
            yield CaseResult(
                case.name,
                name,
                _area(case),
                groups,
                values,
                features.get(case.name),
                hole_features.get(case.name),
            )


def evaluate_pipelines(
    pipelines: Mapping[str, Pipeline],
    cases: Iterable[UnmaskingCase],
    *,
    batch: int = 4,
    instruments: Instruments | None = None,
    **options: Unpack[MeasuringOptions],
) -> Measurements:
    """Measure several pipelines on the same pictures.

    Args:
        pipelines: name to pipeline, in the order of tables.
        cases: the pictures.
        batch: pictures per batch.
        instruments: what is measured with beyond the pixels.
        **options: `configuration`, `seed`, `resamples`, `known`, `keep` and `progress`, see
            `inpainter.evaluation.loop.measure_systems`.

    Raises:
        ConfigurationError: there is no pipeline.
        InputError: there is no case, two have the same name, or a pipeline does not return one
            result of the picture's size per picture.
    """
    procedure = UnmaskingProcedure(instruments)
    return measure_systems(procedure, pipelines, cases, batch=batch, **options)


def _found_group(share: float) -> dict[str, str]:
    """The group label that separates found from missed masks."""
    if math.isnan(share):
        return {}
    return {"masks": "all found" if share == 1.0 else "some found" if share else "none found"}


def _area(case: UnmaskingCase) -> float:
    """Mean fraction of the crops round the masks that they hide; 0 without masks."""
    shares = [float(reflected_crop(mask, face_square(mask)).mean()) for mask in case.masks]
    return float(np.mean(shares)) if shares else 0.0


def unmasking_rows(
    pipelines: Mapping[str, Pipeline],
    cases: Iterable[UnmaskingCase],
    names: Sequence[str],
    side: int = 256,
) -> dict[str, SheetRow]:
    """Run some cases again, for a sheet of pictures.

    Args:
        pipelines: name to pipeline.
        cases: including those wanted.
        names: of the cases wanted.
        side: of the pictures, in pixels.

    Returns:
        Case name to a row: the true face if known, the masked one with the masks outlined
        in green and the first pipeline's holes in red, and every pipeline's result.
    """
    chosen = [case for case in cases if case.name in names]
    with_truth = any(case.truth is not None for case in chosen)
    rows = {}
    for case in chosen:
        answers = {name: one.run([case.image])[0] for name, one in pipelines.items()}
        first = next(iter(answers.values()))
        window = _window(case)
        blank = np.full_like(case.image, 255)
        cells: dict[str, Image] = {}
        if with_truth:
            cells["true"] = (case.truth if case.truth is not None else blank)[window]
        cells["masked"] = case.image[window]
        cells["masks and holes"] = outlined(
            np.ascontiguousarray(case.image[window]),
            [mask[window] for mask in case.masks],
            [first.hole[window]],
            side,
        )
        for name, answer in answers.items():
            cells[name] = answer.image[window]
        rows[case.name] = SheetRow(case.name, cells)
    return rows


def _window(case: UnmaskingCase) -> tuple[slice, slice]:
    """The part of a picture with its masks and their surroundings; all of it without masks."""
    height, width = case.image.shape[:2]
    if not case.masks:
        return slice(0, height), slice(0, width)
    x0, y0, side = face_square(case.hidden, context=2.2)
    return slice(max(0, y0), min(height, y0 + side)), slice(max(0, x0), min(width, x0 + side))
