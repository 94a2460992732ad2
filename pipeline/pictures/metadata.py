"""Gathering a file's metadata into a PIL image's `.info`, where a copy keeps it."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import PIL.Image

from pipeline.pictures.orientation import ORIENTATION_TAG

if TYPE_CHECKING:
    from collections.abc import Mapping

# Tags of a TIFF that say how its own pixels are stored, or that are kept apart (XMP, ICC profile).
_STORAGE_TAGS = frozenset(
    (254, 255, 256, 257, 258, 259, 262, 263, 264, 265, 266, 273, 277, 278, 279, 280, 281, 282, 283,
     284, 288, 289, 290, 291, 292, 293, 296, 301, 317, 318, 319, 320, 321, 322, 323, 324, 325, 330,
     332, 334, 336, 338, 339, 340, 341, 342, 343, 347, 512, 513, 514, 515, 517, 518, 519, 520, 521,
     529, 530, 531, 532, 700, 34377, 34675)
)  # fmt: skip
_PNG_TEXT_KEPT_APART = ("XML:com.adobe.xmp", "Raw profile type exif", "Raw profile type APP1")
_MAKER_NOTE, _EXIF_IFD, _GPS_IFD, _INTEROPERABILITY_IFD = 0x927C, 0x8769, 0x8825, 0xA005
SUB_DIRECTORIES = (_EXIF_IFD, _GPS_IFD, _INTEROPERABILITY_IFD)
"""EXIF tags that point to a directory of further tags."""
_LARGEST_JPEG_SEGMENT = 65533


def gather_exif(image: PIL.Image.Image) -> bytes | None:
    """Return an image's EXIF as one block with orientation as it stands, or None if it has none.

    For a TIFF these are its descriptive tags. The thumbnail is left out: it would show the mask.
    """
    try:
        exif = image.getexif()
        if not exif:
            return None
        kept = PIL.Image.Exif()
        kept.load(exif.tobytes())
        for tag in _STORAGE_TAGS.intersection(kept) - {ORIENTATION_TAG}:
            del kept[tag]
        return kept.tobytes() if kept else None
    except Exception:  # a damaged EXIF block makes Pillow raise errors of many kinds
        return None


def set_orientation(block: bytes, orientation: int) -> bytes:
    """Return an EXIF block with another orientation."""
    exif = PIL.Image.Exif()
    exif.load(block)
    exif[ORIENTATION_TAG] = orientation
    return exif.tobytes()


def gather_encoding(image: PIL.Image.Image) -> dict[str, Any]:
    """Return how an opened file was encoded, as options that `writing` hands to the encoder."""
    if image.format in ("JPEG", "MPO"):
        tables = getattr(image, "quantization", None)
        if not tables:
            return {}
        from PIL import JpegImagePlugin

        iptc = b"".join(
            b"\xff\xed" + (len(content) + 2).to_bytes(2, "big") + content
            for marker, content in getattr(image, "applist", ())
            if marker == "APP13"
        )
        return {
            "qtables": tables,
            "subsampling": max(0, JpegImagePlugin.get_sampling(image)),
            "progressive": bool(image.info.get("progressive")),
            "extra": iptc,
        }
    if image.format == "TIFF":
        return {"compression": image.info.get("compression")}
    if image.format == "JPEG2000":
        return {"no_jp2": getattr(image, "codec", "jp2") == "j2k"}
    if image.format == "PNG":
        text = {
            key: value
            for key, value in getattr(image, "text", {}).items()
            if key not in _PNG_TEXT_KEPT_APART
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
    """Return the XMP packet of an image, or None if it has none."""
    xmp = info.get("xmp") or info.get("XML:com.adobe.xmp")
    return xmp.encode() if isinstance(xmp, str) else xmp


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
    """Return an EXIF block that fits a JPEG, without the maker's notes if it has to be."""
    if len(block) <= _LARGEST_JPEG_SEGMENT:
        return block
    exif = PIL.Image.Exif()
    exif.load(block)
    exif.get_ifd(_EXIF_IFD).pop(_MAKER_NOTE, None)
    shorter = exif.tobytes()
    return shorter if len(shorter) <= _LARGEST_JPEG_SEGMENT else b""
