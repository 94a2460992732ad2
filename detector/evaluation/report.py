"""Summarises the measurements of single pictures as a detector's metrics on a set."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from operator import attrgetter
from typing import Any

import numpy as np

from detector.evaluation.matching import PrecisionRecallCurve, precision_recall_curve
from detector.evaluation.outcomes import (
    IOU_THRESHOLDS,
    MASK_FIGURES,
    UNREFINED,
    DrawnMaskOutcome,
    PictureMeasurement,
    PictureOutcome,
)
from weights.base.json_text import json_values

CUT_WIDTH = 142.0
"""Width of a mask in a crop of 256 px, for which boundary errors are stated in pixels."""


@dataclass(frozen=True)
class MaskQuality:
    """Quality of the masks that the detector found. "Drawn" masks are the ground truth.

    Attributes:
        iou: mean intersection over union with the drawn mask.
        boundary_f: mean boundary F-score.
        residual: fraction of the drawn masks' pixels left outside every found mask or hole of the
            picture.
        excess: pixels of the found masks or holes outside the drawn ones, as a fraction of the
            drawn.
        beyond: likewise, only those within a twelfth of the drawn mask's width.
        boundary_error: mean distance of the outlines, as a fraction of the drawn mask's width.
        worst_residual: mean residual of the worst tenth of the masks, at least one.
        straps: mean fraction of the drawn straps' length that is found; NaN if none are drawn.
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
class MaskGroup:
    """A detector's results on a group of drawn masks.

    Attributes:
        kind: criterion: "set", "width of the mask", "kind of mask" or "tag".
        name: of the group.
        masks: result of each.
    """

    kind: str
    name: str
    masks: tuple[DrawnMaskOutcome, ...]

    @property
    def recall(self) -> float:
        """Fraction of the masks that were found."""
        return _mean(float(mask.found) for mask in self.masks)

    def iou(self, refinement: str) -> float:
        """Mean intersection over union of the found ones; NaN if none was found."""
        return _mean(mask.iou[refinement] for mask in self.masks if mask.found)

    def residual(self, refinement: str) -> float:
        """Mean fraction of the found ones' pixels left outside; NaN if none was found."""
        return _mean(mask.residual[refinement] for mask in self.masks if mask.found)

    def beyond(self, refinement: str) -> float:
        """Mean `beyond` of the found ones; NaN if none was found."""
        return _mean(mask.beyond[refinement] for mask in self.masks if mask.found)


@dataclass(frozen=True, eq=False)
class DetectionReport:
    """A detector's metrics on a set of pictures; fractions are 0 to 1, NaN if undefined.

    Attributes:
        pictures: number of pictures measured.
        drawn: number of drawn masks that count.
        ignored: number of those too small to count.
        confidence: minimum score of a region, for all but the AP figures.
        min_width: least width of a drawn mask that counts, in pixels.
        precision, recall: of masks at IoU 0.5.
        ap50, ap: average precision of masks at IoU 0.5 and its mean over 0.5 to 0.95.
        box_precision, box_recall, box_ap50, box_ap: likewise of boxes.
        quality: mask quality for each refinement, and for the detector's own masks as "detector".
        unmasked_pictures: number of pictures without any mask.
        unmasked_changed: for each refinement the fraction of them that would be changed.
        curve: precision and recall of masks at IoU 0.5.
        box_curve: likewise of boxes.
        checksum: of the pictures' names and their outlines; reports with equal checksums can be
            compared.
        masks: result of each drawn mask that counts.
        outcomes: result of each picture.
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
        """All figures as plain values for JSON; NaN becomes None."""
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
        """The figures as table rows of name and value."""
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
        """The drawn masks by set, width, kind and tag; criteria with a single group are left out.

        Args:
            widths: boundaries of the width bands, in pixels.
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


def make_report(
    measured: Sequence[PictureMeasurement],
    refinements: Iterable[str],
    *,
    confidence: float,
    min_width: float,
    checksum: str,
) -> DetectionReport:
    """Summarise the measurements of pictures, in order.

    Args:
        measured: of each picture.
        refinements: their names.
        confidence: minimum score of a found mask.
        min_width: least width of a drawn mask that counts, in pixels.
        checksum: of the pictures' names and outlines.
    """
    names = [UNREFINED, *refinements]
    masks = tuple(outcome for one in measured for outcome in one.masks)
    outcomes = tuple(one.outcome for one in measured)
    drawn = sum(outcome.drawn for outcome in outcomes)
    curve, shares = _shares(measured, attrgetter("mask_matches"), drawn, confidence)
    box_curve, box_shares = _shares(measured, attrgetter("box_matches"), drawn, confidence)
    unmasked = [outcome for outcome in outcomes if outcome.unmasked]
    found = [outcome for outcome in masks if outcome.found]
    return DetectionReport(
        pictures=len(measured),
        drawn=drawn,
        ignored=sum(one.ignored for one in measured),
        confidence=confidence,
        min_width=min_width,
        **shares,
        **{f"box_{name}": share for name, share in box_shares.items()},
        quality={
            name: MaskQuality(
                **{
                    figure: _mean(getattr(mask, figure).get(name, math.nan) for mask in found)
                    for figure in MASK_FIGURES
                },
                worst_residual=_worst_tenth(outcome.residual[name] for outcome in found),
            )
            for name in names
        },
        unmasked_pictures=len(unmasked),
        unmasked_changed={
            name: _mean(float(outcome.changed[name]) for outcome in unmasked) for name in names
        },
        curve=curve,
        box_curve=box_curve,
        checksum=checksum,
        masks=masks,
        outcomes=outcomes,
    )


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


def _shares(
    measured: Sequence[PictureMeasurement],
    matches: Callable[[PictureMeasurement], Sequence[Sequence[int]]],
    drawn: int,
    confidence: float,
) -> tuple[PrecisionRecallCurve, dict[str, Any]]:
    """The curve at IoU 0.5; precision and recall at `confidence`, and average precisions."""
    scores = [score for one in measured for score in one.scores]
    curves = [
        precision_recall_curve(
            scores, [number for one in measured for number in matches(one)[at]], drawn
        )
        for at in range(len(IOU_THRESHOLDS))
    ]
    averages = [curve.average_precision if drawn else math.nan for curve in curves]
    count = int((curves[0].scores >= confidence).sum())
    recall = float(curves[0].recall[count - 1]) if count else 0.0
    return curves[0], {
        "precision": float(curves[0].precision[count - 1]) if count else math.nan,
        "recall": recall if drawn else math.nan,
        "ap50": averages[0],
        "ap": float(np.mean(averages)),
    }


def _mean(values: Iterable[float]) -> float:
    entries = [value for value in values if not math.isnan(value)]
    return float(np.mean(entries)) if entries else math.nan


def _worst_tenth(values: Iterable[float]) -> float:
    entries = sorted(values, reverse=True)
    return _mean(entries[: max(1, round(0.1 * len(entries)))])


def _share(value: float) -> str:
    return "-" if math.isnan(value) else f"{value:.3f}"
