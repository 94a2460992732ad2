"""The step after the inpainter that replaces a guessed face by that of a reference."""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from pipeline.face import Face
from pipeline.references.faces import UnfitReferenceError, best_reference, check_reference
from pipeline.references.fusing import fuse_reference
from weights.base.contracts import FacePhoto, Image
from weights.base.errors import InputError
from weights.images import read_picture
from weights.landmarks import FindsFaces, FoundFace, LandmarkFinder, covered

_MOST_KNOWN = 64
"""For how many photos the detected face is cached."""

_LEAST_FACE = 0.7
"""Least face probability of a masked face's landmarks; profiles seldom reach it."""


@dataclass(frozen=True, eq=False)
class ChosenReference:
    """The reference chosen for a face.

    Attributes:
        index: its index among the references.
        photo: the photo.
        behind: the landmarks of the masked face, in pixels of its picture.
    """

    index: int
    photo: FacePhoto
    behind: FoundFace

    def paste(self, picture: Image, face: Face, fill: Image) -> Image:
        """Put the photo's face into a filled crop of the masked face, see `fuse_reference`."""
        points = self.behind.points - (face.crop.x0, face.crop.y0)
        crop = face.crop.take(picture)
        return fuse_reference(crop, fill, face.missing, points, self.photo)


class ReferenceFilling:
    """Chooses references for faces; the face of each photo is detected only once.

    Args:
        finder: the landmark finder.
    """

    def __init__(self, finder: FindsFaces) -> None:
        self._finder = finder
        self._known: OrderedDict[bytes, FoundFace | None] = OrderedDict()

    def faces_of(self, references: Sequence[Image]) -> list[FacePhoto | UnfitReferenceError]:
        """Find the face of each reference photo, uint8 RGB, or the reason why it is unfit."""
        names = reference_names(len(references))
        return [self._face_of(image, name) for image, name in zip(references, names, strict=True)]

    def choose(
        self,
        picture: Image,
        face: Face,
        references: Sequence[FacePhoto | UnfitReferenceError],
    ) -> ChosenReference:
        """Choose the reference that fits a face best.

        Args:
            picture: uint8 RGB `(H, W, 3)`.
            face: the masked face in it.
            references: the faces of the photos, as returned by `faces_of`.

        Raises:
            InputError: no reference fits, with one sentence on each; or the masked face is not
                visible enough.
        """
        behind = face.landmarks
        if behind is None:
            behind = self._finder.find_near(covered(picture, face.hole), face.frame)
        if behind.face < _LEAST_FACE:
            raise InputError(
                "The face behind the mask is not visible enough to warp a reference photo to it: "
                "leave out the reference to have it filled by a guess."
            )
        index, photo = best_reference(references, behind.points, reference_names(len(references)))
        return ChosenReference(index, photo, behind)

    def _face_of(self, image: Image, name: str) -> FacePhoto | UnfitReferenceError:
        key = hashlib.blake2b(image.tobytes()).digest()
        if key not in self._known:
            self._known[key] = self._finder.find(image)
            while len(self._known) > _MOST_KNOWN:
                self._known.popitem(last=False)
        try:
            return check_reference(image, self._known[key], name)
        except UnfitReferenceError as reason:
            return reason


def reference_filling(finder: FindsFaces) -> ReferenceFilling:
    """Make a filling; for a landmark network it is made once, to share its cache of photos."""
    return (
        _cached_filling(finder) if isinstance(finder, LandmarkFinder) else ReferenceFilling(finder)
    )


@lru_cache(maxsize=4)
def _cached_filling(finder: LandmarkFinder) -> ReferenceFilling:
    return ReferenceFilling(finder)


def read_references(given: Any) -> list[Image]:
    """Read the reference photos of one picture.

    Args:
        given: None, or a photo as path, bytes, PIL picture or uint8 array, or a list of these.

    Returns:
        uint8 RGB `(H, W, 3)` each, upright.

    Raises:
        InputError: one is not a readable picture.
    """
    if given is None:
        return []
    photos = given if isinstance(given, list | tuple) else [given]
    names = reference_names(len(photos))
    return [read_picture(one, name=name).pixels for one, name in zip(photos, names, strict=True)]


def reference_names(count: int) -> list[str]:
    """What error messages call this many reference photos."""
    if count == 1:
        return ["the reference photo"]
    return [f"reference photo {number}" for number in range(1, count + 1)]


def check_single_face(count: int) -> None:
    """Refuse references for a picture of several masked faces: it is unclear which is meant.

    Raises:
        InputError: there is more than one face.
    """
    if count > 1:
        raise InputError(
            f"The picture shows {count} masked faces, but references are of one person, and faces "
            "are never matched to people: cut the person out, or give a mask of your own for that "
            "one face."
        )
