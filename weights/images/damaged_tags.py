"""Leaving damaged entries out of EXIF blocks and TIFF files, so that Pillow reads all others.

At the first entry that points past the end Pillow gives up on the whole directory.

Source: TIFF 6.0, section 2.
"""

from __future__ import annotations

import io
import struct
from collections.abc import Iterator
from typing import IO

from weights.images.exif import IPTC_TAG, SUB_DIRECTORIES

_HEAD = b"Exif\0\0"
_ORDERS = {b"II*\0": "<", b"MM\0*": ">"}
_BYTES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4}
"""Bytes of a value, by its type."""
_LONG, _UNDEFINED, _POINTERS = 4, 7, (4, 13)


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
    mended, damaged = _mended(io.BytesIO(block[head:]))
    return block if mended is None else block[:head] + mended, damaged


def without_damaged_tiff_tags(stream: IO[bytes]) -> tuple[IO[bytes], tuple[int, ...]]:
    """Return a TIFF file without damaged entries, and the tags of those left out, as for EXIF.

    Text of IPTC becomes bytes, if it is stored as numbers, of which Pillow reads only the first.
    Any other file, and one without such entries, is returned as it is, at its start.
    """
    try:
        mended, damaged = _mended(stream)
    except ValueError:
        mended, damaged = None, ()
    if mended is not None:
        return io.BytesIO(mended), damaged
    stream.seek(0)
    return stream, damaged


def _mended(stream: IO[bytes]) -> tuple[bytes | None, tuple[int, ...]]:
    """A TIFF's content without damaged entries, None if it has none; and their tags.

    Raises:
        ValueError: it is no TIFF, or has no sound entry.
    """
    stream.seek(0)
    head = stream.read(8)
    order = _ORDERS.get(head[:4])
    if order is None or len(head) < 8:
        raise ValueError("no TIFF")
    directories = _Directories(stream, order)
    (first,) = struct.unpack_from(f"{order}I", head, 4)
    place = directories.append_sound(first)
    if place is None:
        raise ValueError("no sound entry")
    if not directories.changed:
        return None, ()
    stream.seek(8)
    mended = head[:4] + struct.pack(f"{order}I", place) + stream.read() + directories.appended
    return mended, tuple(directories.damaged)


class _Directories:
    """Directories of a TIFF without damaged entries, to be appended to it.

    Attributes:
        appended: the directories.
        damaged: tags of the entries left out.
        changed: whether any entry was left out or changed.
    """

    def __init__(self, stream: IO[bytes], order: str) -> None:
        self.appended = bytearray()
        self.damaged: list[int] = []
        self.changed = False
        self._stream, self._size = stream, stream.seek(0, io.SEEK_END)
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
        entries, following = self._read(place)
        for tag, kind, count, value in entries:
            inner: int | None = value
            if tag in SUB_DIRECTORIES:
                once = kind in _POINTERS and count == 1 and value not in self._seen
                inner, kind = self.append_sound(value) if once else None, _LONG
            elif not self._is_sound(kind, count, value):
                inner = None
            elif tag == IPTC_TAG and kind == _LONG:
                kind, count, self.changed = _UNDEFINED, 4 * count, True
            if inner is None:
                self.damaged.append(tag)
            else:
                kept.append(self._entry.pack(tag, kind, count, inner))
        if not kept:
            del self.damaged[known:]
            return None
        self.changed |= len(self.damaged) > known
        if (self._size + len(self.appended)) % 2:
            self.appended += b"\0"
        appended = self._size + len(self.appended)
        self.appended += self._short.pack(len(kept)) + b"".join(kept) + following
        return appended

    def _read(self, place: int) -> tuple[Iterator[tuple[int, int, int, int]], bytes]:
        """A directory's entries, and the place of the next one as it is stored.

        An entry has a tag, a type, a number of values, and their place or up to four bytes of them.
        """
        if place + 2 > self._size:
            return iter(()), bytes(4)
        self._stream.seek(place)
        (count,) = self._short.unpack(self._stream.read(2))
        fitting = min(count, (self._size - place - 2) // self._entry.size)
        entries = self._entry.iter_unpack(self._stream.read(fitting * self._entry.size))
        following = self._stream.read(4) if fitting == count else b""
        return entries, following if len(following) == 4 else bytes(4)

    def _is_sound(self, kind: int, count: int, place: int) -> bool:
        size = count * _BYTES.get(kind, 0)
        return 0 < size <= 4 or (size > 4 and place + size <= self._size)
