"""Measuring a detector, and what becomes of its regions after refinement, on annotated pictures."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from operator import methodcaller
from typing import TYPE_CHECKING, Any, TypedDict, Unpack

import cv2
import numpy as np

from detector.evaluation.boundary import boundary_error, boundary_f_score, length_found
from detector.evaluation.matching import (
    UNMATCHED,
    PrecisionRecallCurve,
    box_ious,
    mask_ious,
    match,
    precision_recall_curve,
)
from weights.base.contracts import Hole, Image, Mask, check_mask
from weights.base.errors import InputError
from weights.base.json_text import json_values
from weights.base.regions import Detector, MaskRegion

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from detector.data.annotations import AnnotatedMask, AnnotatedPicture

IOU_THRESHOLDS: tuple[float, ...] = tuple(round(0.5 + 0.05 * step, 2) for step in range(10))
"""The thresholds over which AP50-95 is the mean."""

NEAR = 1.0 / 12.0
"""How far from a drawn mask counts as near, as a share of its width."""

CUT_WIDTH = 142.0
"""Width of a mask in the 256 px of a cut, at which boundary errors are told in pixels."""

_STRAP_TOLERANCE = 0.015
"""How far off a strap may be found, as a share of its mask's width, at least a pixel."""

UNREFINED = "detector"
"""Name of the masks as the detector gives them, among the refinements."""

Refine = Callable[[Image, Sequence[MaskRegion]], Sequence[Hole]]


@dataclass(frozen=True)
class MaskQuality:
    """How good the masks are where the detector found one.

    Attributes:
        iou: mean intersection over union with the drawn mask.
        boundary_f: mean boundary F-score.
        residual: share of the drawn masks' pixels that are left outside every found mask or hole
            of the picture.
        excess: pixels of the found masks or holes outside the drawn ones, as a share of the drawn.
        beyond: those of them that lie within a twelfth of the drawn mask's width from it.
        boundary_error: mean distance of the outlines, as a share of the drawn mask's width.
        worst_residual: mean residual of the tenth of the masks where it is highest, at least one.
        straps: mean share of the drawn straps' length that is found; NaN where none are drawn.
    """

    iou: float
    boundary_f: float
    residual: float
    excess: float
    beyond: float
    boundary_error: float
    worst_residual: float
    straps: float


@dataclass(frozen=True)
class DrawnMaskOutcome:
    """What became of one drawn mask.

    Attributes:
        file: the picture.
        index: number of the mask on it.
        width: of its box in pixels.
        tags: of the picture.
        found: whether a region with the least score or more overlaps it enough.
        score: of that region; 0 where there is none.
        iou: for each refinement the intersection over union; empty where it was not found.
        residual: for each refinement the share of its pixels left outside.
        boundary_f: for each refinement the boundary F-score.
        excess: for each refinement the pixels outside of it, as a share of its own.
        beyond: for each refinement those of them within a twelfth of its width.
        boundary_error: for each refinement the outlines' mean distance as a share of its width; NaN
            where no hole overlaps it.
        straps: for each refinement the share of its straps' length that is found; empty where none
            are drawn.
        label: what its annotation calls it.
        set_name: the set that the picture belongs to, "" where there are no sets.
    """

    file: str
    index: int
    width: float
    tags: tuple[str, ...]
    found: bool
    score: float
    iou: Mapping[str, float] = field(default_factory=dict)
    residual: Mapping[str, float] = field(default_factory=dict)
    boundary_f: Mapping[str, float] = field(default_factory=dict)
    excess: Mapping[str, float] = field(default_factory=dict)
    beyond: Mapping[str, float] = field(default_factory=dict)
    boundary_error: Mapping[str, float] = field(default_factory=dict)
    straps: Mapping[str, float] = field(default_factory=dict)
    label: str = "mask"
    set_name: str = ""


@dataclass(frozen=True)
class PictureOutcome:
    """What became of one picture.

    Attributes:
        file: the picture.
        unmasked: whether it shows no mask at all.
        drawn: how many masks on it count.
        found: how many of them were found.
        false: regions with the least score or more that are no drawn mask.
        changed: for each refinement whether any pixel would be changed.
        tags: of the picture.
        set_name: the set that the picture belongs to, "" where there are no sets.
    """

    file: str
    unmasked: bool
    drawn: int
    found: int
    false: int
    changed: Mapping[str, bool]
    tags: tuple[str, ...]
    set_name: str = ""


