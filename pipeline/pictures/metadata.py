"""Gathering a file's metadata into a PIL image's `.info`, where a copy keeps it."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import PIL.Image

from pipeline.pictures.orientation import ORIENTATION_TAG
from pipeline.pictures.renderings import (
    holds_picture,
    without_renderings_photoshop,
    without_renderings_text,
    without_renderings_xmp,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

# Tags of a TIFF that say how its own pixels are stored, or that are kept apart (XMP, ICC profile).
_STORAGE_TAGS = frozenset(
    (254, 255, 256, 257, 258, 259, 262, 263, 264, 265, 266, 273, 277, 278, 279, 280, 281, 282, 283,
     284, 288, 289, 290, 291, 292, 293, 296, 301, 317, 318, 319, 320, 321, 322, 323, 324, 325, 330,
     332, 334, 336, 338, 339, 340, 341, 342, 343, 347, 512, 513, 514, 515, 517, 518, 519, 520, 521,
     529, 530, 531, 532, 700, 34377, 34675)
)  # fmt: skip
# Layers of Photoshop, previews of DNG and of cameras, thumbnails of Windows.
_RENDERING_TAGS = frozenset((37724, 20507, 20532, 46275, 50740, 50966, 51041, 52544))
_PNG_TEXT_KEPT_APART = ("XML:com.adobe.xmp", "Raw profile type exif", "Raw profile type APP1")
_EXIF_IFD, _GPS_IFD, _INTEROPERABILITY_IFD = 0x8769, 0x8825, 0xA005
SUB_DIRECTORIES = (_EXIF_IFD, _GPS_IFD, _INTEROPERABILITY_IFD)
"""EXIF tags that point to a directory of further tags."""
_LARGEST_JPEG_SEGMENT = 65533


def gather_exif(image: PIL.Image.Image) -> bytes | None:
    """Return an image's EXIF as one block with orientation as it stands, or None if it has none.

    For a TIFF these are its descriptive tags. Left out are tags that are damaged, and other
    renderings of the picture: the thumbnail, previews, layers, which would show the mask.
    """
    return read_exif(image)[0]


def read_exif(image: PIL.Image.Image) -> tuple[bytes | None, tuple[int, ...]]:
    """Return what `gather_exif` returns, and the numbers of the damaged tags."""
    try:
        exif = image.getexif()
        tags = {tag: exif[tag] for tag in exif}
        directories = {tag: exif.get_ifd(tag) for tag in (_EXIF_IFD, _GPS_IFD) if tag in tags}
        if _INTEROPERABILITY_IFD in directories.get(_EXIF_IFD, {}):
            inner = {**directories[_EXIF_IFD]}
            inner[_INTEROPERABILITY_IFD] = exif.get_ifd(_INTEROPERABILITY_IFD)
            directories[_EXIF_IFD] = inner
        order = exif.endian
    except Exception:  # a damaged EXIF block makes Pillow raise errors of many kinds
        return None, ()
    left_out = (_STORAGE_TAGS | _RENDERING_TAGS) - {ORIENTATION_TAG}
    kept = _exact({tag: value for tag, value in {**tags, **directories}.items()
                   if tag not in left_out})
    damaged: tuple[int, ...] = ()
    block = _block(kept, order)
    if block is None:
        kept, damaged = _sound(kept, order)
        block = _block(kept, order)
    return (block if kept else None), damaged


def _exact(tags: Mapping[int, Any]) -> dict[int, Any]:
    """Tags as they are to be written: text as its bytes, no pictures, directories likewise."""
    exact: dict[int, Any] = {}
    for tag, value in tags.items():
        if isinstance(value, dict):
            exact[tag] = _exact(value)
        elif isinstance(value, str) and not value.isascii():
            # Pillow reads text as Latin-1, whatever it is, and writes ASCII alone.
            exact[tag] = value.encode("latin-1", "replace")
        elif not (isinstance(value, bytes) and holds_picture(value)):
            exact[tag] = value
    return exact


def restore_texts(exif: PIL.Image.Exif) -> None:
    """Turn text that Pillow read as Latin-1 back into its bytes, so that it is written as it was."""
    for tag, value in _exact({tag: exif[tag] for tag in exif}).items():
        if isinstance(value, bytes) and isinstance(exif[tag], str):
            exif[tag] = value


def _sound(tags: Mapping[int, Any], order: str | None) -> tuple[dict[int, Any], tuple[int, ...]]:
    """The tags that can be written, each tried by itself, and the numbers of the others."""
    sound: dict[int, Any] = {}
    damaged: list[int] = []
    for tag, value in tags.items():
        if isinstance(value, dict):
            inner = {
                one: entry
                for one, entry in value.items()
                if _block({tag: {one: entry}}, order) is not None
            }
            damaged += sorted(set(value) - set(inner))
            sound[tag] = inner
        elif _block({tag: value}, order) is not None:
            sound[tag] = value
        else:
            damaged.append(tag)
    return sound, tuple(damaged)


def _block(tags: Mapping[int, Any], order: str | None) -> bytes | None:
    exif = PIL.Image.Exif()
    exif.endian = order or "<"
    for tag, value in tags.items():
        exif[tag] = value
    try:
        return exif.tobytes()
    except Exception:  # a value that is not of its tag's type is any of many errors
        return None


def set_orientation(block: bytes, orientation: int) -> bytes:
    """Return an EXIF block with another orientation."""
    holder = PIL.Image.new("L", (1, 1))
    exif = holder.getexif()
    exif.load(block)
    exif[ORIENTATION_TAG] = orientation
    return gather_exif(holder) or b""


def gather_encoding(image: PIL.Image.Image) -> dict[str, Any]:
    """Return how an opened file was encoded, as options that `writing` hands to the encoder."""
    if image.format in ("JPEG", "MPO"):
        tables = getattr(image, "quantization", None)
        if not tables:
            return {}
        from PIL import JpegImagePlugin

        resources = [
            without_renderings_photoshop(content)
            for marker, content in getattr(image, "applist", ())
            if marker == "APP13"
        ]
        return {
            "qtables": tables,
            "subsampling": max(0, JpegImagePlugin.get_sampling(image)),
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
    """The chunks that say what a PNG's colours mean. Source: PNG Specification, third edition."""
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


