"""From an annotated face to a training sample: hole, framing and augmentation."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import cv2
import numpy as np
from numpy.typing import NDArray

from inpainter.data.augmentation import Augmentation
from inpainter.data.colour import draw_colour_change
from inpainter.data.defocus import Defocus
from inpainter.data.face_parts import mouth_square
from inpainter.data.framing import face_square, widest_context
from inpainter.data.landmark_map import landmark_map, moved_landmarks
from inpainter.data.other_photo import other_photo
from inpainter.data.reference_map import reference_map
from weights.base.contracts import FacePhoto, Hole, Image
from weights.landmarks import MIRRORED

if TYPE_CHECKING:
    from inpainter.holes.generator import HoleGenerator

MaskSource = Callable[
    [Image, NDArray[np.floating] | None, np.random.Generator], tuple[Image, Hole] | None
]
"""Draws a mask on a face, given a picture, the face's landmarks and a random generator: the masked
picture and the hole that removing the mask would leave; None if the face cannot take one."""


@dataclass(frozen=True)
class Sample:
    """One training sample at the network's size.

    Attributes:
        image: uint8 RGB `(S, S, 3)`, the true face.
        hole: bool `(S, S)`.
        inside: bool `(S, S)`, False where the crop extends past the picture's border: a reflection
            there is no valid target.
        masked: uint8 RGB `(S, S, 3)`, the face with a mask; None for networks that do not see into
            the hole.
        colours: float32 `(13,)`, the colour change to apply to both pictures on the training
            device, see `draw_colour_change`; None for none.
        mouth: float32 `(3,)`, the square round the mouth: centre x, y and side in pixels of the
            crop; NaN if the face has no landmarks.
        landmarks: uint8 `(S, S, 3)`, from `landmark_map`, or zeros; None if landmarks are not used.
        reference: uint8 `(S, S, 4)`, from `reference_map`, or zeros; None if references are not
            used.
    """

    image: Image
    hole: Hole
    inside: NDArray[np.bool_]
    masked: Image | None = None
    colours: NDArray[np.float32] | None = None
    mouth: NDArray[np.float32] | None = None
    landmarks: NDArray[np.uint8] | None = None
    reference: NDArray[np.uint8] | None = None


@dataclass(frozen=True)
class Sampling(Augmentation):
    """How faces become samples, in addition to `Augmentation`.

    Attributes:
        face_holes: generates face-mask-shaped holes on the whole picture; they also frame the crop.
        other_holes: generates holes of any shape on the finished crop; None for face holes only.
        other_share: probability that such a hole replaces the face hole.
        union_share: probability that both are combined.
        masks: draws masks on faces, whose holes then replace all others; None for faces without
            masks.
    """

    face_holes: HoleGenerator
    other_holes: HoleGenerator | None = None
    other_share: float = 0.15
    union_share: float = 0.05
    masks: MaskSource | None = None

    def __call__(
        self,
        image: Image,
        landmarks: NDArray[np.floating] | None,
        size: int,
        random: np.random.Generator,
        donor: FacePhoto | None = None,
    ) -> Sample | None:
        """Make one sample of a face, with the photo of a donor as its reference if there is one.

        Returns:
            None if the face hole lies wholly outside the picture, or the face cannot take a mask.
        """
        if self.masks is None:
            hole = self.face_holes(landmarks, (image.shape[0], image.shape[1]), random)
            return self.frame(image, hole, None, size, random, landmarks, donor)
        worn = self.masks(image, landmarks, random)
        if worn is None:
            return None
        return self.frame(image, worn[1], worn[0], size, random, landmarks, donor)

    def frame(
        self,
        image: Image,
        hole: Hole,
        masked: Image | None,
        size: int,
        random: np.random.Generator,
        landmarks: NDArray[np.floating] | None = None,
        donor: FacePhoto | None = None,
    ) -> Sample | None:
        """Make one sample of a face, its hole and optionally the masked face.

        Args:
            image: uint8 RGB `(H, W, 3)`, the true face.
            hole: bool `(H, W)`.
            masked: the masked face, likewise; if given, the hole stays that of the mask.
            size: side of the sample, pixels.
            random: random generator.
            landmarks: iBUG points `(68, 2)`, x y in pixels of the picture, if known.
            donor: photo of another person, to serve as the reference.

        Returns:
            None if nothing is missing.
        """
        if not hole.any():
            return None
        extent = face_square(hole, context=1.0)[2]
        context = min(random.uniform(*self.context), widest_context(extent, hole.shape))
        x0, y0, side = face_square(hole, context=context, lift=random.uniform(*self.lift))
        shift = random.uniform(-0.04, 0.04, 2) * side
        centre = np.array([x0 + side / 2, y0 + side / 2]) + shift
        angle = math.radians(
            float(np.clip(random.normal(0.0, self.rotation / 2), -self.rotation, self.rotation))
        )
        flip = bool(random.random() < 0.5)
        matrix = _square_to_crop(centre, side, size, angle, self._proportions(random), flip=flip)
        crop = _shrunk(image, matrix, size, side / size)
        worn = None if masked is None else _shrunk(masked, matrix, size, side / size)
        if self.defocus_probability and random.random() < self.defocus_probability:
            defocus = Defocus.draw(size, random)
            crop, worn = defocus(crop), None if worn is None else defocus(worn)
        crop_hole = _warp(hole.view(np.uint8) * np.uint8(255), matrix, size) > 96
        inside = _inside(matrix, size, hole.shape)
        if self.other_holes is not None and masked is None:
            chance = random.random()
            if chance < self.other_share + self.union_share:
                drawn = self.other_holes(None, (size, size), random)
                crop_hole = drawn if chance < self.other_share else crop_hole | drawn
        points = None if landmarks is None else _in_crop(landmarks, matrix, flip=flip)
        sample = Sample(
            crop, crop_hole, inside, worn, self._colour_change(random), _mouth_in_crop(points)
        )
        return self._guided(sample, points, random, donor)

    def _guided(
        self,
        sample: Sample,
        points: NDArray[np.floating] | None,
        random: np.random.Generator,
        donor: FacePhoto | None,
    ) -> Sample:
        """Give a sample the landmarks and the reference that this sampling asks for."""
        if not self.landmark_share:
            return sample
        size = sample.hole.shape[0]
        landmarks = np.zeros((size, size, 3), np.uint8)
        reference = np.zeros((size, size, 4), np.uint8) if self.reference_share else None
        if points is not None and random.random() < self.landmark_share:
            moved = moved_landmarks(points, self.landmark_spread, random)
            landmarks = landmark_map(moved, size)
            if self.reference_share and random.random() < self.reference_share:
                own = FacePhoto(sample.image, np.asarray(points, np.float64))
                photo = donor or other_photo(own, random)
                reference = reference_map(photo, sample.image, sample.hole, moved)
        return replace(sample, landmarks=landmarks, reference=reference)

    def _proportions(self, random: np.random.Generator) -> NDArray[np.float64]:
        """A random linear map `(2, 2)` that changes a face's proportions but not its area."""
        if self.stretch == 0.0:
            return np.eye(2)
        widening = math.exp(random.normal(0.0, self.stretch) / 2)
        return np.array([[widening, random.normal(0.0, self.stretch) / 2], [0.0, 1.0 / widening]])

    def _colour_change(self, random: np.random.Generator) -> NDArray[np.float32] | None:
        settings = (self.colour_jitter, self.grayscale_probability, self.side_light)
        return draw_colour_change(random, *settings) if any(settings) else None


