"""Reading the mark that a filled picture carries; see `weights.images.mark` for what it says."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from weights.images.mark import Mark, read_mark_from_xmp

if TYPE_CHECKING:
    import PIL.Image


def read_mark(source: str | os.PathLike[str] | bytes | PIL.Image.Image) -> Mark | None:
    """Return the mark that a picture carries, or None.

    A file of a format without XMP is looked up in its sidecar, `picture.bmp.xmp`.

    Raises:
        InputError: the source is no picture that can be read.
    """
    from weights.images.reading import read_image

    image = read_image(source, "the picture")
    mark = read_mark_from_xmp(image.info.get("xmp"))
    if mark is None and isinstance(source, str | os.PathLike):
        sidecar = sidecar_path(source)
        if sidecar.is_file():
            mark = read_mark_from_xmp(sidecar.read_bytes())
    return mark


def sidecar_path(path: str | os.PathLike[str]) -> Path:
    """Return where the XMP of a picture lies whose format cannot hold it: `name.suffix.xmp`."""
    return Path(f"{os.fspath(path)}.xmp")