def gather_dpi(info: Mapping[Any, Any]) -> tuple[float, float] | None:
    """Return the resolution in dots per inch, or None if there is none that makes sense."""
    try:
        across, down = (float(value) for value in info["dpi"])
    except (KeyError, TypeError, ValueError, ZeroDivisionError):
        return None
    if not all(math.isfinite(value) and 0 < value < 65535 for value in (across, down)):
        return None
    return across, down


def fit_exif(block: bytes) -> bytes:
    """Return an EXIF block that fits a JPEG, without its longest values if it has to be."""
    if len(block) <= _LARGEST_JPEG_SEGMENT:
        return block
    holder = PIL.Image.new("L", (1, 1))
    exif = holder.getexif()
    exif.load(block)
    while len(shorter := gather_exif(holder) or b"") > _LARGEST_JPEG_SEGMENT:
        values = [(exif, tag, exif[tag]) for tag in exif if tag not in SUB_DIRECTORIES]
        for directory in (_EXIF_IFD, _GPS_IFD):
            inner = exif.get_ifd(directory)
            values += [(inner, tag, value) for tag, value in inner.items()]
        place, tag, _ = max(values, key=lambda entry: _length(entry[2]))
        del place[tag]
    return shorter


def _length(value: Any) -> int:
    return len(value) if isinstance(value, bytes | str | tuple) else 1


def comment_segments(comment: bytes) -> bytes:
    """A comment as segments of a JPEG, of which one alone holds 65,533 bytes."""
    most = _LARGEST_JPEG_SEGMENT
    parts = [comment[place : place + most] for place in range(0, len(comment), most)]
    return b"".join(_segment(0xFE, part) for part in parts)


def _segment(marker: int, content: bytes) -> bytes:
    return bytes([0xFF, marker]) + (len(content) + 2).to_bytes(2, "big") + content
