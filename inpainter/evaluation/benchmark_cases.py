"""Frozen test cases: the same faces, holes and crops whenever they are asked for."""

from __future__ import annotations

import bisect
import hashlib
import math
import zlib
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import cv2
import numpy as np

from inpainter.data.faces import list_faces
from inpainter.data.framing import Square, face_square, reflected_crop, resize_crop
from weights.base.contracts import Hole, Image, Mask, check_image, check_mask
from weights.base.errors import ConfigurationError, InputError
from weights.landmarks.head_pose import estimate_yaw

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from numpy.typing import NDArray

    from inpainter.data.face import Face
    from inpainter.holes.generator import HoleGenerator

Framing = Literal["hole", "face"]

GROUP_LABELS: tuple[str, ...] = ("source", "age", "gender", "ethnicity")
"""Labels of a face by which results are grouped, where a face has them."""

YAWS: tuple[float, ...] = (15, 30)
"""Borders of the bands of yaw, in degrees to either side."""

FACE_WIDTHS: tuple[float, ...] = (60, 90, 120, 150, 240, 480)
"""Borders of the bands of face size, in pixels between the ends of the jaw line."""

SMALLEST_SIDE = 16
"""Side of the smallest crops that cases are made of, pixels."""

_ATTEMPTS = 8


@dataclass(frozen=True, eq=False)
class Case:
    """One picture with one hole, on which systems are compared.

    Attributes:
        name: of the face, unique in a set.
        image: the true picture, uint8 RGB `(H, W, 3)`.
        hole: bool `(H, W)`, True = missing.
        groups: labels by which results are grouped, such as {"gender": "Female"}.
        inside: bool `(H, W)`, False where the crop reaches past the picture's frame: what is there
            is a reflection and no truth to measure against. None where all is inside.
        masked: the picture with the mask on, uint8 RGB `(H, W, 3)`, for systems that look at the
            mask itself. None where the hole is a shape and not that of a mask.
    """

    name: str
    image: Image
    hole: Hole
    groups: Mapping[str, str] = field(default_factory=dict)
    inside: Mask | None = None
    masked: Image | None = None

    def __post_init__(self) -> None:
        check_image(self.image, f"image of case {self.name}")
        check_mask(self.hole, self.image.shape[:2], f"hole of case {self.name}")
        if self.inside is not None:
            check_mask(self.inside, self.image.shape[:2], f"inside of case {self.name}")
        if self.masked is not None and check_image(self.masked).shape != self.image.shape:
            raise InputError(
                f"The masked picture of case {self.name} must have the size "
                f"{self.image.shape[:2]}, but has {self.masked.shape[:2]}."
            )

    @property
    def measured(self) -> Mask:
        """The hole's pixels for which there is a truth, bool `(H, W)`."""
        return self.hole if self.inside is None else self.hole & self.inside


class HoleChecksum:
    """Sha256 over the names, sizes and holes of cases, in their order.

    Two reports of one checksum were measured on the same holes of the same faces.
    """

    def __init__(self) -> None:
        self._digest = hashlib.sha256()

    def add(self, case: Case) -> None:
        """Take one more case into account."""
        self._digest.update(f"{case.name}\0{case.hole.shape}\0".encode())
        self._digest.update(np.packbits(case.hole).tobytes())

    def hex(self) -> str:
        """The checksum so far, 64 hexadecimal digits."""
        return self._digest.hexdigest()