@dataclass(frozen=True)
class PictureMeasurement:
    """Everything that was measured on one picture.

    Attributes:
        outcome: what became of it.
        masks: what became of each drawn mask that counts.
        ignored: how many drawn masks are too small to count.
        scores: of all regions that the detector gave.
        mask_matches: for each of `IOU_THRESHOLDS` what each region is, as
            `detector.evaluation.matching.match` says, by the overlap of masks.
        box_matches: likewise by the overlap of boxes.
    """

    outcome: PictureOutcome
    masks: tuple[DrawnMaskOutcome, ...]
    ignored: int
    scores: tuple[float, ...]
    mask_matches: tuple[tuple[int, ...], ...]
    box_matches: tuple[tuple[int, ...], ...]

    def to_dict(self) -> dict[str, Any]:
        """The measurement as plain values for JSON."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> PictureMeasurement:
        """A measurement back from `to_dict`."""

        def made(kind: type[Any], entry: Mapping[str, Any]) -> Any:
            return kind(**{**entry, "tags": tuple(entry["tags"])})

        return cls(
            made(PictureOutcome, values["outcome"]),
            tuple(made(DrawnMaskOutcome, entry) for entry in values["masks"]),
            int(values["ignored"]),
            tuple(values["scores"]),
            tuple(tuple(row) for row in values["mask_matches"]),
            tuple(tuple(row) for row in values["box_matches"]),
        )


@dataclass(frozen=True)
class MaskGroup:
    """How a detector did on some of the drawn masks.

    Attributes:
        kind: what they are grouped by: "set", "width of the mask", "kind of mask" or "tag".
        name: of the group.
        masks: what became of each.
    """

    kind: str
    name: str
    masks: tuple[DrawnMaskOutcome, ...]

    @property
    def recall(self) -> float:
        """Share of the masks that were found."""
        return _mean(float(mask.found) for mask in self.masks)

    def iou(self, refinement: str) -> float:
        """Mean intersection over union of the found ones; NaN where none was found."""
        return _mean(mask.iou[refinement] for mask in self.masks if mask.found)

    def residual(self, refinement: str) -> float:
        """Mean share of the found ones' pixels left outside; NaN where none was found."""
        return _mean(mask.residual[refinement] for mask in self.masks if mask.found)

    def beyond(self, refinement: str) -> float:
        """Mean of what reaches beyond the found ones near them; NaN where none was found."""
        return _mean(mask.beyond[refinement] for mask in self.masks if mask.found)


