"""A folder of faces with landmarks, decoded once and kept in memory."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

from weights.errors import InputError
from weights.json_lines import read_json_lines

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from inpainter.data.sampling import Sample, Sampling
    from weights.contracts import Image


@dataclass(frozen=True)
class Face:
    """One annotated face picture.

    Attributes:
        path: the picture file.
        landmarks: iBUG points `(68, 2)`, x y in pixels, or None where there are none.
        split: "train", "val" or "test".
        labels: what else the annotation says, such as source, age, gender, ethnicity.
    """

    path: Path
    landmarks: NDArray[np.float64] | None
    split: str
    labels: dict[str, Any] = field(default_factory=dict)


def read_picture(path: Path) -> Image:
    """Decode a picture file to uint8 RGB `(H, W, 3)`.

    Raises:
        InputError: the file is missing or no picture.
    """
    try:
        encoded = np.fromfile(path, np.uint8)
    except OSError as error:
        raise InputError(f"Cannot read {path}: {error.strerror or error}.") from error
    decoded = cv2.imdecode(encoded, cv2.IMREAD_COLOR) if encoded.size else None
    if decoded is None:
        raise InputError(f"{path} is not a picture that can be decoded.")
    return np.asarray(cv2.cvtColor(decoded, cv2.COLOR_BGR2RGB), np.uint8)


def list_faces(folder: str | Path, split: str | None = None) -> list[Face]:
    """List the faces of a folder that holds a `faces.jsonl`.

    Each line has `file` (relative to the folder), `split`, `landmarks` and whatever labels there
    are.

    Args:
        folder: the folder.
        split: only the faces of this part; None for all.

    Raises:
        InputError: there is no annotation file, a line of it is malformed, or no face is left.
    """
    root = Path(folder)
    annotation = root / "faces.jsonl"
    if not annotation.is_file():
        raise InputError(
            f"There is no {annotation}: a folder of faces holds its annotations there."
        )

    def face(entry: dict[str, Any]) -> Face | None:
        points = entry.pop("landmarks", None)
        landmarks = None if points is None else np.asarray(points, np.float64).reshape(68, 2)
        path, part = root / entry.pop("file"), str(entry.pop("split", "train"))
        return Face(path, landmarks, part, entry) if split in (None, part) else None

    faces = read_json_lines(annotation, face, "annotated face")
    if not faces:
        raise InputError(f"{annotation} holds no face of the part {split!r}.")
    return faces


class DecodedFaces:
    """Faces whose pictures are decoded once, on all cores, and then served from memory.

    Args:
        faces: what to decode; pictures that cannot be decoded are left out and listed in `failed`.
    """

    def __init__(self, faces: list[Face]) -> None:
        with ThreadPoolExecutor() as pool:
            decoded = list(pool.map(_decode_or_reason, faces))
        self.faces = [
            face for face, one in zip(faces, decoded, strict=True) if not isinstance(one, str)
        ]
        self.images = [one for one in decoded if not isinstance(one, str)]
        self.failed = [one for one in decoded if isinstance(one, str)]
        if not self.faces:
            raise InputError(
                "None of the face pictures can be decoded: " + "; ".join(self.failed[:3])
            )

    def __len__(self) -> int:
        return len(self.faces)

    def sample(
        self, index: int, sampling: Sampling, size: int, random: np.random.Generator
    ) -> Sample | None:
        """Make a sample of one face; None where it gives none."""
        return sampling(self.images[index], self.faces[index].landmarks, size, random)


def _decode_or_reason(face: Face) -> Image | str:
    try:
        return read_picture(face.path)
    except InputError as error:
        return str(error)
