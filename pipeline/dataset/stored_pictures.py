"""How the data set's pictures are written: whole files that say that their masks are drawn."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import PIL.Image

from weights.atomic import atomic_path
from weights.provenance import Mark, save_marked, unmask_version

if TYPE_CHECKING:
    from pathlib import Path

    from weights.contracts import Hole, Image

NOTICE = "Synthetic training picture: masks and scenes are drawn by a program, not photographed."

DIGITAL_SOURCE_TYPE = "http://cv.iptc.org/newscodes/digitalsourcetype/compositeSynthetic"
"""IPTC's code for a composite of which at least one element is synthetic."""


def store_picture(path: Path, image: Image, quality: int = 95) -> None:
    """Write a uint8 RGB picture as JPEG or PNG, by the path's suffix; an existing one is replaced.

    Raises:
        OutputError: the file cannot be written.
    """
    mark = Mark((), f"unmask {unmask_version()}", NOTICE, DIGITAL_SOURCE_TYPE)
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
    with atomic_path(path, overwrite=True) as temporary:
        temporary.write_text(text, encoding="utf-8")