@dataclass(frozen=True, eq=False)
class DetectionReport:
    """How good a detector is on a set of pictures; all shares are from 0 to 1, NaN of nothing.

    Attributes:
        pictures: how many pictures were measured.
        drawn: how many drawn masks count.
        ignored: how many are too small to count.
        confidence: least score of a region for precision, recall and all but the AP figures.
        min_width: least width of a drawn mask that counts, in pixels.
        precision, recall: of masks at IoU 0.5.
        ap50, ap: average precision of masks at IoU 0.5 and its mean over 0.5 to 0.95.
        box_precision, box_recall, box_ap50, box_ap: likewise of boxes.
        quality: for each refinement, and as "detector" before any, how good the masks are.
        unmasked_pictures: how many pictures show no mask at all.
        unmasked_changed: for each refinement the share of them that would be changed.
        curve: precision and recall of masks at IoU 0.5.
        box_curve: likewise of boxes.
        checksum: of the pictures' names and their outlines; reports compare when it is equal.
        masks: what became of each drawn mask that counts.
        outcomes: what became of each picture.
    """

    pictures: int
    drawn: int
    ignored: int
    confidence: float
    min_width: float
    precision: float
    recall: float
    ap50: float
    ap: float
    box_precision: float
    box_recall: float
    box_ap50: float
    box_ap: float
    quality: Mapping[str, MaskQuality]
    unmasked_pictures: int
    unmasked_changed: Mapping[str, float]
    curve: PrecisionRecallCurve
    box_curve: PrecisionRecallCurve
    checksum: str
    masks: tuple[DrawnMaskOutcome, ...]
    outcomes: tuple[PictureOutcome, ...]

    def to_dict(self) -> dict[str, Any]:
        """All figures as plain values for JSON; what is not a number is None."""
        left_out = ("curve", "box_curve", "checksum")
        values = {name: value for name, value in vars(self).items() if name not in left_out}
        values["checksum_of_annotations"] = self.checksum
        values["quality"] = {name: asdict(entry) for name, entry in self.quality.items()}
        values["masks"] = [asdict(outcome) for outcome in self.masks]
        values["outcomes"] = [asdict(outcome) for outcome in self.outcomes]
        for name, curve in (("curve", self.curve), ("box_curve", self.box_curve)):
            values[name] = {
                part: getattr(curve, part).tolist() for part in ("scores", "precision", "recall")
            }
        plain: dict[str, Any] = json_values(values)
        return plain

    def table_rows(self) -> list[tuple[str, str]]:
        """The figures as rows of a table: what, and how much."""
        rows = [
            ("pictures", str(self.pictures)),
            (f"masks of {self.min_width:g} px and wider", str(self.drawn)),
            ("smaller masks, ignored", str(self.ignored)),
            (f"precision at IoU 0.5, score {self.confidence:g}", _share(self.precision)),
            (f"recall at IoU 0.5, score {self.confidence:g}", _share(self.recall)),
            ("AP50 mask", _share(self.ap50)),
            ("AP50-95 mask", _share(self.ap)),
            ("precision box", _share(self.box_precision)),
            ("recall box", _share(self.box_recall)),
            ("AP50 box", _share(self.box_ap50)),
            ("AP50-95 box", _share(self.box_ap)),
        ]
        for name, quality in self.quality.items():
            rows += [
                (f"mean IoU of matched masks, {name}", _share(quality.iou)),
                (f"boundary F-score, {name}", _share(quality.boundary_f)),
                (f"residual, {name}", _share(quality.residual)),
                (f"residual of the worst tenth, {name}", _share(quality.worst_residual)),
                (f"excess, {name}", _share(quality.excess)),
                (f"beyond, within a twelfth of the width, {name}", _share(quality.beyond)),
                (f"boundary error in % of the width, {name}", _share(100 * quality.boundary_error)),
                (
                    f"boundary error in px at {CUT_WIDTH:g} px, {name}",
                    _share(CUT_WIDTH * quality.boundary_error),
                ),
            ]
            if not math.isnan(quality.straps):
                rows.append((f"straps found, of their length, {name}", _share(quality.straps)))
        rows.append(("pictures without masks", str(self.unmasked_pictures)))
        rows += [
            (f"of them changed, {name}", _share(share))
            for name, share in self.unmasked_changed.items()
        ]
        return rows

    def groups(self, widths: Sequence[float] = (60, 120, 240, 480)) -> list[MaskGroup]:
        """The drawn masks by set, width, kind and tag; a kind of one group only is left out.

        Args:
            widths: borders of the bands of width, in pixels.
        """
        bounds = [0.0, *widths, math.inf]

        def band(outcome: DrawnMaskOutcome) -> tuple[str, ...]:
            at = int(np.searchsorted(bounds, outcome.width, side="right")) - 1
            low, high = bounds[at], bounds[at + 1]
            return (f"{low:g} px and more" if math.isinf(high) else f"{low:g} to {high:g} px",)

        def tags(outcome: DrawnMaskOutcome) -> tuple[str, ...]:
            return tuple(sorted(outcome.tags))

        by_width = sorted(self.masks, key=lambda outcome: outcome.width)
        by_set = sorted(self.masks, key=lambda outcome: outcome.set_name)
        by_label = sorted(self.masks, key=lambda outcome: outcome.label)
        return [
            *_grouped("set", by_set, lambda outcome: (outcome.set_name,)),
            *_grouped("width of the mask", by_width, band),
            *_grouped("kind of mask", by_label, lambda outcome: (outcome.label,)),
            *_grouped("tag", self.masks, tags, at_least=1),
        ]


def _grouped(
    kind: str,
    outcomes: Iterable[DrawnMaskOutcome],
    names_of: Callable[[DrawnMaskOutcome], Iterable[str]],
    at_least: int = 2,
) -> list[MaskGroup]:
    groups: dict[str, list[DrawnMaskOutcome]] = {}
    for outcome in outcomes:
        for name in names_of(outcome):
            groups.setdefault(name, []).append(outcome)
    if len(groups) < at_least:
        return []
    names = sorted(groups) if kind == "tag" else list(groups)
    return [MaskGroup(kind, name, tuple(groups[name])) for name in names]


