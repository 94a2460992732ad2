"""Collecting a file's metadata in a PIL image's `.info`, where copies keep it."""

from __future__ import annotations

import math
import struct
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

import PIL.Image
import PIL.JpegImagePlugin
from PIL.TiffImagePlugin import IFDRational

from weights.images.exif import IPTC_TAG, PHOTOSHOP_TAG, load_exif, read_tags, write_tags
from weights.images.orientation import ORIENTATION_TAG
from weights.images.renderings import (
    holds_picture,
    without_renderings_iptc,
    without_renderings_photoshop,
    without_renderings_text,
    without_renderings_xmp,
)

# TIFF tags that describe how its pixels are stored, or that are kept separately (XMP, ICC profile).
_STORAGE_TAGS = frozenset(
    (254, 255, 256, 257, 258, 259, 262, 263, 264, 265, 266, 273, 277, 278, 279, 280, 281, 282, 283,
     284, 288, 289, 290, 291, 292, 293, 296, 301, 317, 318, 319, 320, 321, 322, 323, 324, 325, 330,
     332, 334, 336, 338, 339, 340, 341, 342, 343, 347, 512, 513, 514, 515, 517, 518, 519, 520, 521,
     529, 530, 531, 532, 700, 34675)
)  # fmt: skip
_CLEANED_TAGS = {
    IPTC_TAG: without_renderings_iptc,
    PHOTOSHOP_TAG: without_renderings_photoshop,
}
"""Functions that remove renderings from a tag's value."""

# Photoshop layers, previews of DNG files and cameras, Windows thumbnails.
_RENDERING_TAGS = frozenset((37724, 20507, 20532, 46275, 50740, 50966, 51041, 52544))
_PNG_TEXT_KEPT_APART = ("XML:com.adobe.xmp", "Raw profile type exif", "Raw profile type APP1")
_KEPT_APART = frozenset(("icc_profile", "exif", "xmp", "XML:com.adobe.xmp"))
LARGEST_JPEG_SEGMENT = 65533
_FEWEST_NUMBERS = 12
"""In which a picture file could be stored."""


def gather_exif(image: PIL.Image.Image) -> tuple[bytes | None, tuple[int, ...]]:
    """Return an image's EXIF as one block, orientation unchanged, or None if it has none.

    For a TIFF these are its descriptive tags. Damaged tags are left out and their numbers returned
    with the block; so are other renderings of the picture (thumbnail, previews, layers), which
    would show the mask.
    """
    try:
        exif = image.getexif()
    except Exception:  # a damaged EXIF block makes Pillow raise errors of many kinds
        return None, ()
    tags = read_tags(exif)
    damaged: tuple[int, ...] = ()
    for tag in _CLEANED_TAGS.keys() & tags.keys():
        value = tags.pop(tag)
        if not isinstance(value, bytes):
            damaged += (tag,)
        elif cleaned := _CLEANED_TAGS[tag](value):
            tags[tag] = cleaned
    tags = _without_pictures(tags)
    for tag in (_STORAGE_TAGS | _RENDERING_TAGS) - {ORIENTATION_TAG}:
        tags.pop(tag, None)
    if not tags:
        return None, damaged
    block, unwritten = write_tags(tags, exif.endian)
    return block or None, (*damaged, *unwritten)


def _without_pictures(tags: Mapping[int, Any]) -> dict[int, Any]:
    return {
        tag: _without_pictures(value) if isinstance(value, dict) else value
        for tag, value in tags.items()
        if not _holds_picture(value)
    }


def _holds_picture(value: Any) -> bool:
    """Whether a tag's value, bytes, text or numbers, contains a picture file."""
    if isinstance(value, bytes | str):
        return holds_picture(value)
    if not isinstance(value, tuple) or len(value) < _FEWEST_NUMBERS:
        return False
    if all(isinstance(one, IFDRational) for one in value):
        value = [part for one in value for part in (one.numerator, one.denominator)]
    if all(isinstance(one, int) for one in value):
        kinds = "bBhHiI"
    elif all(isinstance(one, float) for one in value):
        kinds = "fd"
    else:
        return False
    for kind in kinds:
        for order in "<>":
            with suppress(struct.error, OverflowError):
                if holds_picture(struct.pack(f"{order}{len(value)}{kind}", *value)):
                    return True
    return False


def set_orientation(block: bytes, orientation: int) -> bytes:
    """Return an EXIF block with another orientation."""
    exif = load_exif(block)
    return write_tags({**read_tags(exif), ORIENTATION_TAG: orientation}, exif.endian)[0]


