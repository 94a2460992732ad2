"""Backgrounds of scenes."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np

from pipeline.dataset.face_pictures import FacePictures
from pipeline.dataset.textures import scatter_shapes, surface
from weights.base.contracts import Image


def cover(picture: Image, height: int, width: int, random: np.random.Generator) -> Image:
    """Crop a random part of a picture and resize it to `(height, width, 3)`."""
    rows, columns = picture.shape[:2]
    scale = max(height / rows, width / columns) * random.uniform(1.0, 1.6)
    part_height, part_width = min(rows, round(height / scale)), min(columns, round(width / scale))
    top = int(random.integers(rows - part_height + 1))
    left = int(random.integers(columns - part_width + 1))
    part = picture[top : top + max(1, part_height), left : left + max(1, part_width)]
    how = cv2.INTER_AREA if scale < 1.0 else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(part, (width, height), interpolation=how), dtype=np.uint8)


def out_of_focus(picture: Image, random: np.random.Generator) -> Image:
    """Blur a picture `(H, W, 3)` like a lens focused on somebody in front."""
    height, width = picture.shape[:2]
    share = 0.15
    small = cv2.resize(picture, None, fx=share, fy=share, interpolation=cv2.INTER_AREA)
    small = cv2.GaussianBlur(small, (0, 0), random.uniform(0.6, 4.0))
    return np.asarray(cv2.resize(small, (width, height), interpolation=cv2.INTER_CUBIC))


class Backgrounds:
    """Makes backgrounds without masks: surfaces, shapes, blurred and sharp pictures.

    Args:
        pictures: decodes files.
        blurred: files shown only out of focus, such as the unmasked faces.
        sharp: files of pictures without masks, shown as they are.
    """

    def __init__(
        self, pictures: FacePictures, blurred: Sequence[Path], sharp: Sequence[Path]
    ) -> None:
        self._pictures = pictures
        self._blurred = list(blurred)
        self._sharp = list(sharp)

    @property
    def has_sharp(self) -> bool:
        """Whether there are pictures without masks to show as they are."""
        return bool(self._sharp)

    def sharp(self, height: int, width: int, random: np.random.Generator) -> tuple[Image, Path]:
        """Crop a part `(height, width, 3)` of a picture without masks.

        Returns:
            uint8 RGB `(height, width, 3)`, and the picture's file.

        Raises:
            InputError: the chosen file is not a picture.
        """
        path = self._sharp[int(random.integers(len(self._sharp)))]
        picture = cover(self._pictures(path), height, width, random)
        if random.random() < 0.5:
            picture = np.ascontiguousarray(picture[:, ::-1])
        return picture, path

    def __call__(
        self, height: int, width: int, random: np.random.Generator
    ) -> tuple[Image, Path | None]:
        """Make one background.

        Returns:
            uint8 RGB `(height, width, 3)`, and the file if it shows a picture without masks.

        Raises:
            InputError: the chosen file is not a picture.
        """
        choice = random.random()
        if choice < 0.4 and self._blurred:
            path = self._blurred[int(random.integers(len(self._blurred)))]
            return out_of_focus(cover(self._pictures(path), height, width, random), random), None
        if choice < 0.55 and self._sharp:
            return self.sharp(height, width, random)
        picture = surface(height, width, random)
        if random.random() < 0.6:
            scatter_shapes(picture, random, int(random.integers(1, 25)))
            if random.random() < 0.5:
                picture = out_of_focus(picture, random)
        return picture, None