def _in_crop(
    landmarks: NDArray[np.floating], matrix: NDArray[np.float64], *, flip: bool
) -> NDArray[np.float64]:
    """Map landmarks to a crop, with left and right swapped if flipped."""
    points = landmarks @ matrix[:, :2].T + matrix[:, 2]
    return points[list(MIRRORED)] if flip else points


def _mouth_in_crop(points: NDArray[np.floating] | None) -> NDArray[np.float32]:
    if points is None:
        return np.full(3, np.nan, np.float32)
    # Landmarks count from the first pixel's centre, squares from its edge.
    return mouth_square(points + 0.5)


def _shrunk(image: Image, matrix: NDArray[np.float64], size: int, shrinking: float) -> Image:
    """Cut out a crop; smooth first when it shrinks, as bilinear sampling alone would alias."""
    if shrinking <= 1.0:
        return _warp(image, matrix, size)
    # Most of a large photo lies outside the crop and need not be smoothed.
    sigma = 0.4 * shrinking
    seen = _part_seen(matrix, size, image.shape, margin=2)
    near = _part_seen(matrix, size, image.shape, margin=2 + math.ceil(4 * sigma))
    smooth = cv2.GaussianBlur(np.ascontiguousarray(image[near]), (0, 0), sigma)
    source = np.zeros_like(image)
    source[seen] = smooth[
        tuple(
            slice(part.start - wide.start, part.stop - wide.start)
            for part, wide in zip(seen, near, strict=True)
        )
    ]
    return _warp(source, matrix, size)