def gather_encoding(image: PIL.Image.Image) -> dict[str, Any]:
    """Return how an opened file was encoded, as options that `writing` passes to the encoder."""
    if image.format in ("JPEG", "MPO"):
        tables = getattr(image, "quantization", None)
        if not tables:
            return {}
        resources = [
            without_renderings_photoshop(content)
            for marker, content in getattr(image, "applist", ())
            if marker == "APP13"
        ]
        return {
            "qtables": tables,
            "subsampling": max(0, PIL.JpegImagePlugin.get_sampling(image)),
            "progressive": bool(image.info.get("progressive")),
            "extra": b"".join(_segment(0xED, content) for content in resources if content),
        }
    if image.format == "TIFF":
        return {"compression": image.info.get("compression")}
    if image.format == "JPEG2000":
        return {"no_jp2": getattr(image, "codec", "jp2") == "j2k"}
    if image.format == "PNG":
        text = {
            key: value if kept == value else kept
            for key, value in getattr(image, "text", {}).items()
            if key not in _PNG_TEXT_KEPT_APART and (kept := without_renderings_text(key, value))
        }
        return {"text": text, "chunks": _png_colour_chunks(image.info)}
    return {}


def _png_colour_chunks(info: Mapping[Any, Any]) -> list[tuple[bytes, bytes]]:
    """The chunks that define a PNG's colours. Source: PNG Specification, third edition."""
    chunks = []
    if isinstance(info.get("gamma"), float):
        chunks.append((b"gAMA", round(info["gamma"] * 100_000).to_bytes(4, "big")))
    if isinstance(info.get("srgb"), int):
        chunks.append((b"sRGB", bytes([info["srgb"]])))
    if len(info.get("chromaticity", ())) == 8:
        points = (round(value * 100_000).to_bytes(4, "big") for value in info["chromaticity"])
        chunks.append((b"cHRM", b"".join(points)))
    return chunks


def gather_xmp(info: Mapping[Any, Any]) -> bytes | None:
    """Return the XMP packet of an image without other renderings, or None if it has none."""
    xmp = info.get("xmp") or info.get("XML:com.adobe.xmp")
    packet = xmp.encode("utf-8", "surrogateescape") if isinstance(xmp, str) else xmp
    return without_renderings_xmp(packet) or None if packet else None


def gather_info(image: PIL.Image.Image) -> dict[Any, Any]:
    """Return an image's `.info` without other renderings of the picture, EXIF as `gather_exif`."""
    info = {
        key: value
        for key, value in image.info.items()
        if key in _KEPT_APART or not (isinstance(value, bytes | str) and holds_picture(value))
    }
    blocks = {"exif": gather_exif(image)[0], "xmp": gather_xmp(info)}
    for key in (*blocks, "XML:com.adobe.xmp"):
        info.pop(key, None)
    info |= {key: block for key, block in blocks.items() if block is not None}
    if isinstance(info.get("photoshop"), dict):
        info["photoshop"] = _without_pictures(info["photoshop"])
    return info


def gather_dpi(info: Mapping[Any, Any]) -> tuple[float, float] | None:
    """Return the resolution in dots per inch, or None if there is no sensible one."""
    try:
        across, down = (float(value) for value in info["dpi"])
    except (KeyError, TypeError, ValueError, ZeroDivisionError):
        return None
    if not all(math.isfinite(value) and 0 < value < 65535 for value in (across, down)):
        return None
    return across, down


def fit_exif(block: bytes) -> tuple[bytes, tuple[int, ...]]:
    """Return an EXIF block that fits a JPEG, and the tags of the longest values, dropped if not."""
    exif = load_exif(block)
    tags = read_tags(exif)
    dropped = []
    while len(block) > LARGEST_JPEG_SEGMENT:
        directories = [tags, *(value for value in tags.values() if isinstance(value, dict))]
        place, tag = max(
            ((place, tag) for place in directories for tag in place),
            key=lambda entry: _length(entry[0][entry[1]]),
        )
        del place[tag]
        dropped.append(tag)
        block = write_tags(tags, exif.endian)[0]
    return block, tuple(dropped)


def _length(value: Any) -> int:
    return len(value) if isinstance(value, bytes | str | tuple) else 1


def comment_segments(comment: bytes) -> bytes:
    """A comment as JPEG segments, each of which holds up to 65,533 bytes."""
    most = LARGEST_JPEG_SEGMENT
    parts = [comment[place : place + most] for place in range(0, len(comment), most)]
    return b"".join(_segment(0xFE, part) for part in parts)


def _segment(marker: int, content: bytes) -> bytes:
    return bytes([0xFF, marker]) + (len(content) + 2).to_bytes(2, "big") + content
