"""Training crops of a verifier: worn masks, and a detector's false positives.

Masks with outlines come from annotated sets; the outlines may include straps unless these are
annotated separately. Negatives come from the detector itself: all its proposals on pictures without
masks, whatever their score, are wrong by definition (hard-negative mining, Sung and Poggio 1998).
Photos with only face boxes give more of both: whether a face has a mask is known, but not its
outline. Straps are known for masks drawn on faces for this purpose; some of those faces are also
shown bare.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from detector.data.annotations import AnnotatedPicture, read_annotations, spread
from detector.data.face_boxes import FaceBox, read_face_boxes
from detector.data.stored_samples import StoredSamples
from detector.find.crops import Crop
from detector.synthesis.draw import draw_mask
from detector.synthesis.face_check import CannotDrawMaskError
from detector.synthesis.faces import load_faces
from detector.synthesis.outline import Points
from detector.synthesis.templates import TemplateFolder
from weights.base.contracts import Image, Mask
from weights.base.errors import InputError
from weights.base.regions import MaskRegion, bounding_box

Box = tuple[float, float, float, float]
Propose = Callable[[Image], Sequence[MaskRegion]]

LEAST_SIDE = 16.0
"""Minimum longer side of a training mask, in pixels."""

LEAST_FACE = 24.0
"""Minimum width of a training face, in pixels."""

_VALIDATION_SHARE = 0.12
"""Fraction of the photos of a `.jsonl` file held out for validation."""

_BARE_SHARE = 0.25
"""Fraction of the faces that are also shown without a mask."""

_DRAPED_SHARE = 0.6
"""Fraction of the drawn masks, excluding photos of masks, that are draped in three dimensions."""


@dataclass(frozen=True)
class VerifierSets:
    """The training sets of a verifier.

    Attributes:
        annotated: each a `data.yaml` or a `.jsonl` file as for `read_annotations`; pictures without
            outlines have no masks, except those with boxes of masked faces, which are left out.
        boxed: `.jsonl` files of photos with only face boxes.
        faces: folders of faces with landmarks, on which masks with straps are drawn; a folder named
            twice gets different masks each time.
        templates: folder of mask photos, used in addition to drawn masks.
        most_pictures: maximum pictures per set, spread over it.
    """

    annotated: Sequence[str | os.PathLike[str]] = ()
    boxed: Sequence[str | os.PathLike[str]] = ()
    faces: Sequence[str | os.PathLike[str]] = ()
    templates: str | os.PathLike[str] | None = None
    most_pictures: int | None = None

    @property
    def paths(self) -> list[Path]:
        """All sets, in reading order."""
        return [Path(path) for path in (*self.annotated, *self.boxed, *self.faces)]


@dataclass
class VerifierCrops(StoredSamples):
    """Crops with their labels.

    Attributes:
        pictures: uint8 RGB `(N, S, S, 3)`.
        outlines: uint8 `(N, 2, S, S)`, 255 on the mask without straps, and in the second plane on
            its straps; 0 if unknown.
        worn: bool `(N,)`, whether a worn mask is at the centre.
        outlined: bool `(N, 2)`, whether each plane is known. If the straps are not, the first plane
            may include them.
        sources: int `(N,)`, index of the crop's set.
    """

    pictures: NDArray[np.uint8]
    outlines: NDArray[np.uint8]
    worn: NDArray[np.bool_]
    outlined: NDArray[np.bool_]
    sources: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.worn)


class _Sample(NamedTuple):
    """A box to crop round, and its labels."""

    image: Image
    box: Box
    worn: bool
    mask: Mask | None = None
    straps: Mask | None = None


def collect_crops(
    sets: VerifierSets,
    propose: Propose,
    part: str,
    *,
    size: int,
    context: float,
    said: Callable[[str], object] | None = None,
) -> VerifierCrops:
    """Collect all training crops.

    Args:
        sets: of pictures.
        propose: returns a detector's detections on a picture, including low-scoring ones.
        part: "train" or "val"; photos of a `.jsonl` file are split by their names.
        size: side of the crops, in pixels.
        context: side of a crop relative to the longer side of its box.
        said: called with a line for every finished set.

    Raises:
        InputError: a set cannot be read, or nothing is found in any.
    """
    photos = None if sets.templates is None else TemplateFolder(sets.templates)
    found: list[Iterator[_Sample]] = [
        *(_in_data_set(Path(path), part, propose, sets.most_pictures) for path in sets.annotated),
        *(_on_faces(Path(path), part, propose, sets.most_pictures) for path in sets.boxed),
        *(
            _drawn(Path(path), part, number, photos, sets.most_pictures)
            for number, path in enumerate(sets.faces, len(sets.annotated) + len(sets.boxed))
        ),
    ]
    pictures: list[Image] = []
    outlines: list[NDArray[np.uint8]] = []
    facts: list[tuple[bool, tuple[bool, bool], int]] = []
    for number, (path, samples) in enumerate(zip(sets.paths, found, strict=True)):
        before = len(facts)
        for sample in samples:
            crop = Crop.around(sample.box, context, size)
            known = sample.mask, sample.straps
            pictures.append(crop.take(sample.image))
            outlines.append(np.stack([_levels(crop, one) for one in known]))
            facts.append((sample.worn, (known[0] is not None, known[1] is not None), number))
        if said is not None:
            new = facts[before:]
            worn = sum(fact[0] for fact in new)
            said(f"{path}, {part}: {worn} masks, {len(new) - worn} crops without")
    if not facts:
        listed = ", ".join(map(str, sets.paths))
        raise InputError(f"No masks or proposals were found in {listed}.")
    columns = (np.array(column) for column in zip(*facts, strict=True))
    return VerifierCrops(np.stack(pictures), np.stack(outlines), *columns)


def _levels(crop: Crop, mask: Mask | None) -> NDArray[np.uint8]:
    """A crop of a mask, 0 to 255; all 0 for None."""
    if mask is None:
        return np.zeros((crop.size, crop.size), np.uint8)
    return np.rint(255.0 * crop.take_mask(mask)).astype(np.uint8)


def _in_data_set(path: Path, part: str, propose: Propose, most: int | None) -> Iterator[_Sample]:
    pictures = read_annotations(path, part, masked_faces_without_outline="skip")
    if path.suffix == ".jsonl":
        pictures = tuple(picture for picture in pictures if _part_of(picture.file) == part)
    for picture in spread(pictures, most):
        image = picture.load()
        if not picture.masks:
            yield from _false_positives(image, propose(image))
        for mask in picture.masks:
            if _is_large_enough(mask.box):
                size = image.shape[:2]
                straps = mask.draw_straps(size) if mask.straps else None
                yield _Sample(image, mask.box, True, mask.draw(size), straps)


def _on_faces(path: Path, part: str, propose: Propose, most: int | None) -> Iterator[_Sample]:
    pictures = [picture for picture in read_face_boxes(path) if _part_of(picture.file) == part]
    for picture in spread(pictures, most):
        image = picture.load()
        proposed = propose(image)
        for face in picture.faces:
            if face.width < LEAST_FACE:
                continue
            on_face = [region.box for region in proposed if _lies_on(region.box, face)]
            # Without a proposal, the lower half of the face stands in.
            box = on_face[0] if face.masked and on_face else _lower_half(face)
            yield _Sample(image, box, face.masked)
        masked = [face for face in picture.faces if face.masked]
        elsewhere = [
            region for region in proposed if not any(_touches(region.box, face) for face in masked)
        ]
        yield from _false_positives(image, elsewhere)


def _drawn(
    path: Path, part: str, source: int, photos: TemplateFolder | None, most: int | None
) -> Iterator[_Sample]:
    for face in spread([face for face in load_faces(path) if face.split == part], most):
        # A set named twice gets different masks the second time.
        random = np.random.default_rng([source, int(2**32 * _fraction(face.file.name))])
        image = AnnotatedPicture(face.file).load()
        if random.random() < _BARE_SHARE:
            yield _Sample(image, _place_of_mask(face.landmarks), False)
        try:
            drawn = draw_mask(image, face.landmarks, random, templates=photos, draped=_DRAPED_SHARE)
        except CannotDrawMaskError:
            continue
        box = bounding_box(drawn.mask)
        if box is not None and _is_large_enough(box):
            yield _Sample(drawn.masked, box, True, drawn.mask, drawn.straps)


def _place_of_mask(landmarks: Points) -> Box:
    """The box of a mask on a face with iBUG points `(68, 2)`: from nose bridge to chin."""
    covered = np.concatenate([landmarks[2:15], landmarks[28:36], landmarks[48:]])
    low, high = covered.min(axis=0), covered.max(axis=0)
    return float(low[0]), float(low[1]), float(high[0]), float(high[1])


def _part_of(file: Path) -> str:
    return "val" if _fraction(file.name) < _VALIDATION_SHARE else "train"


def _fraction(name: str) -> float:
    """A pseudo-random number from 0 to 1 that depends only on a name."""
    return int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], "big") / 2.0**64


def _is_large_enough(box: Box) -> bool:
    return max(box[2] - box[0], box[3] - box[1]) >= LEAST_SIDE


def _false_positives(image: Image, regions: Iterable[MaskRegion]) -> Iterator[_Sample]:
    for region in regions:
        if _is_large_enough(region.box):
            yield _Sample(image, region.box, False)


def _lower_half(face: FaceBox) -> Box:
    x0, y0, x1, y1 = face.box
    return x0 + 0.03 * face.width, y0 + 0.44 * face.height, x1 - 0.03 * face.width, y1


def _overlap(box: Box, face: FaceBox) -> float:
    """Fraction of a box that lies on a face."""
    width = min(box[2], face.box[2]) - max(box[0], face.box[0])
    height = min(box[3], face.box[3]) - max(box[1], face.box[1])
    area = max((box[2] - box[0]) * (box[3] - box[1]), 1e-6)
    return max(0.0, width) * max(0.0, height) / area


def _lies_on(box: Box, face: FaceBox) -> bool:
    return _overlap(box, face) > 0.7 and box[2] - box[0] > 0.5 * face.width


def _touches(box: Box, face: FaceBox) -> bool:
    return _overlap(box, face) > 0.2
