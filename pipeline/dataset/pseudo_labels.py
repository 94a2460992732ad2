"""Pseudo-labels: a trained detector outlines photos with face boxes for another round of training.

Train on drawn masks, label photos inside their boxes, keep what agrees, train again. A picture is
used whole if annotators and detector agree on every face; otherwise it is cropped round the faces
on which they agree, so that nothing doubtful is visible. Faces too small to judge are blurred: an
unlabelled masked face would be a false negative example.
"""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Callable, Sequence, Set
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from detector.data.annotations import AnnotatedPicture
from detector.data.face_boxes import Box, BoxedPicture, read_face_boxes
from detector.evaluation.matching import mask_ious
from pipeline.dataset.contact_sheet import draw_contact_sheet
from pipeline.dataset.face_agreement import (
    AgreementRules,
    FaceVerdict,
    PictureVerdict,
    judge_faces,
    mask_place,
    share_inside,
)
from pipeline.dataset.labels import Points
from pipeline.dataset.perceptual_hash import Hash, perceptual_hash, resembles
from pipeline.dataset.stored_pictures import Making, store_picture, store_text
from pipeline.dataset.training_part import TrainingPart, traced
from pipeline.refiners.morphology import MorphologyRefiner
from weights.base.contracts import Image, Mask
from weights.base.errors import InputError
from weights.base.protocols import Detector
from weights.base.regions import MaskRegion, bounding_box, box_round

PREFIX = "pseudo-"
"""Name prefix of pseudo-labelled pictures; another round replaces all of them."""

SUMMARY_NAME, SHEET_NAME = "pseudo_labels.json", "pseudo_labels.jpg"
"""Summary and contact sheet of a round, in the detection set."""

_CONTEXT = 1.5
"""How far a crop extends past the face at each side, as a fraction of the face's longer side."""

_KEPT_MARGIN = 0.1
"""Minimum margin of a crop round face and mask, as a fraction of the face's longer side."""

_LEAST_SIDE = 64
"""Minimum shorter side of a crop, in pixels."""

_SAME_OUTLINE = 0.7
"""Minimum intersection over union of a region with its refined outline."""


@dataclass
class PseudoLabelSummary:
    """What became of a set of photographs.

    Attributes:
        whole: photographs used whole.
        partly: photographs of which crops were used.
        refused: photographs of which nothing could be used.
        near_duplicates: photographs left out because they resemble an evaluation picture.
        unreadable: photographs that cannot be decoded.
        pictures: pictures written.
        labels: masks labelled on them.
        blurred: small faces blurred.
        agreed: masked faces on which annotators and detector agree.
        reasons: number of faces for each reason of disagreement; "stray" counts regions found where
            no face is annotated as masked.
        removed: pictures of an earlier round that this one did not make again.
    """

    whole: list[str] = field(default_factory=list)
    partly: list[str] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)
    near_duplicates: list[str] = field(default_factory=list)
    unreadable: list[str] = field(default_factory=list)
    pictures: int = 0
    labels: int = 0
    blurred: int = 0
    agreed: int = 0
    reasons: Counter[str] = field(default_factory=Counter)
    removed: int = 0