def annotation_checksum(pictures: Iterable[AnnotatedPicture]) -> str:
    """Sha256 over the pictures' file names and the outlines of their masks, 64 hex digits."""
    digest = hashlib.sha256()
    for picture in pictures:
        digest.update(f"{picture.file.name}\0{len(picture.masks)}\0".encode())
        for mask in picture.masks:
            for piece in mask.pieces:
                digest.update(np.ascontiguousarray(np.round(piece, 2), "<f8").tobytes())
    return digest.hexdigest()


def _share(value: float) -> str:
    return "-" if math.isnan(value) else f"{value:.3f}"


class CriteriaOptions(TypedDict, total=False):
    """Keywords of `evaluate_detector`; `DetectionCriteria` says what they are."""

    refinements: Mapping[str, Refine] | None
    confidence: float
    min_width: float
    boundary_tolerance: float


@dataclass(frozen=True, kw_only=True)
class DetectionCriteria:
    """What is measured of a detector's masks, and what counts.

    Attributes:
        refinements: for each name a function from a picture and its regions to holes; the figures
            of each stand beside those of the detector's own masks.
        confidence: least score.
        min_width: least width of a drawn mask that counts, in pixels.
        boundary_tolerance: of the boundary F-score, as a share of the drawn mask's width, at least
            one pixel.

    Raises:
        InputError: a refinement is named "detector".
    """

    refinements: Mapping[str, Refine] | None = None
    confidence: float = 0.25
    min_width: float = 60.0
    boundary_tolerance: float = 0.02

    def __post_init__(self) -> None:
        if UNREFINED in (self.refinements or ()):
            raise InputError(f"A refinement cannot be named {UNREFINED!r}: its own masks are.")


def evaluate_detector(
    detector: Detector,
    pictures: Sequence[AnnotatedPicture],
    *,
    batch: int = 8,
    load: Callable[[AnnotatedPicture], Image] = methodcaller("load"),
    sets: Sequence[str] | None = None,
    known: Mapping[int, PictureMeasurement] | None = None,
    keep: Callable[[int, PictureMeasurement], None] | None = None,
    progress: Callable[[int, int], None] | None = None,
    **options: Unpack[CriteriaOptions],
) -> DetectionReport:
    """Measure a detector, and refiners on what it finds.

    The AP figures take every region that the detector gives, so let it give regions of low score
    for them; all other figures take those that have `confidence` or more. Drawn masks narrower than
    `min_width` count neither as found nor as missed, and regions on them not as false.

    Args:
        detector: has `detect`, as `YoloMaskDetector`.
        pictures: as `read_annotations` gives them.
        batch: pictures given to the detector at a time.
        load: reads a picture.
        sets: for each picture the name of the set that it belongs to.
        known: by the picture's place, measurements of an earlier run that was broken off.
        keep: called with each new measurement and its picture's place, to store it.
        progress: called with how many pictures are done, and how many there are.
        **options: `refinements`, `confidence`, `min_width` and `boundary_tolerance`, see
            `DetectionCriteria`.

    Raises:
        InputError: there are no pictures, one cannot be read, or a refinement is named "detector"
            or gives no hole of the picture's size.
    """
    criteria = DetectionCriteria(**options)
    if not pictures:
        raise InputError("There are no pictures to measure the detector on.")
    names = [""] * len(pictures) if sets is None else list(sets)
    if len(names) != len(pictures):
        raise InputError(f"There are {len(pictures)} pictures, but {len(names)} names of sets.")
    measured = dict(known or {})
    fresh = [index for index in range(len(pictures)) if index not in measured]
    earlier = len(pictures) - len(fresh)
    for start in range(0, len(fresh), batch):
        chunk = fresh[start : start + batch]
        images = [load(pictures[index]) for index in chunk]
        for index, image, regions in zip(chunk, images, detector.detect(images), strict=True):
            measured[index] = _measure(pictures[index], names[index], image, regions, criteria)
            if keep is not None:
                keep(index, measured[index])
        if progress is not None:
            progress(earlier + min(start + batch, len(fresh)), len(pictures))
    in_order = [measured[index] for index in range(len(pictures))]
    return _report(in_order, criteria, annotation_checksum(pictures))