class BenchmarkCases:
    """Cases from a folder of faces; each pass over them gives the same, one picture at a time.

    A face's hole follows from the seed and the face's name only, so it does not depend on which
    other faces are in the folder. Which faces are taken follows from the seed likewise.

    Args:
        faces: folder with a `faces.jsonl`.
        holes: draws the holes.
        split: part of the faces.
        count: how many faces; None for all.
        size: side of the crops in pixels.
        seed: source of all chance.
        framing: "hole": the hole is drawn on the whole picture and the crop framed by it, as in
            the pipeline. "face": the crop is framed by the lower face and the hole drawn on it, for
            holes that do not look at the face.
        split_seed: deals out the faces of a folder that names no parts.

    Raises:
        InputError: there are no such faces, or later, while iterating, a picture cannot be decoded.
        ConfigurationError: an option is out of range.
    """

    def __init__(
        self,
        faces: str | Path,
        holes: HoleGenerator,
        *,
        split: str | None = "val",
        count: int | None = 200,
        size: int = 256,
        seed: int = 0,
        framing: Framing = "hole",
        split_seed: int = 0,
    ) -> None:
        if framing not in ("hole", "face"):
            raise ConfigurationError(f"framing must be 'hole' or 'face', but is {framing!r}.")
        if size < SMALLEST_SIDE or (count is not None and count < 1):
            raise ConfigurationError(
                f"Test cases need a size of {SMALLEST_SIDE} or more and a count of 1 or more, "
                f"but got {size} and {count}."
            )
        self.root = Path(faces)
        self.holes, self.size, self.seed = holes, size, seed
        self.framing: Framing = framing
        listed = list_faces(self.root, split, split_seed)
        order = sorted(listed, key=lambda face: self._digest(face, "order"))
        self.faces = order[:count]

    def __len__(self) -> int:
        return len(self.faces)

    @property
    def masked(self) -> bool:
        """Whether all cases come with the masked picture: the holes are shapes, so none does."""
        return False

    def __iter__(self) -> Iterator[Case]:
        """Give the cases; a face on which no hole can be drawn is left out.

        Raises:
            InputError: a picture cannot be decoded.
        """
        return self._cases(self.faces)

    def only(self, names: Iterable[str]) -> Iterator[Case]:
        """Give the cases of these names, without drawing the others."""
        wanted = set(names)
        return self._cases(face for face in self.faces if self._name(face) in wanted)

    def _cases(self, faces: Iterable[Face]) -> Iterator[Case]:
        return (case for case in map(self._case, faces) if case is not None)

    def _name(self, face: Face) -> str:
        return face.path.relative_to(self.root).as_posix()

    def _digest(self, face: Face, purpose: str) -> int:
        return zlib.crc32(f"{self.seed}/{purpose}/{self._name(face)}".encode())

    def _case(self, face: Face) -> Case | None:
        image = face.read()
        size = (image.shape[0], image.shape[1])
        random = np.random.default_rng((self.seed, self._digest(face, "hole")))
        for _ in range(_ATTEMPTS):
            if self.framing == "hole":
                hole = self.holes(face.landmarks, size, random)
                if not hole.any():
                    continue
                square = face_square(hole)
                crop, crop_hole = _crop(image, hole, square, self.size)
            else:
                frame = lower_face(face.landmarks, size)
                square = face_square(frame)
                crop, _ = _crop(image, frame, square, self.size)
                crop_hole = self.holes(None, (self.size, self.size), random)
            inside = _inside(square, size, self.size)
            if (crop_hole & inside).any():
                return Case(self._name(face), crop, crop_hole, face_groups(face), inside)
        return None


def face_groups(face: Face) -> dict[str, str]:
    """The labels by which a face's results are grouped, its size, and how far it is turned.

    The yaw is the label of that name, in degrees, and an estimate by the landmarks where a face has
    none.
    """
    groups = {
        label: str(face.labels[label])
        for label in GROUP_LABELS
        if face.labels.get(label) is not None
    }
    if face.landmarks is not None:
        width = float(np.linalg.norm(face.landmarks[16] - face.landmarks[0]))
        groups["face size"] = band(width, FACE_WIDTHS, "px")
    yaw = _yaw(face)
    if math.isfinite(yaw):
        groups["yaw"] = band(abs(yaw), YAWS, "degrees")
    return groups


def _yaw(face: Face) -> float:
    label = face.labels.get("yaw")
    if isinstance(label, int | float):
        return float(label)
    return math.nan if face.landmarks is None else estimate_yaw(face.landmarks)


def band(value: float, borders: Sequence[float], unit: str) -> str:
    """Name the band that a value lies in, such as "60 to 90 px"; it holds its lower border."""
    at = bisect.bisect_right(borders, value)
    low = borders[at - 1] if at else 0
    if at == len(borders):
        return f"{low:g} {unit} and more"
    return f"{low:g} to {borders[at]:g} {unit}"


def lower_face(landmarks: NDArray[np.floating] | None, size: tuple[int, int]) -> Mask:
    """The face from the nose bridge to the chin, which frames a crop where no mask does.

    Args:
        landmarks: iBUG points `(68, 2)`, x y in pixels, or None.
        size: height and width of the picture.

    Returns:
        Bool `(H, W)`, the convex hull of jaw and nose bridge; without landmarks, or where the hull
        is out of the picture, the middle half of the picture.
    """
    height, width = size
    canvas = np.zeros((height, width), np.uint8)
    if landmarks is not None:
        points = np.rint(landmarks[[*range(1, 16), 28]]).astype(np.int32)
        cv2.fillConvexPoly(canvas, cv2.convexHull(points[:, None, :]), 1)
    if not canvas.any():
        canvas[height // 4 : max(1, height * 3 // 4), width // 4 : max(1, width * 3 // 4)] = 1
    return canvas.astype(bool)


def _crop(image: Image, hole: Hole, square: Square, size: int) -> tuple[Image, Hole]:
    return resize_crop(reflected_crop(image, square), reflected_crop(hole, square), size)


def _inside(square: Square, frame: tuple[int, int], size: int) -> Mask:
    """Which pixels of a resized crop lie in the picture, bool `(size, size)`."""
    x0, y0, side = square
    centres = (np.arange(size) + 0.5) * side / size
    rows = (centres + y0 >= 0) & (centres + y0 <= frame[0])
    columns = (centres + x0 >= 0) & (centres + x0 <= frame[1])
    return np.asarray(rows[:, None] & columns[None, :], np.bool_)
