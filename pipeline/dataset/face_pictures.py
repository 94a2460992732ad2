"""The pictures that scenes are composed of, decoded once and kept while they are in use."""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING

from weights.images.decoding import read_pixels

if TYPE_CHECKING:
    from pathlib import Path

    from weights.base.contracts import Image


class FacePictures:
    """Decoded pictures by path; the least recently used ones are let go.

    Args:
        limit_bytes: how much the kept pictures may take in memory.
    """

    def __init__(self, limit_bytes: int = 256 * 2**20) -> None:
        self._limit = limit_bytes
        self._held = 0
        self._pictures: OrderedDict[Path, Image] = OrderedDict()

    def __call__(self, path: Path) -> Image:
        """Return the picture at `path` as uint8 RGB `(H, W, 3)`; it must not be written to.

        Raises:
            InputError: the file is missing or is no whole picture.
        """
        held = self._pictures.get(path)
        if held is not None:
            self._pictures.move_to_end(path)
            return held
        picture = read_pixels(path)
        picture.flags.writeable = False
        self._pictures[path] = picture
        self._held += picture.nbytes
        while self._held > self._limit and len(self._pictures) > 1:
            _, dropped = self._pictures.popitem(last=False)
            self._held -= dropped.nbytes
        return picture
