"""A picture as it was handed in, beside the plain pixels that the stages work on."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, TypeVar

import numpy as np
import PIL.Image
from numpy.typing import NDArray

if TYPE_CHECKING:
    from collections.abc import Mapping

    from weights.base.contracts import Image

PictureSource: TypeAlias = (
    str | os.PathLike[str] | bytes | bytearray | memoryview | PIL.Image.Image | NDArray[Any]
)
"""What may be handed in as a picture."""

SamePicture = TypeVar("SamePicture", NDArray[np.uint8], bytes, PIL.Image.Image)
"""A picture that comes back as what it was."""

PictureKind: TypeAlias = Literal["array", "pil", "path", "bytes"]


@dataclass(frozen=True, eq=False)
class Picture:
    """A decoded picture and all that is needed to give a result back in kind.

    Attributes:
        pixels: uint8 RGB `(H, W, 3)`, upright: the EXIF orientation is applied.
        kind: how it came in.
        name: what messages call it: the path, or "the picture".
        original: the array as it came; or the decoded PIL image in its own mode, with its metadata
            in `.info`. A PIL image that came in stays as it lies; one from a path or from bytes
            is upright.
        format: Pillow's name of the file format, such as "JPEG"; None for arrays and for PIL images
            made in memory.
        content: the bytes as they came, for the kind "bytes".
        orientation: EXIF orientation 1 to 8 that leads from `original` to `pixels`; it is other
            than 1 only for the kind "pil".
        encoding: options with which Pillow writes this format as it was written (quantisation
            tables of a JPEG, compression of a TIFF, lossless WebP).
        notes: sentences about what reading could not keep.
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