def _measure(
    picture: AnnotatedPicture,
    set_name: str,
    image: Image,
    regions: Sequence[MaskRegion],
    criteria: DetectionCriteria,
) -> PictureMeasurement:
    # Straps are measured apart, where they are known.
    size = int(image.shape[0]), int(image.shape[1])
    drawn = [mask.draw(size) for mask in picture.masks]
    small = [mask.width < criteria.min_width for mask in picture.masks]
    scores = [region.score for region in regions]
    ious = mask_ious([region.body for region in regions], drawn)
    boxes = box_ious([region.box for region in regions], [mask.box for mask in picture.masks])
    counted = [index for index, score in enumerate(scores) if score >= criteria.confidence]
    kept = [regions[index] for index in counted]
    matches = match(ious[counted], [scores[index] for index in counted], 0.5, small)
    holes = _holes(image, kept, criteria.refinements or {})
    unions = {name: _union(masks, size) for name, masks in holes.items()}
    all_drawn = _union(drawn, size)
    by_drawn = {int(number): at for at, number in enumerate(matches) if number >= 0}
    outcomes = []
    for index, (mask, outline) in enumerate(zip(drawn, picture.masks, strict=True)):
        if small[index]:
            continue
        region = kept[by_drawn[index]] if index in by_drawn else None
        figures: dict[str, dict[str, float]] = {name: {} for name in _MASK_FIGURES}
        if region is not None:
            # Before refinement a mask has its own region alone, afterwards any of the holes.
            known = {**holes, UNREFINED: [region.body]}
            straps = {**unions, UNREFINED: region.mask}
            for name in holes:
                found = _FoundMask(known[name], unions[name], straps[name], all_drawn)
                own = found.figures(mask, outline, criteria.boundary_tolerance)
                for figure, value in own.items():
                    figures[figure][name] = value
        outcomes.append(
            DrawnMaskOutcome(
                str(picture.file),
                index,
                outline.width,
                picture.tags,
                region is not None,
                0.0 if region is None else region.score,
                **figures,
                label=outline.label,
                set_name=set_name,
            )
        )
    return PictureMeasurement(
        PictureOutcome(
            str(picture.file),
            not picture.masks,
            small.count(False),
            len(by_drawn),
            int((matches == UNMATCHED).sum()),
            {name: bool(union.any()) for name, union in unions.items()},
            picture.tags,
            set_name,
        ),
        tuple(outcomes),
        small.count(True),
        tuple(scores),
        *(_matches(overlaps, scores, small) for overlaps in (ious, boxes)),
    )


def _matches(
    overlaps: NDArray[np.float64], scores: list[float], small: list[bool]
) -> tuple[tuple[int, ...], ...]:
    """What each region is at each of `IOU_THRESHOLDS`, by its overlaps with the drawn masks."""
    return tuple(
        tuple(match(overlaps, scores, threshold, small).tolist()) for threshold in IOU_THRESHOLDS
    )


def _holes(
    image: Image, regions: Sequence[MaskRegion], refinements: Mapping[str, Refine]
) -> dict[str, list[Mask]]:
    """The regions' own masks and what each refinement makes of them."""
    size = int(image.shape[0]), int(image.shape[1])
    holes = {
        name: [check_mask(hole, size, f"hole of refinement {name!r}") for hole in made]
        for name, made in ((name, refine(image, regions)) for name, refine in refinements.items())
    }
    return {UNREFINED: [region.body for region in regions], **holes}


@dataclass(frozen=True, eq=False)
class _FoundMask:
    """What one refinement made of a drawn mask that was found.

    Attributes:
        candidates: its holes; the one that overlaps the drawn mask most is compared with it.
        union: of all holes of the picture.
        straps: where straps are looked for.
        all_drawn: the union of the picture's drawn masks.
    """

    candidates: Sequence[Mask]
    union: Mask
    straps: Mask
    all_drawn: Mask

    def figures(
        self, mask: Mask, outline: AnnotatedMask, boundary_tolerance: float
    ) -> dict[str, float]:
        """The figures of `DrawnMaskOutcome`; none of straps where none are drawn."""
        size, width = (int(mask.shape[0]), int(mask.shape[1])), outline.width
        area = max(1, int(mask.sum()))
        best, iou = _closest(self.candidates, mask, size)
        values = {
            "iou": iou,
            "residual": float((mask & ~self.union).sum() / area),
            "boundary_f": boundary_f_score(best, mask, max(1.0, boundary_tolerance * width)),
            "excess": float((best & ~mask).sum() / area),
            "beyond": float((best & _near(mask, NEAR * width) & ~self.all_drawn).sum() / area),
            "boundary_error": boundary_error(best, mask) / width,
        }
        straps = outline.draw_straps(size)
        if straps.any():
            reach = max(1.0, _STRAP_TOLERANCE * width)
            values["straps"] = length_found(self.straps, straps, reach)
        return values