def _corners(matrix: NDArray[np.float64], size: int) -> NDArray[np.float64]:
    """Positions of a crop's corners in the picture, x y `(4, 2)`."""
    last = size - 1.0
    corners = np.array([(0.0, 0.0), (last, 0.0), (0.0, last), (last, last)])
    return np.asarray((corners - matrix[:, 2]) @ np.linalg.inv(matrix[:, :2]).T)


def _part_seen(
    matrix: NDArray[np.float64], size: int, shape: tuple[int, ...], margin: int
) -> tuple[slice, slice]:
    """The rows and columns of a picture that a crop needs, including for reflections."""
    corners = _corners(matrix, size)
    parts = []
    for axis, length in ((1, shape[0]), (0, shape[1])):
        first = math.floor(corners[:, axis].min()) - margin
        last = math.ceil(corners[:, axis].max()) + margin
        end = length - 1
        # Pixels past a border mirror those inside it; a crop far outside needs everything.
        start, stop = min(first, 2 * end - last), max(last, -first)
        parts.append(slice(max(0, start), min(end, stop) + 1))
    return parts[0], parts[1]


def _inside(matrix: NDArray[np.float64], size: int, shape: tuple[int, ...]) -> NDArray[np.bool_]:
    """Where a crop shows the picture and not a reflection, bool `(size, size)`."""
    corners, ends = _corners(matrix, size), np.array([shape[1] - 2, shape[0] - 2])
    if (corners >= 1).all() and (corners <= ends).all():
        return np.ones((size, size), np.bool_)
    return _warp(np.full(shape, 255, np.uint8), matrix, size, cv2.BORDER_CONSTANT) > 200


def _square_to_crop(
    centre: NDArray[np.float64],
    side: float,
    size: int,
    angle: float,
    proportions: NDArray[np.float64],
    *,
    flip: bool,
) -> NDArray[np.float64]:
    """The affine map `(2, 3)` from picture pixels to crop pixels."""
    scale = size / side
    cosine, sine = scale * math.cos(angle), scale * math.sin(angle)
    # Proportions change in the face's own axes, before the rotation.
    matrix = np.array([[cosine, -sine], [sine, cosine]]) @ proportions
    if flip:
        matrix[0] *= -1.0
    offset = size / 2 - 0.5 - matrix @ (centre - 0.5)
    return np.concatenate([matrix, offset[:, None]], axis=1)


def _warp(
    array: NDArray[np.uint8],
    matrix: NDArray[np.float64],
    size: int,
    border: int = cv2.BORDER_REFLECT_101,
) -> NDArray[np.uint8]:
    return np.asarray(
        cv2.warpAffine(array, matrix, (size, size), flags=cv2.INTER_LINEAR, borderMode=border),
        np.uint8,
    )
