"""From an annotated face to a training sample: hole, framing, jitter, augmentation."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import cv2
import numpy as np

from inpainter.framing import face_square, widest_context

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from weights.contracts import Hole, Image


class HoleGenerator(Protocol):
    """Draws a hole: bool `(H, W)` for a picture of that size and, where known, its landmarks."""

    def __call__(
        self,
        landmarks: NDArray[np.floating] | None,
        size: tuple[int, int],
        random: np.random.Generator,
    ) -> Hole:
        """Draw one hole."""
        ...


class MaskSource(Protocol):
    """Draws a mask on a face: the masked picture and the hole that taking it off would leave.

    None where the face cannot take a mask.
    """

    def __call__(
        self,
        image: Image,
        landmarks: NDArray[np.floating] | None,
        random: np.random.Generator,
    ) -> tuple[Image, Hole] | None:
        """Draw one mask."""
        ...


@dataclass(frozen=True)
class Sample:
    """One training sample at the network's size.

    Attributes:
        image: uint8 RGB `(S, S, 3)`, the true face.
        hole: bool `(S, S)`.
        inside: bool `(S, S)`, False where the crop reaches past the picture's frame; what is there
            is a reflection and no truth to learn from.
        masked: uint8 RGB `(S, S, 3)`, the face with a mask on it; None where the sample is for
            networks that see nothing in the hole.
    """

    image: Image
    hole: Hole
    inside: NDArray[np.bool_]
    masked: Image | None = None


@dataclass(frozen=True)
class Sampling:
    """How faces become samples.

    Attributes:
        face_holes: draws face-mask-shaped holes on the whole picture; they also frame the crop.
        other_holes: draws holes of any shape on the finished crop; None for face holes only.
        other_share: how often a hole of any shape takes the face hole's place.
        union_share: how often both are missing.
        context: range of the crop's side over the hole's extent.
        lift: range of the crop's shift upwards, as a share of its side.
        rotation: largest rotation, degrees.
        grey_share: how often the picture is turned grey.
        colour_jitter: largest relative change of brightness, contrast, gamma and colour balance.
        stretch: standard deviation of the relative change of width against height, and twice that
            of the shear: faces of other proportions, where there are few.
        side_light: largest relative change of brightness from the middle of the crop to its edge,
            in any direction and a little different in each colour.
        masks: draws masks on faces, whose holes then take the place of all others; None for faces
            without masks.
    """

    face_holes: HoleGenerator
    other_holes: HoleGenerator | None = None
    other_share: float = 0.15
    union_share: float = 0.05
    context: tuple[float, float] = (1.4, 1.8)
    lift: tuple[float, float] = (0.04, 0.16)
    rotation: float = 10.0
    grey_share: float = 0.06
    colour_jitter: float = 0.15
    stretch: float = 0.0
    side_light: float = 0.0
    masks: MaskSource | None = None

    def __call__(
        self,
        image: Image,
        landmarks: NDArray[np.floating] | None,
        size: int,
        random: np.random.Generator,
    ) -> Sample | None:
        """Make one sample of a face.

        Returns:
            None when the face hole is wholly outside the picture, or the face takes no mask.
        """
        if self.masks is None:
            hole = self.face_holes(landmarks, (image.shape[0], image.shape[1]), random)
            return self.frame(image, hole, None, size, random)
        worn = self.masks(image, landmarks, random)
        return None if worn is None else self.frame(image, worn[1], worn[0], size, random)

    def frame(
        self,
        image: Image,
        hole: Hole,
        masked: Image | None,
        size: int,
        random: np.random.Generator,
    ) -> Sample | None:
        """Make one sample of a face, its hole and, where there is one, the face with a mask.

        Args:
            image: uint8 RGB `(H, W, 3)`, the true face.
            hole: bool `(H, W)`.
            masked: the face with a mask, likewise; the hole then stays that of the mask.
            size: side of the sample, pixels.
            random: source of all chance.

        Returns:
            None when nothing is missing.
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
        crops = [
            _shrunk(picture, matrix, size, side / size)
            for picture in (image, masked)
            if picture is not None
        ]
        crop_hole = _warp(hole.astype(np.uint8) * 255, matrix, size, cv2.BORDER_REFLECT_101) > 96
        inside = _warp(np.full(hole.shape, 255, np.uint8), matrix, size, cv2.BORDER_CONSTANT) > 200
        if self.other_holes is not None and masked is None:
            chance = random.random()
            if chance < self.other_share + self.union_share:
                drawn = self.other_holes(None, (size, size), random)
                crop_hole = drawn if chance < self.other_share else crop_hole | drawn
        crops = self._lit(self._recoloured(crops, random), random)
        return Sample(crops[0], crop_hole, inside, None if masked is None else crops[1])

    def _proportions(self, random: np.random.Generator) -> NDArray[np.float64]:
        """The linear map `(2, 2)` that changes a face's proportions, not its area."""
        if self.stretch == 0.0:
            return np.eye(2)
        widening = math.exp(random.normal(0.0, self.stretch) / 2)
        return np.array([[widening, random.normal(0.0, self.stretch) / 2], [0.0, 1.0 / widening]])

    def _lit(self, images: list[Image], random: np.random.Generator) -> list[Image]:
        """Light all pictures from the same side."""
        if self.side_light == 0.0:
            return images
        size = images[0].shape[0]
        angle = random.uniform(0.0, 2.0 * math.pi)
        tint = 1.0 + random.normal(0.0, 0.3, 3)
        slope = random.uniform(0.0, self.side_light) * tint.astype(np.float32)
        line = np.linspace(-1.0, 1.0, size, dtype=np.float32)
        across = math.cos(angle) * line[None, :] + math.sin(angle) * line[:, None]
        light = 1.0 + across[..., None].astype(np.float32) * slope
        return [np.clip(np.rint(one * light), 0, 255).astype(np.uint8) for one in images]

    def _recoloured(self, images: list[Image], random: np.random.Generator) -> list[Image]:
        """Change the colours of all pictures in the same way."""
        # One table per channel does brightness, contrast, gamma and colour balance in one look-up.
        amount = self.colour_jitter
        level = np.linspace(0.0, 1.0, 256)
        gamma = math.exp(random.uniform(-amount, amount))
        contrast = 1.0 + random.uniform(-amount, amount)
        shared = (level**gamma - 0.5) * contrast + 0.5 + random.uniform(-amount, amount) / 2
        gains = 1.0 + random.uniform(-amount, amount, 3) / 2
        table = np.clip(np.rint(255.0 * shared[:, None] * gains), 0, 255).astype(np.uint8)
        tabled = [np.asarray(cv2.LUT(one, table.reshape(256, 1, 3)), np.uint8) for one in images]
        if random.random() >= self.grey_share:
            return tabled
        greys = [cv2.cvtColor(one, cv2.COLOR_RGB2GRAY) for one in tabled]
        return [np.asarray(cv2.cvtColor(one, cv2.COLOR_GRAY2RGB), np.uint8) for one in greys]


def _shrunk(image: Image, matrix: NDArray[np.float64], size: int, shrinking: float) -> Image:
    """Take a crop; bilinear sampling alone would alias when it shrinks."""
    source = image if shrinking <= 1.0 else cv2.GaussianBlur(image, (0, 0), 0.4 * shrinking)
    return _warp(np.asarray(source, np.uint8), matrix, size, cv2.BORDER_REFLECT_101)


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
    # Proportions are the face's own: they change before it is turned.
    matrix = np.array([[cosine, -sine], [sine, cosine]]) @ proportions
    if flip:
        matrix[0] *= -1.0
    offset = size / 2 - 0.5 - matrix @ (centre - 0.5)
    return np.concatenate([matrix, offset[:, None]], axis=1)


def _warp(
    array: NDArray[np.uint8], matrix: NDArray[np.float64], size: int, border: int
) -> NDArray[np.uint8]:
    return np.asarray(
        cv2.warpAffine(array, matrix, (size, size), flags=cv2.INTER_LINEAR, borderMode=border),
        np.uint8,
    )
