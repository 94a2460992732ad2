"""Writes the data set's pictures, atomically and with metadata on how they were made."""

from __future__ import annotations

from enum import Enum
from pathlib import Path

import numpy as np
import PIL.Image

from weights.base.atomic import atomic_path, write_whole
from weights.base.contracts import Hole, Image
from weights.images.mark import Mark, save_marked, unmask_version

_SOURCE_TYPES = "http://cv.iptc.org/newscodes/digitalsourcetype/"


class Making(Enum):
    """Origin of a training picture: the description in its metadata, and its IPTC code."""

    DRAWN = (
        "Synthetic training picture: masks and scenes are drawn by a program, not photographed.",
        _SOURCE_TYPES + "compositeSynthetic",
    )
    PASTED = (
        "Training picture: a photograph, whole or pasted into a scene, with an outlined mask.",
        _SOURCE_TYPES + "algorithmicallyEnhanced",
    )
    PSEUDO_LABELLED = (
        "Training picture: a photograph, whole or cut, whose labels were drawn by a mask detector.",
        _SOURCE_TYPES + "algorithmicallyEnhanced",
    )


def store_picture(
    path: Path, image: Image, quality: int = 95, making: Making = Making.DRAWN
) -> None:
    """Write a uint8 RGB picture as JPEG or PNG, by the path's suffix; an existing one is replaced.

    Raises:
        OutputError: the file cannot be written.
    """
    notice, source_type = making.value
    mark = Mark((), f"unmask {unmask_version()}", notice, source_type)
    with atomic_path(path, overwrite=True) as temporary:
        save_marked(image, temporary, mark, quality)


def store_hole(path: Path, hole: Hole) -> None:
    """Write a hole `(H, W)` as a grey PNG of 0 and 255; an existing one is replaced.

    Raises:
        OutputError: the file cannot be written.
    """
    with atomic_path(path, overwrite=True) as temporary:
        PIL.Image.fromarray(hole.astype(np.uint8) * 255).save(temporary, format="PNG")


def store_text(path: Path, text: str) -> None:
    """Write a text file; an existing one is replaced.

    Raises:
        OutputError: the file cannot be written.
    """
    write_whole(path, text, overwrite=True)
