"""Leaving damaged entries out of an EXIF block, so that Pillow reads all others.

At the first entry that points past the end of the block Pillow gives up on the whole directory.

Source: TIFF 6.0, section 2.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator

from weights.images.exif import SUB_DIRECTORIES

_HEAD = b"Exif\0\0"
_ORDERS = {b"II*\0": "<", b"MM\0*": ">"}
_BYTES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4}
"""Bytes of a value, by its type."""
_LONG, _POINTERS = 4, (4, 13)


def without_damaged_tags(block: bytes) -> tuple[bytes, tuple[int, ...]]:
    """Return an EXIF block without damaged entries, and the tags of those left out.

    An entry is damaged if its type is unknown, it has no value, or its value or directory lies
    outside the block. If there is none, the block is returned as it is.

    Raises:
        ValueError: it is no EXIF block, or has no sound entry.
    """
    head = 0
    while block.startswith(_HEAD, head):
        head += len(_HEAD)
    order = _ORDERS.get(block[head : head + 4])
    if order is None or len(block) < head + 8:
        raise ValueError("no EXIF")
    directories = _Directories(block[head:], order)
    (first,) = struct.unpack_from(f"{order}I", block, head + 4)
    place = directories.append_sound(first)
    if place is None:
        raise ValueError("no sound entry")
    if not directories.damaged:
        return block, ()
    struct.pack_into(f"{order}I", directories.content, 4, place)
    return block[:head] + bytes(directories.content), tuple(directories.damaged)


class _Directories:
    """A TIFF's content, and the tags of the damaged entries found in its directories."""

    def __init__(self, content: bytes, order: str) -> None:
        self.content = bytearray(content)
        self.damaged: list[int] = []
        self._size = len(content)
        self._short, self._entry = struct.Struct(f"{order}H"), struct.Struct(f"{order}HHII")
        self._seen: set[int] = set()

    def append_sound(self, place: int) -> int | None:
        """Append a copy of a directory without damaged entries; return its place.

        Args:
            place: of the directory; those that it names are copied too.

        Returns:
            None if no entry is sound; then none of them is counted as damaged.
        """
        self._seen.add(place)
        known, kept = len(self.damaged), []
        for tag, kind, count, value in self._entries(place):
            inner: int | None = value
            if tag in SUB_DIRECTORIES:
                once = kind in _POINTERS and count == 1 and value not in self._seen
                inner, kind = self.append_sound(value) if once else None, _LONG
            elif not self._is_sound(kind, count, value):
                inner = None
            if inner is None:
                self.damaged.append(tag)
            else:
                kept.append(self._entry.pack(tag, kind, count, inner))
        if not kept:
            del self.damaged[known:]
            return None
        appended = len(self.content)
        self.content += self._short.pack(len(kept)) + b"".join(kept) + bytes(4)
        return appended

    def _entries(self, place: int) -> Iterator[tuple[int, int, int, int]]:
        """Tag, type, number of values, and the place of these or up to four bytes of them."""
        if place + 2 > self._size:
            return
        (count,) = self._short.unpack_from(self.content, place)
        fitting = (self._size - place - 2) // self._entry.size
        for index in range(min(count, fitting)):
            yield self._entry.unpack_from(self.content, place + 2 + self._entry.size * index)

    def _is_sound(self, kind: int, count: int, place: int) -> bool:
        size = count * _BYTES.get(kind, 0)
        return 0 < size <= 4 or (size > 4 and place + size <= self._size)
