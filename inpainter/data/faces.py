"""A folder of faces, decoded once and kept in memory."""

from __future__ import annotations

import threading
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from inpainter.data.deblocking import smooth_block_borders
from inpainter.data.decoded import DecodedFiles
from inpainter.data.donors import Donors
from inpainter.data.face import SHARES, Face
from inpainter.data.layouts import recognised_faces
from inpainter.data.shards import shard_faces
from weights.base.contracts import FacePhoto
from weights.base.dealing import deal_out, parts_of_people, person_of
from weights.base.errors import InputError
from weights.base.json_lines import read_json_lines
from weights.landmarks.points import eye_distance, inside_picture

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy as np

    from inpainter.data.sampling import Sample, Sampling
    from weights.base.contracts import Image

_LIKEST = 8
"""From how many of the likest faces a donor is chosen."""

_LEAST_DONOR = 60.0
"""Least distance between the eyes of a donor, in pixels."""

_JPEG_SUFFIXES = frozenset({".jpg", ".jpeg", ".jpe", ".jfif"})


def list_faces(folder: str | Path, split: str | None = None, seed: int = 0) -> list[Face]:
    """List the faces of a folder.

    If the folder contains `faces.jsonl`, each line has `file` (relative to the folder), `split`,
    `landmarks` and any labels; pictures of one `person` (or `group`) share a split. A folder of
    shards is read by `shard_faces`. Other folders are read as CelebA, CelebA-HQ, FFHQ or any folder
    of pictures, see `recognised_faces`.

    Args:
        folder: the folder.
        split: only the faces of this split; None for all.
        seed: random seed for splitting a folder that defines no splits; adding faces does not move
            others.

    Raises:
        InputError: the folder does not exist, an annotation in it is malformed, or there are no
            faces.
    """
    root = Path(folder)
    annotation = root / "faces.jsonl"
    if annotation.is_file():
        faces = _annotated(annotation)
    elif any(root.glob("*.tar")):
        annotation, faces = root, shard_faces(root)
    else:
        annotation, faces = root, recognised_faces(root)
    chosen = [face for face in _dealt(faces, annotation, seed) if split in (None, face.split)]
    if not chosen:
        raise InputError(f"{root} holds no faces of the split {split!r}.")
    return chosen


def _annotated(annotation: Path) -> list[Face]:
    def face(entry: dict[str, Any]) -> Face:
        return Face.from_entry(entry, annotation.parent / entry.pop("file"))

    return read_json_lines(annotation, face, "annotated face")


def _dealt(faces: list[Face], annotation: Path, seed: int) -> list[Face]:
    """Assign each face to a split; one person's faces share a split.

    If no face has a split, all are split at random; otherwise, a face without one gets its
    person's, or "train".
    """
    root = annotation if annotation.is_dir() else annotation.parent
    owners = [person_of(face.labels) or face.path.relative_to(root).as_posix() for face in faces]
    parts = parts_of_people(
        [(owner, face.split) for owner, face in zip(owners, faces, strict=True) if face.split],
        str(annotation),
    )
    if not parts:
        parts = deal_out(owners, SHARES, seed)
    return [
        replace(face, split=parts.get(owner, "train"))
        for owner, face in zip(owners, faces, strict=True)
    ]


class DecodedFaces(DecodedFiles[Face, "tuple[Image]"]):
    """Faces whose pictures are decoded once, on all cores, and served from memory.

    Args:
        faces: what to decode; pictures that cannot be decoded are left out and listed in `failed`.
        memory: bytes that decoded pictures may take, see `DecodedFiles`.
        deblocked: whether to remove JPEG's block grid, see `smooth_block_borders`.

    Raises:
        InputError: none can be decoded.
    """

    def __init__(
        self, faces: list[Face], memory: float | None = None, *, deblocked: bool = False
    ) -> None:
        decode = _decode_deblocked if deblocked else _decode
        super().__init__(faces, decode, "face pictures", memory)
        self._lock = threading.Lock()
        self._donors: tuple[list[int], Donors] | None = None

    def images(self) -> Iterator[Image]:
        """Yield the pictures, uint8 RGB `(H, W, 3)`."""
        return (image for (image,) in self)

    def sample(
        self, index: int, sampling: Sampling, size: int, random: np.random.Generator
    ) -> Sample | None:
        """Make a sample of one face; None if that is impossible.

        Raises:
            InputError: the holes need landmarks, and the face has none.
        """
        face = self.entries[index]
        try:
            (image,) = self[index]
        except InputError:
            return None
        try:
            donor = self._donor(index, sampling, random)
            return sampling(image, face.landmarks, size, random, donor)
        except InputError as error:
            if face.landmarks is not None:
                raise
            raise InputError(
                f"{face.path} lacks the 68 landmarks that these holes need: detect them with "
                "'unmask synthesize FACES OUT --landmarks network' and use OUT as the faces, or "
                "choose other holes: --holes free-form when measuring, --set holes.face=free-form "
                "when training."
            ) from error

    def _find_donors(self) -> tuple[list[int], Donors]:
        """The entries that may lend other faces their lower half, and these faces."""
        fit, photos = [], []
        for index, face in enumerate(self.entries):
            points = face.landmarks
            if points is None or eye_distance(points) < _LEAST_DONOR:
                continue
            (image,) = self[index]
            if inside_picture(points, image.shape).all():
                fit.append(index)
                photos.append(FacePhoto(image, points))
        return fit, Donors(photos)

    def _donor(
        self, index: int, sampling: Sampling, random: np.random.Generator
    ) -> FacePhoto | None:
        """One of the faces that resemble a face most, if the sampling asks for it."""
        points = self.entries[index].landmarks
        if points is None or not sampling.donor_share or random.random() >= sampling.donor_share:
            return None
        with self._lock:
            if self._donors is None:
                self._donors = self._find_donors()
        faces, donors = self._donors
        path = self.entries[index].path
        own = [at for at, face in enumerate(faces) if self.entries[face].path == path]
        likest = donors.nearest(self[index][0], points, _LIKEST, own)
        if not likest:
            return None
        chosen = faces[int(random.choice(likest))]
        landmarks = self.entries[chosen].landmarks
        assert landmarks is not None
        return FacePhoto(self[chosen][0], landmarks)


def _decode(face: Face) -> tuple[Image]:
    return (face.read(),)


def _decode_deblocked(face: Face) -> tuple[Image]:
    picture = face.read()
    is_jpeg = face.path.suffix.lower() in _JPEG_SUFFIXES
    return (smooth_block_borders(picture) if is_jpeg else picture,)
