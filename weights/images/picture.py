"""A picture as it was passed in, with the plain pixels for the stages."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias, TypeVar

import numpy as np
import PIL.Image
from numpy.typing import NDArray

from weights.base.contracts import Image

PictureSource: TypeAlias = (
    str | os.PathLike[str] | bytes | bytearray | memoryview | PIL.Image.Image | NDArray[Any]
)
"""What may be passed in as a picture."""

SamePicture = TypeVar("SamePicture", NDArray[np.uint8], bytes, PIL.Image.Image)
"""A picture that is returned in its own type."""

PictureKind: TypeAlias = Literal["array", "pil", "path", "bytes"]


@dataclass(frozen=True, eq=False)
class Picture:
    """A decoded picture with everything needed to return a result of the same kind.

    Attributes:
        pixels: uint8 RGB `(H, W, 3)`, upright: the EXIF orientation is applied.
        kind: how it was passed in.
        name: what error messages call it: the path, or "the picture".
        original: the given array; or the decoded PIL image in its own mode, with its metadata in
            `.info`. A given PIL image keeps its orientation; one from a path or from bytes is
            upright.
        format: Pillow's name of the file format, such as "JPEG"; None for arrays and for PIL images
            made in memory.
        content: the given bytes, for the kind "bytes".
        orientation: EXIF orientation 1 to 8 that maps `original` to `pixels`; differs from 1 only
            for the kind "pil".
        encoding: Pillow's options to write this format as the original was written (quantisation
            tables of a JPEG, compression of a TIFF, lossless WebP).
        notes: sentences on what could not be kept when reading.
    """

    pixels: Image
    kind: PictureKind
    name: str
    original: NDArray[Any] | PIL.Image.Image
    format: str | None = None
    content: bytes | None = None
    orientation: int = 1
    encoding: Mapping[str, Any] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    @property
    def size(self) -> tuple[int, int]:
        """Height and width of the upright picture, in pixels."""
        return self.pixels.shape[0], self.pixels.shape[1]