def add_pseudo_labels(
    annotations: Path,
    detection: Path,
    detector: Detector,
    *,
    rules: AgreementRules | None = None,
    measuring: Sequence[Path] = (),
    sheet: int = 48,
    described: dict[str, Any] | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> PseudoLabelSummary:
    """Label photographs with a detector inside their face boxes, and add them to a training split.

    Pictures and labels go into `detection/{images,labels}/train` under names that begin with
    "pseudo-"; those of an earlier round are replaced or removed. The summary is
    `pseudo_labels.json`, and `pseudo_labels.jpg` is a sheet of labelled pictures. The same
    photographs and the same detector give the same files.

    Args:
        annotations: a .jsonl file for `read_face_boxes`.
        detection: the detection set, made by `build_dataset`.
        detector: finds masks, also of low score: set its minimum score to half of `rules.score`.
        rules: for accepting a region as the mask of a face.
        measuring: evaluation pictures, whose near-duplicates, mirrored or not, are not added.
        sheet: pictures on the sheet.
        described: description of the detector for the summary.
        progress: called with the numbers of finished and of all photographs.

    Raises:
        InputError: the annotations or an evaluation picture cannot be read, or `detection` is not a
            detection set.
        OutputError: a file cannot be written.
    """
    part = TrainingPart(detection)
    chosen = rules or AgreementRules()
    measured = [AnnotatedPicture(path).load() for path in measuring]
    known = [perceptual_hash(view) for image in measured for view in (image, _mirrored(image))]
    photographs = read_face_boxes(annotations)
    summary = PseudoLabelSummary()
    written: dict[str, list[Points]] = {}
    for number, photograph in enumerate(photographs, 1):
        for name, image, outlines in _labelled(photograph, detector, chosen, known, summary):
            if name in written:
                raise InputError(f"{annotations} has two pictures named {photograph.file.stem!r}.")
            part.store(name, image, outlines, Making.PSEUDO_LABELLED)
            written[name] = outlines
            summary.pictures += 1
            summary.labels += len(outlines)
        if progress is not None:
            progress(number, len(photographs))
    summary.removed = _remove_others(part, written.keys())
    report = {"annotations": str(annotations), **(described or {}), "rules": asdict(chosen)}
    text = json.dumps(report | vars(summary), indent=2, ensure_ascii=False) + "\n"
    store_text(detection / SUMMARY_NAME, text)
    labelled = [
        {
            "kind": "scene",
            "files": {"image": f"images/train/{name}.jpg"},
            "polygons": [outline.tolist() for outline in outlines],
        }
        for name, outlines in sorted(written.items())
        if outlines
    ]
    drawn = draw_contact_sheet(detection, labelled, pairs=0, scenes=sheet)
    store_picture(detection / SHEET_NAME, drawn, 88, Making.PSEUDO_LABELLED)
    return summary


def _labelled(
    photograph: BoxedPicture,
    detector: Detector,
    rules: AgreementRules,
    known: Sequence[Hash],
    summary: PseudoLabelSummary,
) -> list[tuple[str, Image, list[Points]]]:
    """Names, pixels and outlines of one photograph's training pictures; updates the summary."""
    name = photograph.file.stem
    try:
        image = photograph.load()
    except InputError:
        summary.unreadable.append(name)
        return []
    if resembles(image, known):
        summary.near_duplicates.append(name)
        return []
    regions, turned = detector.detect([image, _mirrored(image)])
    verdict = judge_faces(photograph.faces, regions, [_turned_back(one) for one in turned], rules)
    outlines, verdict = _refined(image, regions, verdict)
    bad: list[Box] = []
    small: list[Box] = []
    for judged in verdict.faces:
        summary.agreed += judged.region is not None
        if not judged.agrees:
            summary.reasons[judged.reason] += 1
            place = mask_place(judged.face)
            tiny = judged.face.width < rules.small
            # Blurring must not touch a mask that gets a label.
            free = tiny and not any(_touches(mask, place) for mask in outlines.values())
            (small if free else bad).append(place)
    for index in verdict.strays:
        region = regions[index]
        if all(share_inside(region, box) < 0.5 for box in small):
            summary.reasons["stray"] += 1
            bad.append(_extent(region))
    for box in small:
        image = blurred(image, box)
    summary.blurred += len(small)
    if not bad:
        summary.whole.append(name)
        return [(f"{PREFIX}{name}", image, traced(outlines.values()))]
    made = []
    shown: list[Box] = []
    for number, judged in enumerate(verdict.faces):
        if judged.region is None:
            continue
        around = box_round(judged.face.box, _extent(regions[judged.region]))
        if any(_area(_shared(window, around)) >= _area(around) for window in shown):
            continue
        window = clear_window(around, bad, image.shape[:2])
        if window is None:
            continue
        left, top, right, bottom = window
        cut = np.ascontiguousarray(image[top:bottom, left:right])
        if resembles(cut, known):
            continue
        masks = (mask[top:bottom, left:right] for mask in outlines.values())
        shown.append(window)
        made.append((f"{PREFIX}{name}-{number}", cut, traced(masks)))
    (summary.partly if made else summary.refused).append(name)
    return made


def _refined(
    image: Image, regions: Sequence[MaskRegion], verdict: PictureVerdict
) -> tuple[dict[int, Mask], PictureVerdict]:
    """Snap the agreed regions to the picture's edges; a region lost by that becomes doubtful."""
    refiner = MorphologyRefiner(growth=0.0, least_growth=0.0, straps=False, edge=False)
    outlines: dict[int, Mask] = {}
    faces = []
    for judged in verdict.faces:
        if judged.region is not None:
            region = regions[judged.region]
            holes = refiner.refine(image, [region])
            if holes and mask_ious(holes[:1], [region.mask])[0, 0] >= _SAME_OUTLINE:
                outlines[judged.region] = holes[0]
            else:
                judged = FaceVerdict(judged.face, None, "lost when refined")
        faces.append(judged)
    return outlines, PictureVerdict(tuple(faces), verdict.strays)


def clear_window(
    around: Box, bad: Sequence[Box], size: tuple[int, int]
) -> tuple[int, int, int, int] | None:
    """Find a large window round a face that overlaps no bad box.

    The window starts as the face with context at each side, and is shrunk away from each bad box in
    turn, at the edge that costs the least area.

    Args:
        around: face and mask, which must stay inside.
        bad: boxes that must not be visible.
        size: height and width of the picture.

    Returns:
        x0, y0, x1, y1 in whole pixels, exclusive at x1 and y1; None if a bad box is too near or too
        little is left.
    """
    height, width = size
    frame = (0.0, 0.0, float(width), float(height))
    side = max(around[2] - around[0], around[3] - around[1])
    core = _shared(_grown(around, _KEPT_MARGIN * side), frame)
    window = _shared(_grown(around, _CONTEXT * side), frame)
    for box in sorted(bad, key=lambda one: _area(_shared(one, window)), reverse=True):
        if _area(_shared(box, window)) <= 0.0:
            continue
        x0, y0, x1, y1 = window
        # Each candidate keeps the core.
        cuts: list[Box] = []
        if box[2] <= core[0]:
            cuts.append((box[2], y0, x1, y1))
        if box[0] >= core[2]:
            cuts.append((x0, y0, box[0], y1))
        if box[3] <= core[1]:
            cuts.append((x0, box[3], x1, y1))
        if box[1] >= core[3]:
            cuts.append((x0, y0, x1, box[1]))
        if not cuts:
            return None
        window = max(cuts, key=_area)
    left, top = int(np.ceil(window[0])), int(np.ceil(window[1]))
    right, bottom = int(np.floor(window[2])), int(np.floor(window[3]))
    if min(right - left, bottom - top) < _LEAST_SIDE:
        return None
    return left, top, right, bottom


def blurred(image: Image, box: Box) -> Image:
    """Return a copy of a picture `(H, W, 3)` with a box blurred beyond recognition."""
    result = image.copy()
    part = result[_pixels(box)]
    if part.size:
        deviation = 0.4 * max(part.shape[:2])
        part[:] = cv2.GaussianBlur(part, (0, 0), deviation, borderType=cv2.BORDER_REFLECT)
    return result


def _turned_back(region: MaskRegion) -> MaskRegion:
    width = region.mask.shape[1]
    x0, y0, x1, y1 = region.box
    mask = np.ascontiguousarray(region.mask[:, ::-1])
    return MaskRegion(mask, (width - x1, y0, width - x0, y1), region.score, region.label)


def _mirrored(image: Image) -> Image:
    return np.ascontiguousarray(image[:, ::-1])


def _extent(region: MaskRegion) -> Box:
    """The union of a region's box and the tight box of its pixels."""
    tight = bounding_box(region.mask)
    return region.box if tight is None else box_round(region.box, tight)


def _touches(mask: Mask, box: Box) -> bool:
    return bool(mask[_pixels(box)].any())


def _pixels(box: Box) -> tuple[slice, slice]:
    """Rows and columns of the pixels that a box touches."""
    left, top = (max(0, math.floor(value)) for value in box[:2])
    right, bottom = (max(0, math.ceil(value)) for value in box[2:])
    return slice(top, bottom), slice(left, right)


def _grown(box: Box, margin: float) -> Box:
    return box[0] - margin, box[1] - margin, box[2] + margin, box[3] + margin


def _area(box: Box) -> float:
    return max(0.0, box[2] - box[0]) * max(0.0, box[3] - box[1])


def _shared(one: Box, other: Box) -> Box:
    """The intersection of two boxes; with sides swapped if it is empty."""
    return (
        max(one[0], other[0]),
        max(one[1], other[1]),
        min(one[2], other[2]),
        min(one[3], other[3]),
    )


def _remove_others(part: TrainingPart, kept: Set[str]) -> int:
    """Remove pictures of an earlier round that this one did not make; return their number."""
    removed = 0
    for folder in (part.images, part.labels):
        for path in sorted(folder.glob(f"{PREFIX}*")):
            if path.stem not in kept:
                path.unlink()
                removed += folder is part.images
    return removed
