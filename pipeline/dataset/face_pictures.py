"""A cache of decoded pictures for composing scenes."""

from __future__ import annotations

from collections import OrderedDict
from pathlib import Path

from weights.base.contracts import Image
from weights.images.decoding import read_pixels


class FacePictures:
    """Decoded pictures by path, in a least-recently-used cache.

    Args:
        limit_bytes: maximum memory of the cached pictures.
    """

    def __init__(self, limit_bytes: int = 256 * 2**20) -> None:
        self._limit = limit_bytes
        self._held = 0
        self._pictures: OrderedDict[Path, Image] = OrderedDict()

    def __call__(self, path: Path) -> Image:
        """Return the picture at `path` as uint8 RGB `(H, W, 3)`; it must not be modified.

        Raises:
            InputError: the file is missing or is not an intact picture.
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
