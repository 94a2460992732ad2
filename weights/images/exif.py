"""EXIF tags and back into a block, each as it was: Pillow by itself loses text, or all of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import PIL.Image

if TYPE_CHECKING:
    from collections.abc import Mapping

EXIF_DIRECTORY, GPS_DIRECTORY, INTEROPERABILITY_DIRECTORY = 0x8769, 0x8825, 0xA005
SUB_DIRECTORIES = (EXIF_DIRECTORY, GPS_DIRECTORY, INTEROPERABILITY_DIRECTORY)
"""Tags that point to a directory of further tags."""


def load_exif(block: bytes) -> PIL.Image.Exif:
    """Open an EXIF block; a damaged one makes Pillow raise errors of many kinds."""
    exif = PIL.Image.Exif()
    exif.load(block)
    return exif


def read_tags(exif: PIL.Image.Exif) -> dict[int, Any]:
    """Return the tags by number, directories as such mappings, text that is no ASCII as its bytes.

    Empty where the block is damaged as a whole.
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
        # Pillow reads text as Latin-1, whatever it is, and writes ASCII alone.
        return value.encode("latin-1", "replace")
    return value


def write_tags(tags: Mapping[int, Any], order: str | None) -> tuple[bytes, tuple[int, ...]]:
    """Return the block of some tags, and the numbers of those that are damaged and not in it.

    Args:
        tags: as `read_tags` gives them.
        order: of bytes, "<" or ">"; None for the first.
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
    except Exception:  # a value that is not of its tag's type is any of many errors
        return None
