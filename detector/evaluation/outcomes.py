"""Results per picture and per drawn (ground truth) mask."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

IOU_THRESHOLDS: tuple[float, ...] = tuple(round(0.5 + 0.05 * step, 2) for step in range(10))
"""The thresholds that AP50-95 averages over."""

UNREFINED = "detector"
"""Name of the detector's own masks among the refinements."""

MASK_FIGURES = ("iou", "residual", "boundary_f", "excess", "beyond", "boundary_error", "straps")
"""Figures of a drawn mask that was found, for each refinement."""


@dataclass(frozen=True)
class DrawnMaskOutcome:
    """Result of one drawn mask.

    Attributes:
        file: the picture.
        index: of the mask on it.
        width: of its box in pixels.
        tags: of the picture.
        found: whether a region above the confidence threshold overlaps it enough.
        score: of that region; 0 if there is none.
        iou: for each refinement the intersection over union; empty if it was not found.
        residual: for each refinement the fraction of its pixels left outside.
        boundary_f: for each refinement the boundary F-score.
        excess: for each refinement the pixels outside it, as a fraction of its own.
        beyond: likewise, only those within a twelfth of its width.
        boundary_error: for each refinement the outlines' mean distance as a fraction of its width;
            NaN if no hole overlaps it.
        straps: for each refinement the fraction of its straps' length that is found; empty if none
            are drawn.
        label: its class in the annotation.
        set_name: the set that the picture belongs to; "" without sets.
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
    """Result of one picture.

    Attributes:
        file: the picture.
        unmasked: whether it shows no mask at all.
        drawn: number of masks on it that count.
        found: number of them that were found.
        false: number of false positives above the confidence threshold.
        changed: for each refinement whether any pixel would be changed.
        tags: of the picture.
        set_name: the set that the picture belongs to; "" without sets.
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
        outcome: its result.
        masks: result of each drawn mask that counts.
        ignored: number of drawn masks too small to count.
        scores: of all detected regions.
        mask_matches: for each of `IOU_THRESHOLDS` the match of each region by mask overlap, as
            returned by `detector.evaluation.matching.match`.
        box_matches: likewise by box overlap.
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
        """Restore a measurement from `to_dict`."""

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
