"""What became of pictures and of the masks that are drawn on them."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

IOU_THRESHOLDS: tuple[float, ...] = tuple(round(0.5 + 0.05 * step, 2) for step in range(10))
"""The thresholds over which AP50-95 is the mean."""

UNREFINED = "detector"
"""Name of the masks as the detector gives them, among the refinements."""

MASK_FIGURES = ("iou", "residual", "boundary_f", "excess", "beyond", "boundary_error", "straps")
"""What is told of a drawn mask that was found, for each refinement."""


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
