"""Holes from a folder of pictures, such as NVIDIA's irregular masks or QD-IMD."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Literal

import cv2
import numpy as np
import PIL.Image

from inpainter.holes.generator import check_size
from weights.errors import ConfigurationError, InputError

if TYPE_CHECKING:
    import os

    from numpy.typing import NDArray

    from weights.contracts import Hole

_SUFFIXES = frozenset({".png", ".jpg", ".jpeg", ".bmp", ".webp", ".tif", ".tiff"})


class FolderHoles:
    """Draws one of the hole pictures of a folder, scaled to the picture and mirrored at random.

    Args:
        folder: where the pictures are; folders below it count too.
        missing: the colour of missing pixels in the files, "white" or "black".
        flip: whether holes are mirrored left to right and top to bottom at random. Holes in the
            shape of worn masks want False.

    Raises:
        ConfigurationError: the folder does not exist or holds no picture, or `missing` is
            something else.
    """

    def __init__(
        self,
        folder: str | os.PathLike[str],
        missing: Literal["white", "black"] = "white",
        flip: bool = True,
    ) -> None:
        if missing not in ("white", "black"):
            raise ConfigurationError(
                f"missing must be 'white' or 'black' for hole pictures, but is {missing!r}."
            )
        self.folder = Path(folder)
        self.missing = missing
        self.flip = bool(flip)
        if not self.folder.is_dir():
            raise ConfigurationError(f"The folder of hole pictures {self.folder} does not exist.")
        self.files = sorted(
            path for path in self.folder.rglob("*") if path.suffix.lower() in _SUFFIXES
        )
        if not self.files:
            raise ConfigurationError(f"The folder of hole pictures {self.folder} holds no picture.")

    def __call__(
        self,
        landmarks: NDArray[np.floating] | None,  # noqa: ARG002
        size: tuple[int, int],
        random: np.random.Generator,
    ) -> Hole:
        """Draw one hole; see `HoleGenerator`.

        Raises:
            InputError: the drawn file is no picture that can be read.
        """
        height, width = check_size(size)
        path = self.files[random.integers(len(self.files))]
        try:
            with PIL.Image.open(path) as file:
                grey = np.asarray(file.convert("L"))
        except (OSError, ValueError, PIL.Image.DecompressionBombError) as error:
            raise InputError(f"Cannot read the hole picture {path}: {error}.") from error
        shrinks = grey.shape[0] > height or grey.shape[1] > width
        interpolation = cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
        hole = cv2.resize(grey, (width, height), interpolation=interpolation) > 127
        if self.missing == "black":
            hole = ~hole
        if self.flip and random.random() < 0.5:
            hole = hole[:, ::-1]
        if self.flip and random.random() < 0.5:
            hole = hole[::-1]
        return np.ascontiguousarray(hole)
