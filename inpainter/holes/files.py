"""Holes from a folder of pictures, such as NVIDIA's irregular masks or QD-IMD."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from inpainter.holes.generator import FacelessHoles, mirrored
from weights.base.contracts import Hole
from weights.base.errors import ConfigurationError, InputError
from weights.images.reading import read_image

_SUFFIXES = frozenset({".png", ".jpg", ".jpeg", ".bmp", ".webp", ".tif", ".tiff"})
_LOOKED_AT = 32


class FolderHoles(FacelessHoles):
    """Picks a hole picture from a folder, scaled to the picture and randomly mirrored.

    QD-IMD and both of NVIDIA's folders of irregular masks can be used directly: in NVIDIA's,
    missing is black in `disocclusion_img_mask`, for training, but white in `testing_mask_dataset`.

    Args:
        folder: folder of the pictures, including subfolders.
        missing: the colour of missing pixels in the files, "white" or "black"; or "rarer" for the
            one that covers less of all pictures.
        flip: whether holes are randomly mirrored horizontally and vertically. Use False for holes
            in the shape of worn masks.

    Raises:
        ConfigurationError: the folder does not exist or contains no pictures, or `missing` is
            invalid.
    """

    def __init__(
        self,
        folder: str | os.PathLike[str],
        missing: Literal["rarer", "white", "black"] = "rarer",
        flip: bool = True,
    ) -> None:
        if missing not in ("rarer", "white", "black"):
            raise ConfigurationError(
                "missing must be 'rarer', 'white' or 'black' for hole pictures, but is "
                f"{missing!r}."
            )
        self.folder = Path(folder)
        self.flip = bool(flip)
        if not self.folder.is_dir():
            raise ConfigurationError(f"The folder of hole pictures {self.folder} does not exist.")
        self.files = sorted(
            path for path in self.folder.rglob("*") if path.suffix.lower() in _SUFFIXES
        )
        if not self.files:
            raise ConfigurationError(f"The folder of hole pictures {self.folder} holds no picture.")
        self.missing = self._rarer_colour() if missing == "rarer" else missing

    def _rarer_colour(self) -> str:
        """Find the rarer colour in a sample of the folder's pictures; white in case of a tie."""
        shares = []
        for path in self.files[:: max(1, len(self.files) // _LOOKED_AT)]:
            try:
                shares.append(float((_read_grey(path) > 127).mean()))
            except InputError:
                continue
        return "black" if shares and sum(shares) > 0.5 * len(shares) else "white"

    def draw(self, size: tuple[int, int], random: np.random.Generator) -> Hole:
        """Draw one hole; see `HoleGenerator`.

        Raises:
            InputError: the chosen file is not a readable picture.
        """
        height, width = size
        grey = _read_grey(self.files[random.integers(len(self.files))])
        shrinks = grey.shape[0] > height or grey.shape[1] > width
        interpolation = cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
        hole = cv2.resize(grey, (width, height), interpolation=interpolation) > 127
        if self.missing == "black":
            hole = ~hole
        return mirrored(hole, random) if self.flip else np.asarray(hole, np.bool_)


def _read_grey(path: Path) -> NDArray[np.uint8]:
    return np.asarray(read_image(path, f"The hole picture {path}").convert("L"), np.uint8)
