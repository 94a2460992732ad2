"""Lossless reading and writing of EXIF tags: Pillow alone loses text, or all tags."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import PIL.Image

EXIF_DIRECTORY, GPS_DIRECTORY, INTEROPERABILITY_DIRECTORY = 0x8769, 0x8825, 0xA005
SUB_DIRECTORIES = (EXIF_DIRECTORY, GPS_DIRECTORY, INTEROPERABILITY_DIRECTORY)
"""Tags that point to a subdirectory of tags."""

IPTC_TAG, PHOTOSHOP_TAG = 33723, 34377
"""Tags of a TIFF with IPTC and with Photoshop's resources."""


def load_exif(block: bytes) -> PIL.Image.Exif:
    """Open an EXIF block; if it is damaged, Pillow raises errors of many kinds."""
    exif = PIL.Image.Exif()
    exif.load(block)
    return exif


def read_tags(exif: PIL.Image.Exif) -> dict[int, Any]:
    """Return the tags by number, directories as nested mappings, non-ASCII text as bytes.

    Empty if the whole block is damaged.
    """
    try:
        tags: dict[int, Any] = {tag: exif[tag] for tag in exif}
        for tag in (EXIF_DIRECTORY, GPS_DIRECTORY):
            if tag in tags:
                tags[tag] = dict(exif.get_ifd(tag))
        inner = tags.get(EXIF_DIRECTORY, {})
        if INTEROPERABILITY_DIRECTORY in inner:
            inner[INTEROPERABILITY_DIRECTORY] = dict(exif.get_ifd(INTEROPERABILITY_DIRECTORY))
    except Exception:  # a damaged EXIF block makes Pillow raise errors of many kinds
        return {}
    exact: dict[int, Any] = _exact(tags)
    return exact


def _exact(value: Any) -> Any:
    if isinstance(value, dict):
        return {tag: _exact(one) for tag, one in value.items()}
    if isinstance(value, str) and not value.isascii():
        # Pillow reads all text as Latin-1, and writes only ASCII.
        return value.encode("latin-1", "replace")
    return value


def write_tags(tags: Mapping[int, Any], order: str | None) -> tuple[bytes, tuple[int, ...]]:
    """Return a block of tags, and the numbers of damaged tags that were left out.

    Args:
        tags: as returned by `read_tags`.
        order: byte order, "<" or ">"; None for "<".
    """
    whole = _block(tags, order)
    if whole is not None:
        return whole, ()
    sound: dict[int, Any] = {}
    damaged: list[int] = []
    for tag, value in tags.items():
        if isinstance(value, dict):
            sound[tag] = {
                one: entry
                for one, entry in value.items()
                if _block({tag: {one: entry}}, order) is not None
            }
            damaged += sorted(set(value) - set(sound[tag]))
        elif _block({tag: value}, order) is not None:
            sound[tag] = value
        else:
            damaged.append(tag)
    return _block(sound, order) or b"", tuple(damaged)


def _block(tags: Mapping[int, Any], order: str | None) -> bytes | None:
    exif = PIL.Image.Exif()
    exif.endian = order or "<"
    for tag, value in tags.items():
        exif[tag] = value
    try:
        return exif.tobytes()
    except Exception:  # a value of the wrong type raises errors of many kinds
        return None