def _near(mask: Mask, reach: float) -> Mask:
    """Pixels outside of a mask that are no farther from it than `reach`."""
    distance = cv2.distanceTransform((~mask).view(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    return np.asarray((distance <= reach) & ~mask, np.bool_)


def _union(masks: Sequence[Mask], size: tuple[int, int]) -> Mask:
    union = np.zeros(size, bool)
    for mask in masks:
        union |= mask
    return union


def _closest(candidates: Sequence[Mask], drawn: Mask, size: tuple[int, int]) -> tuple[Mask, float]:
    """The candidate that overlaps a drawn mask most, and how much; an empty one without any."""
    ious: NDArray[np.float64] = mask_ious(candidates, [drawn])[:, 0]
    if not len(ious):
        return np.zeros(size, bool), 0.0
    best = int(ious.argmax())
    return candidates[best], float(ious[best])


def _mean(values: Iterable[float]) -> float:
    entries = [value for value in values if not math.isnan(value)]
    return float(np.mean(entries)) if entries else math.nan


def _worst_tenth(values: Iterable[float]) -> float:
    entries = sorted(values, reverse=True)
    return _mean(entries[: max(1, round(0.1 * len(entries)))])


def _report(
    measured: Sequence[PictureMeasurement], criteria: DetectionCriteria, checksum: str
) -> DetectionReport:
    names = [UNREFINED, *(criteria.refinements or ())]
    masks = tuple(outcome for one in measured for outcome in one.masks)
    outcomes = tuple(one.outcome for one in measured)
    scores = [score for one in measured for score in one.scores]
    drawn = sum(outcome.drawn for outcome in outcomes)
    curves = {
        kind: [
            precision_recall_curve(
                scores, [number for one in measured for number in matches(one)[at]], drawn
            )
            for at in range(len(IOU_THRESHOLDS))
        ]
        for kind, matches in _MATCHES.items()
    }
    averages = {
        kind: [curve.average_precision if drawn else math.nan for curve in by_threshold]
        for kind, by_threshold in curves.items()
    }
    shares = {
        kind: _precision_recall(by_threshold[0], criteria.confidence, drawn)
        for kind, by_threshold in curves.items()
    }
    unmasked = [outcome for outcome in outcomes if outcome.unmasked]
    found = [outcome for outcome in masks if outcome.found]
    return DetectionReport(
        pictures=len(measured),
        drawn=drawn,
        ignored=sum(one.ignored for one in measured),
        confidence=criteria.confidence,
        min_width=criteria.min_width,
        precision=shares["mask"][0],
        recall=shares["mask"][1],
        ap50=averages["mask"][0],
        ap=float(np.mean(averages["mask"])),
        box_precision=shares["box"][0],
        box_recall=shares["box"][1],
        box_ap50=averages["box"][0],
        box_ap=float(np.mean(averages["box"])),
        quality={
            name: MaskQuality(
                **{
                    figure: _mean(getattr(mask, figure).get(name, math.nan) for mask in found)
                    for figure in _MASK_FIGURES
                },
                worst_residual=_worst_tenth(outcome.residual[name] for outcome in found),
            )
            for name in names
        },
        unmasked_pictures=len(unmasked),
        unmasked_changed={
            name: _mean(float(outcome.changed[name]) for outcome in unmasked) for name in names
        },
        curve=curves["mask"][0],
        box_curve=curves["box"][0],
        checksum=checksum,
        masks=masks,
        outcomes=outcomes,
    )


_MASK_FIGURES = ("iou", "residual", "boundary_f", "excess", "beyond", "boundary_error", "straps")

_MATCHES: dict[str, Callable[[PictureMeasurement], tuple[tuple[int, ...], ...]]] = {
    "mask": lambda one: one.mask_matches,
    "box": lambda one: one.box_matches,
}


def _precision_recall(
    curve: PrecisionRecallCurve, confidence: float, drawn: int
) -> tuple[float, float]:
    """Precision and recall of the regions that have the least score or more."""
    count = int((curve.scores >= confidence).sum())
    if count == 0:
        return math.nan, 0.0 if drawn else math.nan
    return float(curve.precision[count - 1]), float(curve.recall[count - 1]) if drawn else math.nan
