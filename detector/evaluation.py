"""Measuring a detector, and what becomes of its regions after refinement, on annotated pictures."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from detector.annotations import AnnotatedPicture
from detector.boundary import boundary_f_score
from detector.matching import (
    UNMATCHED,
    PrecisionRecallCurve,
    box_ious,
    mask_ious,
    match,
    precision_recall_curve,
)
from detector.regions import MaskRegion
from weights.contracts import Hole, Image, Mask, check_mask
from weights.errors import InputError

if TYPE_CHECKING:
    from numpy.typing import NDArray

IOU_THRESHOLDS: tuple[float, ...] = tuple(round(0.5 + 0.05 * step, 2) for step in range(10))
"""The thresholds over which AP50-95 is the mean."""

UNREFINED = "detector"
"""Name of the masks as the detector gives them, among the refinements."""

Refine = Callable[[Image, Sequence[MaskRegion]], Sequence[Hole]]


class Detects(Protocol):
    """Anything that finds masks."""

    def detect(self, images: Sequence[Image]) -> list[list[MaskRegion]]:
        """Find the regions on each picture."""
        ...


@dataclass(frozen=True)
class MaskQuality:
    """How good the masks are where the detector found one.

    Attributes:
        iou: mean intersection over union with the drawn mask.
        boundary_f: mean boundary F-score.
        residual: share of the drawn masks' pixels that are left outside every found mask or hole
            of the picture.
        excess: pixels of the found masks or holes outside the drawn ones, as a share of the drawn.
    """

    iou: float
    boundary_f: float
    residual: float
    excess: float


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
    """

    file: str
    index: int
    width: float
    tags: tuple[str, ...]
    found: bool
    score: float
    iou: Mapping[str, float] = field(default_factory=dict)
    residual: Mapping[str, float] = field(default_factory=dict)


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
    """

    file: str
    unmasked: bool
    drawn: int
    found: int
    false: int
    changed: Mapping[str, bool]
    tags: tuple[str, ...]


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
    masks: tuple[DrawnMaskOutcome, ...]
    outcomes: tuple[PictureOutcome, ...]

    def to_dict(self) -> dict[str, Any]:
        """All figures as plain values for JSON; what is not a number is None."""
        values = {name: value for name, value in vars(self).items() if name != "curve"}
        values["quality"] = {name: asdict(entry) for name, entry in self.quality.items()}
        values["masks"] = [asdict(outcome) for outcome in self.masks]
        values["outcomes"] = [asdict(outcome) for outcome in self.outcomes]
        values["curve"] = {
            name: getattr(self.curve, name).tolist() for name in ("scores", "precision", "recall")
        }
        plain = _plain(values)
        assert isinstance(plain, dict)
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
                (f"excess, {name}", _share(quality.excess)),
            ]
        rows.append(("pictures without masks", str(self.unmasked_pictures)))
        rows += [
            (f"of them changed, {name}", _share(share))
            for name, share in self.unmasked_changed.items()
        ]
        return rows

    def recall_by_tag(self) -> dict[str, tuple[int, float]]:
        """For each tag of the pictures: how many masks count, and the recall among them."""
        return _recall_by(self.masks, lambda outcome: outcome.tags)

    def recall_by_width(
        self, edges: Sequence[float] = (60, 120, 240, 480)
    ) -> dict[str, tuple[int, float]]:
        """For each band of widths in pixels: how many masks count, and the recall among them."""
        bounds = [0.0, *edges, math.inf]

        def band(outcome: DrawnMaskOutcome) -> tuple[str, ...]:
            at = int(np.searchsorted(bounds, outcome.width, side="right")) - 1
            low, high = bounds[at], bounds[at + 1]
            return (f"{low:g} px and more" if math.isinf(high) else f"{low:g} to {high:g} px",)

        return _recall_by(self.masks, band)


def _share(value: float) -> str:
    return "-" if math.isnan(value) else f"{value:.3f}"


def _plain(value: Any) -> Any:
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {str(key): _plain(entry) for key, entry in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(entry) for entry in value]
    return value


def _recall_by(
    outcomes: Iterable[DrawnMaskOutcome],
    groups: Callable[[DrawnMaskOutcome], Iterable[str]],
) -> dict[str, tuple[int, float]]:
    found: dict[str, list[bool]] = {}
    for outcome in outcomes:
        for group in groups(outcome):
            found.setdefault(group, []).append(outcome.found)
    return {name: (len(hits), sum(hits) / len(hits)) for name, hits in sorted(found.items())}


@dataclass
class _Tally:
    """What is gathered picture by picture."""

    scores: list[float] = field(default_factory=list)
    mask_matches: dict[float, list[int]] = field(
        default_factory=lambda: {threshold: [] for threshold in IOU_THRESHOLDS}
    )
    box_matches: dict[float, list[int]] = field(
        default_factory=lambda: {threshold: [] for threshold in IOU_THRESHOLDS}
    )
    drawn: int = 0
    ignored: int = 0
    masks: list[DrawnMaskOutcome] = field(default_factory=list)
    outcomes: list[PictureOutcome] = field(default_factory=list)
    boundary_f: dict[str, list[float]] = field(default_factory=dict)
    excess: dict[str, list[float]] = field(default_factory=dict)


def evaluate_detector(
    detector: Detects,
    pictures: Sequence[AnnotatedPicture],
    *,
    refinements: Mapping[str, Refine] | None = None,
    confidence: float = 0.25,
    min_width: float = 60.0,
    boundary_tolerance: float = 0.02,
    batch: int = 8,
    load: Callable[[AnnotatedPicture], Image] = AnnotatedPicture.load,
    progress: Callable[[int, int], None] | None = None,
) -> DetectionReport:
    """Measure a detector, and refiners on what it finds.

    The AP figures take every region that the detector gives, so let it give regions of low score
    for them; all other figures take those that have `confidence` or more. Drawn masks narrower than
    `min_width` count neither as found nor as missed, and regions on them not as false.

    Args:
        detector: has `detect`, as `YoloMaskDetector`.
        pictures: as `read_annotations` gives them.
        refinements: for each name a function from a picture and its regions to holes; the figures
            of each stand beside those of the detector's own masks.
        confidence: least score.
        min_width: least width of a drawn mask that counts, in pixels.
        boundary_tolerance: of the boundary F-score, as a share of the drawn mask's width, at least
            one pixel.
        batch: pictures given to the detector at a time.
        load: reads a picture.
        progress: called with how many pictures are done, and how many there are.

    Raises:
        InputError: there are no pictures, one cannot be read, or a refinement is named "detector"
            or gives no hole of the picture's size.
    """
    refined = dict(refinements or {})
    if UNREFINED in refined:
        raise InputError(f"A refinement cannot be named {UNREFINED!r}: its own masks are.")
    if not pictures:
        raise InputError("There are no pictures to measure the detector on.")
    tally = _Tally()
    for start in range(0, len(pictures), batch):
        chunk = pictures[start : start + batch]
        images = [load(picture) for picture in chunk]
        for picture, image, regions in zip(chunk, images, detector.detect(images), strict=True):
            _measure(
                tally, picture, image, regions, refined, confidence, min_width, boundary_tolerance
            )
        if progress is not None:
            progress(min(start + batch, len(pictures)), len(pictures))
    return _report(tally, [UNREFINED, *refined], len(pictures), confidence, min_width)


def _measure(
    tally: _Tally,
    picture: AnnotatedPicture,
    image: Image,
    regions: Sequence[MaskRegion],
    refinements: Mapping[str, Refine],
    confidence: float,
    min_width: float,
    boundary_tolerance: float,
) -> None:
    size = int(image.shape[0]), int(image.shape[1])
    drawn = [mask.draw(size) for mask in picture.masks]
    small = [mask.width < min_width for mask in picture.masks]
    scores = [region.score for region in regions]
    ious = mask_ious([region.mask for region in regions], drawn)
    boxes = box_ious([region.box for region in regions], [mask.box for mask in picture.masks])
    tally.scores += scores
    for threshold in IOU_THRESHOLDS:
        tally.mask_matches[threshold] += match(ious, scores, threshold, small).tolist()
        tally.box_matches[threshold] += match(boxes, scores, threshold, small).tolist()
    tally.drawn += small.count(False)
    tally.ignored += small.count(True)

    counted = [index for index, score in enumerate(scores) if score >= confidence]
    kept = [regions[index] for index in counted]
    matches = match(ious[counted], [scores[index] for index in counted], 0.5, small)
    holes: dict[str, list[Mask]] = {UNREFINED: [region.mask for region in kept]}
    for name, refine in refinements.items():
        holes[name] = [
            check_mask(hole, size, f"hole of refinement {name!r}") for hole in refine(image, kept)
        ]
    unions = {name: _union(masks, size) for name, masks in holes.items()}
    by_drawn = {int(number): at for at, number in enumerate(matches) if number >= 0}
    for index, (mask, outline) in enumerate(zip(drawn, picture.masks, strict=True)):
        if small[index]:
            continue
        region = kept[by_drawn[index]] if index in by_drawn else None
        outcome_iou: dict[str, float] = {}
        residual: dict[str, float] = {}
        if region is not None:
            for name, candidates in holes.items():
                best, iou = _closest([region.mask] if name == UNREFINED else candidates, mask, size)
                outcome_iou[name] = iou
                residual[name] = float((mask & ~unions[name]).sum() / max(1, mask.sum()))
                tolerance = max(1.0, boundary_tolerance * outline.width)
                tally.boundary_f.setdefault(name, []).append(
                    boundary_f_score(best, mask, tolerance)
                )
                tally.excess.setdefault(name, []).append(
                    float((best & ~mask).sum() / max(1, mask.sum()))
                )
        tally.masks.append(
            DrawnMaskOutcome(
                str(picture.file),
                index,
                outline.width,
                picture.tags,
                region is not None,
                0.0 if region is None else region.score,
                outcome_iou,
                residual,
            )
        )
    tally.outcomes.append(
        PictureOutcome(
            str(picture.file),
            not picture.masks,
            small.count(False),
            len(by_drawn),
            int((matches == UNMATCHED).sum()),
            {name: bool(union.any()) for name, union in unions.items()},
            picture.tags,
        )
    )


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
    entries = list(values)
    return float(np.mean(entries)) if entries else math.nan


def _report(
    tally: _Tally, names: Sequence[str], pictures: int, confidence: float, min_width: float
) -> DetectionReport:
    curves = {
        kind: {
            threshold: precision_recall_curve(tally.scores, matched, tally.drawn)
            for threshold, matched in matches.items()
        }
        for kind, matches in (("mask", tally.mask_matches), ("box", tally.box_matches))
    }
    averages = {
        kind: [
            curve.average_precision if tally.drawn else math.nan for curve in by_threshold.values()
        ]
        for kind, by_threshold in curves.items()
    }
    shares = {
        kind: _precision_recall(by_threshold[0.5], confidence, tally.drawn)
        for kind, by_threshold in curves.items()
    }
    unmasked = [outcome for outcome in tally.outcomes if outcome.unmasked]
    return DetectionReport(
        pictures=pictures,
        drawn=tally.drawn,
        ignored=tally.ignored,
        confidence=confidence,
        min_width=min_width,
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
                _mean(outcome.iou[name] for outcome in tally.masks if outcome.found),
                _mean(tally.boundary_f.get(name, ())),
                _mean(outcome.residual[name] for outcome in tally.masks if outcome.found),
                _mean(tally.excess.get(name, ())),
            )
            for name in names
        },
        unmasked_pictures=len(unmasked),
        unmasked_changed={
            name: _mean(float(outcome.changed[name]) for outcome in unmasked) for name in names
        },
        curve=curves["mask"][0.5],
        masks=tuple(tally.masks),
        outcomes=tuple(tally.outcomes),
    )


def _precision_recall(
    curve: PrecisionRecallCurve, confidence: float, drawn: int
) -> tuple[float, float]:
    """Precision and recall of the regions that have the least score or more."""
    count = int((curve.scores >= confidence).sum())
    if count == 0:
        return math.nan, 0.0 if drawn else math.nan
    return float(curve.precision[count - 1]), float(curve.recall[count - 1]) if drawn else math.nan
