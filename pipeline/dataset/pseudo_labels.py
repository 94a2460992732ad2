"""Photographs with face boxes, outlined by a trained detector, for another round of training.

Train on drawings, label the photographs inside their boxes, keep what agrees, train again. A
picture is used whole where annotators and detector agree on every face; otherwise it is cut round
the faces on which they do, so that nothing doubtful is shown. Faces too small to be judged are
blurred: left as they are, a masked one without a label would teach that it wears none.
"""

from __future__ import annotations

import json
import math
from collections import Counter
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

from detector.data.annotations import AnnotatedPicture
from detector.data.face_boxes import BoxedPicture, read_face_boxes
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
from pipeline.dataset.perceptual_hash import perceptual_hash, resembles
from pipeline.dataset.stored_pictures import Making, store_picture, store_text
from pipeline.dataset.training_part import TrainingPart, traced
from pipeline.refiners.morphology import MorphologyRefiner
from weights.base.errors import InputError
from weights.base.regions import MaskRegion, bounding_box

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence, Set
    from pathlib import Path

    from detector.data.face_boxes import Box
    from pipeline.dataset.labels import Points
    from pipeline.dataset.perceptual_hash import Hash
    from weights.base.contracts import Image, Mask
    from weights.base.protocols import Detector

PREFIX = "pseudo-"
"""How the names of pseudo-labelled pictures begin; another round replaces all of that name."""

SUMMARY_NAME, SHEET_NAME = "pseudo_labels.json", "pseudo_labels.jpg"
"""Files in the detection set that say and show what a round made."""

_CONTEXT = 1.5
"""How far a cut reaches past the face at each side, as a share of the face's longer side."""

_KEPT_MARGIN = 0.1
"""How far a cut reaches past face and mask at least, as a share of the face's longer side."""

_LEAST_SIDE = 64
"""Shorter side of the smallest picture that is cut out, in pixels."""

_SAME_OUTLINE = 0.7
"""Least intersection over union of a region with its refined outline."""


@dataclass
class PseudoLabelSummary:
    """What became of a set of photographs.

    Attributes:
        whole: photographs used whole.
        partly: photographs of which parts were cut out.
        refused: photographs of which nothing could be used.
        near_duplicates: photographs left out because they resemble a measuring one.
        unreadable: photographs that cannot be decoded.
        pictures: pictures written.
        labels: masks labelled on them.
        blurred: small faces blurred.
        agreed: masked faces on which annotators and detector agree.
        reasons: for each reason of disagreement the number of faces; "stray" counts the regions
            found where no face is marked as masked.
        removed: pictures of an earlier round that this one has not made again.
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


@dataclass(frozen=True, eq=False)
class _Labelled:
    """One picture to be written: its name, its pixels, and the outlines on it."""

    name: str
    image: Image
    outlines: list[Points]


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
    """Label photographs by a detector inside their face boxes, and add them to a training part.

    Pictures and labels go into `detection/{images,labels}/train` under names that begin with
    "pseudo-"; those that an earlier round made there are replaced or removed. Beside them lie
    `pseudo_labels.json`, the summary, and `pseudo_labels.jpg`, a sheet of labelled pictures. The
    same photographs and the same detector give the same files.

    Args:
        annotations: a .jsonl file as `read_face_boxes` takes it.
        detection: the detection set, made by `build_dataset`.
        detector: finds masks, unsure ones too: give it half of `rules.score` as least score.
        rules: when a region is taken for the mask of a face.
        measuring: pictures that measure the detector; nothing that resembles one of them, or its
            mirror image, is added.
        sheet: pictures on the sheet.
        described: what the summary says of the detector.
        progress: called with how many photographs are done, and how many there are.

    Raises:
        InputError: the annotations or a measuring picture cannot be read, or `detection` is no
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
        for made in _labelled(photograph, detector, chosen, known, summary):
            if made.name in written:
                raise InputError(f"{annotations} has two pictures named {photograph.file.stem!r}.")
            part.store(made.name, made.image, made.outlines, Making.PSEUDO_LABELLED)
            written[made.name] = made.outlines
            summary.pictures += 1
            summary.labels += len(made.outlines)
        if progress is not None:
            progress(number, len(photographs))
    summary.removed = _remove_others(part, written.keys())
    report = {
        "annotations": str(annotations),
        **(described or {}),
        "rules": asdict(chosen),
        **vars(summary),
    }
    text = json.dumps(report, indent=2, ensure_ascii=False) + "\n"
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
) -> list[_Labelled]:
    """Make the training pictures of one photograph, and note in the summary what became of it."""
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
        return [_Labelled(f"{PREFIX}{name}", image, traced(outlines.values()))]
    made = []
    shown: list[Box] = []
    for number, judged in enumerate(verdict.faces):
        if judged.region is None:
            continue
        around = _together(judged.face.box, _extent(regions[judged.region]))
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
        made.append(_Labelled(f"{PREFIX}{name}-{number}", cut, traced(masks)))
    (summary.partly if made else summary.refused).append(name)
    return made


def _refined(
    image: Image, regions: Sequence[MaskRegion], verdict: PictureVerdict
) -> tuple[dict[int, Mask], PictureVerdict]:
    """Snap the agreed regions to the picture's edges; a region that is lost by it is in doubt."""
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
    """Find a large part of a picture round a face that shows nothing of any bad box.

    The part begins as the face with context at each side, and is cut back from each bad box in
    turn, at the edge that costs the least area.

    Args:
        around: face and mask, which must stay inside.
        bad: what must not be seen.
        size: height and width of the picture.

    Returns:
        x0, y0, x1, y1 in whole pixels, exclusive at x1 and y1; None where a bad box is too near,
        or too little is left.
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
        # Each cut keeps the core, or is none.
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
    """Give a copy of a picture `(H, W, 3)` in which a box cannot be made out any more."""
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
    """The box of a region joined with the tightest one round its pixels."""
    tight = bounding_box(region.mask)
    return region.box if tight is None else _together(region.box, tight)


def _touches(mask: Mask, box: Box) -> bool:
    return bool(mask[_pixels(box)].any())


def _pixels(box: Box) -> tuple[slice, slice]:
    """Rows and columns of the pixels that a box touches."""
    left, top = (max(0, math.floor(value)) for value in box[:2])
    right, bottom = (max(0, math.ceil(value)) for value in box[2:])
    return slice(top, bottom), slice(left, right)


def _together(one: Box, other: Box) -> Box:
    return (
        min(one[0], other[0]),
        min(one[1], other[1]),
        max(one[2], other[2]),
        max(one[3], other[3]),
    )


def _grown(box: Box, margin: float) -> Box:
    return box[0] - margin, box[1] - margin, box[2] + margin, box[3] + margin


def _area(box: Box) -> float:
    return max(0.0, box[2] - box[0]) * max(0.0, box[3] - box[1])


def _shared(one: Box, other: Box) -> Box:
    """What two boxes have in common; with sides the wrong way round where that is nothing."""
    return (
        max(one[0], other[0]),
        max(one[1], other[1]),
        min(one[2], other[2]),
        min(one[3], other[3]),
    )


def _remove_others(part: TrainingPart, kept: Set[str]) -> int:
    """Remove what an earlier round made and this one has not; give the number of pictures."""
    removed = 0
    for folder in (part.images, part.labels):
        for path in sorted(folder.glob(f"{PREFIX}*")):
            if path.stem not in kept:
                path.unlink()
                removed += folder is part.images
    return removed
