"""Colour information that Pillow, which reads 8 bits of most formats, ignores.

Sources: ISO/IEC 23008-12 (HEIF) and AV1-ISOBMFF; ISO/IEC 15444-1 (JPEG 2000); netpbm's PPM format;
PNG Specification, third edition.
"""

from __future__ import annotations

import re
from typing import IO

_HEAD = 1 << 16
_COLOUR_CHUNKS = (b"cICP", b"mDCV", b"cLLI")
_SRGB = {(1, 13), (2, 2), (1, 1), (1, 6), (6, 6)}

ColourTags = tuple[int, int]
"""Primaries and transfer function by their numbers in H.273."""


def bits_per_channel(stream: IO[bytes], form: str) -> int:
    """Bits per channel of an AVIF, HEIF, JPEG 2000 or PPM; 8 if not stated."""
    head = _head(stream)
    if form in ("AVIF", "HEIF"):
        place = head.find(b"pixi")
        if 0 <= place < len(head) - 9 and head[place + 8]:
            return head[place + 9]
        place = head.find(b"av1C")
        if 0 <= place < len(head) - 6:
            flags = head[place + 6]
            return 12 if flags & 0x20 and flags & 0x40 else 10 if flags & 0x40 else 8
    elif form == "JPEG2000":
        place = head.find(b"ihdr")
        if 0 <= place < len(head) - 14 and head[place + 14] != 255:
            return (head[place + 14] & 0x7F) + 1
        place = head.find(b"\xff\x4f\xff\x51")
        if 0 <= place < len(head) - 42:
            return (head[place + 42] & 0x7F) + 1
    elif form == "PPM":
        found = re.match(rb"P[2356]" + 3 * rb"(?:\s|#[^\n]*\n)+(\d+)", head)
        if found and int(found[3][:9]) > 255:
            return min(16, int(found[3][:9]).bit_length())
    return 8


def read_colour_tags(stream: IO[bytes], form: str) -> ColourTags | None:
    """The colour tags of an AVIF, HEIF or PNG; None if absent or sRGB's."""
    if form == "PNG":
        chunk = dict(png_colour_chunks(stream)).get(b"cICP", b"")
        tags = (chunk[0], chunk[1]) if len(chunk) == 4 else None
    else:
        head = _head(stream)
        place = head.find(b"colrnclx")
        if form not in ("AVIF", "HEIF") or not 0 <= place < len(head) - 12:
            return None
        tags = (
            int.from_bytes(head[place + 8 : place + 10], "big"),
            int.from_bytes(head[place + 10 : place + 12], "big"),
        )
    return None if tags in _SRGB else tags


def write_colour_tags(content: bytes, tags: ColourTags) -> bytes:
    """Replace the colour tags of an AVIF or HEIF: encoders write sRGB's."""
    place = content.find(b"colrnclx") + 8
    if place < 8:
        return content
    both = b"".join(tag.to_bytes(2, "big") for tag in tags)
    return content[:place] + both + content[place + 4 :]


def carries_colour_tags(form: str) -> bool:
    """Whether a format can state the primaries and transfer function of its colours."""
    return form in ("AVIF", "HEIF", "PNG")


def png_colour_chunks(stream: IO[bytes]) -> list[tuple[bytes, bytes]]:
    """The colour chunks of a PNG that Pillow ignores, each once."""
    stream.seek(8)
    found: dict[bytes, bytes] = {}
    while len(head := stream.read(8)) == 8 and head[4:] != b"IDAT":
        size = int.from_bytes(head[:4], "big")
        if head[4:] in _COLOUR_CHUNKS and size < 100:
            found.setdefault(head[4:], stream.read(size))
            stream.seek(4, 1)
        else:
            stream.seek(size + 4, 1)
    return list(found.items())


def _head(stream: IO[bytes]) -> bytes:
    stream.seek(0)
    return stream.read(_HEAD)
