"""Reading the mark of a filled picture; see `weights.images.mark`."""

from __future__ import annotations

import os
from pathlib import Path

import PIL.Image

from weights.images.mark import Mark, read_mark_from_xmp


def read_mark(source: str | os.PathLike[str] | bytes | PIL.Image.Image) -> Mark | None:
    """Return a picture's mark, or None.

    For a format without XMP it is read from the sidecar, `picture.bmp.xmp`.

    Raises:
        InputError: the source is not a readable picture.
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
    """Return the XMP sidecar of a picture whose format cannot hold it: `name.suffix.xmp`."""
    return Path(f"{os.fspath(path)}.xmp")
