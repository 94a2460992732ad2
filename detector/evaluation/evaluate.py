"""Evaluates a detector, and its regions after refinement, on annotated pictures."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from operator import methodcaller
from typing import TypedDict, Unpack

import numpy as np
from numpy.typing import NDArray

from detector.data.annotations import AnnotatedMask, AnnotatedPicture
from detector.evaluation.boundary import (
    boundary_error,
    boundary_f_score,
    distance_to,
    length_found,
)
from detector.evaluation.matching import UNMATCHED, box_ious, mask_ious, match
from detector.evaluation.outcomes import (
    IOU_THRESHOLDS,
    MASK_FIGURES,
    UNREFINED,
    DrawnMaskOutcome,
    PictureMeasurement,
    PictureOutcome,
)
from detector.evaluation.report import DetectionReport, make_report
from weights.base.contracts import Hole, Image, Mask, check_mask
from weights.base.errors import InputError
from weights.base.regions import Detector, MaskRegion

NEAR = 1.0 / 12.0
"""Distance from a drawn mask that counts as near, as a fraction of its width."""

_STRAP_TOLERANCE = 0.015
"""Tolerance for finding straps, as a fraction of the mask's width, at least one pixel."""

Refine = Callable[[Image, Sequence[MaskRegion]], Sequence[Hole]]


class CriteriaOptions(TypedDict, total=False):
    """Keywords of `evaluate_detector`; documented in `DetectionCriteria`."""

    refinements: Mapping[str, Refine] | None
    confidence: float
    min_width: float
    boundary_tolerance: float


@dataclass(frozen=True, kw_only=True)
class DetectionCriteria:
    """Criteria for measuring a detector. "Drawn" masks are the ground truth.

    Attributes:
        refinements: name to a function from a picture and its regions to holes, measured in
            addition to the detector's own masks.
        confidence: minimum score.
        min_width: minimum width of a drawn mask that counts, in pixels.
        boundary_tolerance: of the boundary F-score, as a fraction of the drawn mask's width, at
            least one pixel.

    Raises:
        InputError: a refinement is named "detector".
    """

    refinements: Mapping[str, Refine] | None = None
    confidence: float = 0.25
    min_width: float = 60.0
    boundary_tolerance: float = 0.02

    def __post_init__(self) -> None:
        if UNREFINED in (self.refinements or ()):
            raise InputError(
                f"A refinement cannot be named {UNREFINED!r}, which stands for the "
                "detector's own masks."
            )


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
    """Evaluate a detector, and refiners on its detections.

    The AP figures use every region, so the detector should return low-scoring ones too; all other
    figures use regions with a score of at least `confidence`. Drawn masks narrower than `min_width`
    count neither as found nor as missed, and regions on them not as false.

    Args:
        detector: has `detect`, like `YoloMaskDetector`.
        pictures: from `read_annotations`.
        batch: pictures per batch.
        load: reads a picture.
        sets: for each picture the name of its set.
        known: measurements of an interrupted earlier run, by picture index.
        keep: called with each picture's index and new measurement, to store it.
        progress: called with the numbers of finished and of all pictures.
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
    return make_report(
        in_order,
        criteria.refinements or (),
        confidence=criteria.confidence,
        min_width=criteria.min_width,
        checksum=annotation_checksum(pictures),
    )


def annotation_checksum(pictures: Iterable[AnnotatedPicture]) -> str:
    """SHA-256 of the pictures' file names and mask outlines, 64 hex digits."""
    digest = hashlib.sha256()
    for picture in pictures:
        digest.update(f"{picture.file.name}\0{len(picture.masks)}\0".encode())
        for mask in picture.masks:
            for piece in mask.pieces:
                digest.update(np.ascontiguousarray(np.round(piece, 2), "<f8").tobytes())
    return digest.hexdigest()


def _measure(
    picture: AnnotatedPicture,
    set_name: str,
    image: Image,
    regions: Sequence[MaskRegion],
    criteria: DetectionCriteria,
) -> PictureMeasurement:
    # Straps, if annotated, are measured separately.
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
        figures: dict[str, dict[str, float]] = {name: {} for name in MASK_FIGURES}
        if region is not None:
            tolerance = max(1.0, criteria.boundary_tolerance * outline.width)
            for name, union in unions.items():
                # Before refinement a mask is compared with its own region, afterwards with any
                # hole.
                refined = name != UNREFINED
                candidates = holes[name] if refined else [region.body]
                own = _figures(candidates, mask, outline.width, union, all_drawn, tolerance)
                own |= _straps_found(outline, union if refined else region.mask)
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
    """The match of each region at each of `IOU_THRESHOLDS`, by overlap with the drawn masks."""
    return tuple(
        tuple(match(overlaps, scores, threshold, small).tolist()) for threshold in IOU_THRESHOLDS
    )


def _holes(
    image: Image, regions: Sequence[MaskRegion], refinements: Mapping[str, Refine]
) -> dict[str, list[Mask]]:
    """The regions' own masks, and the holes of each refinement."""
    size = int(image.shape[0]), int(image.shape[1])
    holes = {
        name: [check_mask(hole, size, f"hole of refinement {name!r}") for hole in made]
        for name, made in ((name, refine(image, regions)) for name, refine in refinements.items())
    }
    return {UNREFINED: [region.body for region in regions], **holes}


def _figures(
    candidates: Sequence[Mask],
    mask: Mask,
    width: float,
    union: Mask,
    all_drawn: Mask,
    tolerance: float,
) -> dict[str, float]:
    """The figures of `DrawnMaskOutcome`, except straps, for one refinement.

    Args:
        candidates: its holes, of which the one that overlaps the drawn mask most is compared.
        mask: the drawn mask.
        width: of its outline's box, in pixels.
        union: of all holes of the picture.
        all_drawn: the union of the picture's drawn masks.
        tolerance: of the boundary F-score, in pixels.
    """
    area = max(1, int(mask.sum()))
    best, iou = _closest(candidates, mask)
    return {
        "iou": iou,
        "residual": float((mask & ~union).sum() / area),
        "boundary_f": boundary_f_score(best, mask, tolerance),
        "excess": float((best & ~mask).sum() / area),
        "beyond": float((best & _near(mask, NEAR * width) & ~all_drawn).sum() / area),
        "boundary_error": boundary_error(best, mask) / width,
    }


def _straps_found(outline: AnnotatedMask, found: Mask) -> dict[str, float]:
    """The figure of a mask's straps, by what covers them; empty if none are annotated."""
    straps = outline.draw_straps((found.shape[0], found.shape[1]))
    if not straps.any():
        return {}
    return {"straps": length_found(found, straps, max(1.0, _STRAP_TOLERANCE * outline.width))}


def _near(mask: Mask, reach: float) -> Mask:
    """Pixels outside a mask at a distance of at most `reach`."""
    return np.asarray((distance_to(mask) <= reach) & ~mask, np.bool_)


def _union(masks: Sequence[Mask], size: tuple[int, int]) -> Mask:
    union = np.zeros(size, bool)
    for mask in masks:
        union |= mask
    return union


def _closest(candidates: Sequence[Mask], drawn: Mask) -> tuple[Mask, float]:
    """The candidate with the highest IoU with a drawn mask, and the IoU; an empty one if none."""
    ious: NDArray[np.float64] = mask_ious(candidates, [drawn])[:, 0]
    if not len(ious):
        return np.zeros_like(drawn), 0.0
    best = int(ious.argmax())
    return candidates[best], float(ious[best])
