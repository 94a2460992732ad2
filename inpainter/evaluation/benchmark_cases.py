"""Frozen test cases: always the same faces, holes and crops."""

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
"""Labels of a face by which results are grouped."""

YAWS: tuple[float, ...] = (15, 30)
"""Boundaries of the yaw bands, in degrees to either side."""

FACE_WIDTHS: tuple[float, ...] = (60, 90, 120, 150, 240, 480)
"""Boundaries of the face size bands, in pixels between the ends of the jaw line."""

SMALLEST_SIDE = 16
"""Minimum side of a case's crop, in pixels."""

_ATTEMPTS = 8


@dataclass(frozen=True, eq=False)
class Case:
    """One picture with one hole, for comparing systems.

    Attributes:
        name: name of the face, unique in a set.
        image: the true picture, uint8 RGB `(H, W, 3)`.
        hole: bool `(H, W)`, True = missing.
        groups: labels by which results are grouped, such as {"gender": "Female"}.
        inside: bool `(H, W)`, False where the crop extends past the picture's border, where the
            reflection is no ground truth. None if it lies wholly inside.
        masked: the masked picture, uint8 RGB `(H, W, 3)`, for systems that see the mask itself.
            None if the hole is not that of a mask.
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
        """The hole's pixels that have a ground truth, bool `(H, W)`."""
        return self.hole if self.inside is None else self.hole & self.inside


class HoleChecksum:
    """SHA-256 over the names, sizes and holes of cases, in order.

    Reports with the same checksum were measured on the same holes and faces.
    """

    def __init__(self) -> None:
        self._digest = hashlib.sha256()

    def add(self, case: Case) -> None:
        """Add a case."""
        self._digest.update(f"{case.name}\0{case.hole.shape}\0".encode())
        self._digest.update(np.packbits(case.hole).tobytes())

    def hex(self) -> str:
        """The checksum so far, 64 hexadecimal digits."""
        return self._digest.hexdigest()


class BenchmarkCases:
    """Cases from a folder of faces; each pass yields the same ones, one at a time.

    A face's hole depends only on the seed and the face's name, not on the other faces in the
    folder. The selection of faces depends on the seed too.

    Args:
        faces: folder with a `faces.jsonl`.
        holes: generates the holes.
        split: split of the faces; None for all.
        count: number of faces; None for all.
        size: side of the crops in pixels.
        seed: seeds all random choices.
        framing: "hole": the hole is generated on the whole picture and frames the crop, as in the
            pipeline. "face": the lower face frames the crop and the hole is generated on it, for
            holes independent of the face.
        split_seed: random seed for splitting a folder that defines no splits.

    Raises:
        InputError: there are no such faces; or, while iterating, a picture cannot be decoded.
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
        """Whether all cases include the masked picture; here, none does."""
        return False

    def __iter__(self) -> Iterator[Case]:
        """Yield the cases; faces for which no hole can be generated are left out.

        Raises:
            InputError: a picture cannot be decoded.
        """
        return self._cases(self.faces)

    def only(self, names: Iterable[str]) -> Iterator[Case]:
        """Yield the cases of these names, without generating the others."""
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
    """The labels by which a face's results are grouped, including size and yaw.

    The yaw is the label of that name, in degrees, or else an estimate from the landmarks.
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
    """Name the band that contains a value, such as "60 to 90 px"; it includes its lower bound."""
    at = bisect.bisect_right(borders, value)
    low = borders[at - 1] if at else 0
    if at == len(borders):
        return f"{low:g} {unit} and more"
    return f"{low:g} to {borders[at]:g} {unit}"


def lower_face(landmarks: NDArray[np.floating] | None, size: tuple[int, int]) -> Mask:
    """The face from the nose bridge to the chin, for framing a crop without a mask.

    Args:
        landmarks: iBUG points `(68, 2)`, x y in pixels, or None.
        size: height and width of the picture.

    Returns:
        Bool `(H, W)`, the convex hull of jaw and nose bridge; without landmarks, or if the hull
        lies outside the picture, the middle half of the picture.
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
    """The pixels of a resized crop that lie in the picture, bool `(size, size)`."""
    x0, y0, side = square
    centres = (np.arange(size) + 0.5) * side / size
    rows = (centres + y0 >= 0) & (centres + y0 <= frame[0])
    columns = (centres + x0 >= 0) & (centres + x0 <= frame[1])
    return np.asarray(rows[:, None] & columns[None, :], np.bool_)
