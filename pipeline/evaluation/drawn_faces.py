"""Faces with drawn masks, with known ground truth for both face and mask."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from detector.synthesis import CannotDrawMaskError, TemplateFolder
from inpainter.data.face import Face
from inpainter.data.faces import list_faces
from inpainter.data.framing import face_square, reflected_crop, resize_crop
from inpainter.evaluation.benchmark_cases import Case, face_groups
from pipeline.crop import Crop
from pipeline.dataset.checks import draw_checked_mask
from pipeline.dataset.seeds import item_generator
from weights.base.contracts import Image, Mask
from weights.base.dealing import name_fraction
from weights.base.errors import ConfigurationError
from weights.base.protocols import Refiner
from weights.base.regions import MaskRegion


@dataclass(frozen=True, eq=False)
class DrawnFace:
    """A face with and without a drawn mask.

    Attributes:
        name: of the face's file, relative to the folder of faces.
        image: the true face, uint8 RGB `(H, W, 3)`.
        masked: the same with the mask, likewise.
        mask: bool `(H, W)`, the mask without straps.
        straps: bool `(H, W)`, ear loops and bands outside the mask.
        groups: labels of the face, its size, and the mask's kind and way of wearing.
    """

    name: str
    image: Image
    masked: Image
    mask: Mask
    straps: Mask
    groups: Mapping[str, str]


class DrawnFaces:
    """Draws one mask on each face, one picture at a time; each pass gives the same.

    A face's mask depends only on the seed and the face's name; the seed also determines the choice
    of faces. Faces on which no mask can be drawn are skipped.

    Args:
        faces: folder with a `faces.jsonl`.
        split: part of the faces.
        count: number of faces; None for all.
        seed: seeds all random choices.
        templates: photos of masks, used for two masks in five; None draws all masks.

    Raises:
        InputError: there are no such faces, or, on iteration, a picture cannot be decoded.
        ConfigurationError: the count is out of range.
    """

    def __init__(
        self,
        faces: str | Path,
        *,
        split: str | None = "val",
        count: int | None = 200,
        seed: int = 0,
        templates: TemplateFolder | None = None,
    ) -> None:
        if count is not None and count < 1:
            raise ConfigurationError(f"Drawn faces need a count of 1 or more, but got {count}.")
        self.root = Path(faces)
        self.seed, self.templates = seed, templates
        listed = [face for face in list_faces(self.root, split) if face.landmarks is not None]
        order = sorted(listed, key=lambda face: name_fraction(seed, self._name(face)))
        self.faces = order[:count]

    def __len__(self) -> int:
        return len(self.faces)

    def __iter__(self) -> Iterator[DrawnFace]:
        """Yield the faces on which a mask can be drawn.

        Raises:
            InputError: a picture cannot be decoded.
        """
        return self.only(None)

    def only(self, names: Iterable[str] | None) -> Iterator[DrawnFace]:
        """Yield the faces of these names, None for all, without drawing the others."""
        wanted = None if names is None else set(names)
        for face in self.faces:
            if wanted is None or self._name(face) in wanted:
                drawn = self._draw(face)
                if drawn is not None:
                    yield drawn

    def _name(self, face: Face) -> str:
        return face.path.relative_to(self.root).as_posix()

    def _draw(self, face: Face) -> DrawnFace | None:
        assert face.landmarks is not None
        image, name = face.read(), self._name(face)
        try:
            random = item_generator(self.seed, name)
            drawn = draw_checked_mask(image, face.landmarks, random, self.templates)
        except CannotDrawMaskError:
            return None
        groups = face_groups(face)
        groups["mask kind"] = str(drawn.record.get("kind", "template"))
        groups["worn"] = str(drawn.record.get("worn", "full"))
        return DrawnFace(name, image, drawn.masked, drawn.mask, drawn.straps, groups)


class DrawnMaskCases:
    """Test cases with holes that a refiner makes of drawn masks, framed as in the pipeline.

    Args:
        faces: draws the masks.
        refiner: makes the hole from the exact mask.
        size: side of the crops in pixels.
    """

    def __init__(self, faces: DrawnFaces, refiner: Refiner, *, size: int = 256) -> None:
        self.drawn, self.refiner, self.size = faces, refiner, size

    def __len__(self) -> int:
        return len(self.drawn)

    @property
    def masked(self) -> bool:
        """True: all cases come with the masked picture."""
        return True

    def __iter__(self) -> Iterator[Case]:
        """Yield the cases, without masks of which the refiner makes no hole."""
        return self._cases(self.drawn)

    def only(self, names: Iterable[str]) -> Iterator[Case]:
        """Yield the cases of these names, without drawing the others."""
        return self._cases(self.drawn.only(names))

    def _cases(self, faces: Iterable[DrawnFace]) -> Iterator[Case]:
        for face in faces:
            holes = self.refiner.refine(face.masked, [MaskRegion.from_mask(face.mask)])
            hole = np.any(holes, axis=0)
            if hole.any():
                yield framed_case(face.name, face.image, hole, face.groups, self.size, face.masked)


def framed_case(
    name: str,
    image: Image,
    hole: Mask,
    groups: Mapping[str, str],
    size: int | None = None,
    masked: Image | None = None,
) -> Case:
    """Make a test case, framing the hole as the pipeline does.

    Args:
        name: of the case.
        image: the true picture, uint8 RGB `(H, W, 3)`.
        hole: bool `(H, W)` with at least one True pixel.
        groups: labels of the case.
        size: side of the crop; None keeps the picture's own pixels.
        masked: the picture with the mask, of the same size, if the case should contain it.
    """
    square = face_square(hole)
    crop, missing = reflected_crop(image, square), reflected_crop(hole, square)
    worn = None if masked is None else reflected_crop(masked, square)
    frame = np.zeros(missing.shape, np.bool_)
    frame[Crop(*square, *hole.shape).window] = True
    if size is not None:
        if worn is not None:
            worn, _ = resize_crop(worn, missing, size)
        _, outside = resize_crop(crop, ~frame, size)
        crop, missing = resize_crop(crop, missing, size)
        frame = ~outside
    return Case(name, crop, missing, groups, None if frame.all() else frame, worn)
