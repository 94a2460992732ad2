"""The only place where pictures are written: atomically, with their metadata.

Pixels outside the hole stay bit for bit in arrays, in PIL images and in the lossless formats (PNG,
TIFF, BMP, GIF, JPEG 2000, PPM, WebP if the original was lossless). JPEG, AVIF and lossy WebP are
recompressed as a whole: a JPEG with the original's quantisation tables and sampling if there is an
original, else at quality 95 without chroma subsampling; decoded values then differ by rounding.

ICC profile, EXIF (without its thumbnail, which would still show the mask), XMP, IPTC of a JPEG or
TIFF, resolution, comments and PNG text are kept as far as the format has a place for them. A TIFF
keeps its compression, but one with exposure data or GPS is written uncompressed.
"""

from __future__ import annotations

import io
import os
import zlib
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np
import PIL.ExifTags
import PIL.Image
from numpy.typing import NDArray
from PIL.PngImagePlugin import PngInfo

from weights.base.atomic import atomic_path
from weights.base.errors import InputError, OutputError
from weights.images.conversion import check_array
from weights.images.depth import carries_colour_tags, write_colour_tags
from weights.images.exif import SUB_DIRECTORIES, load_exif, read_tags
from weights.images.formats import CARRIES_XMP, fit_mode, format_of, register_heif
from weights.images.mark import Mark, make_mark, mark_info, mark_xmp, read_mark_from_xmp
from weights.images.mark_reader import sidecar_path
from weights.images.metadata import (
    LARGEST_JPEG_SEGMENT,
    comment_segments,
    fit_exif,
    gather_dpi,
    gather_info,
    gather_xmp,
)
from weights.images.picture import Picture
from weights.images.renderings import holds_picture

DEFAULT_QUALITY = 95
_LARGEST_JPEG_XMP = 65502
_CUT_COMMENTS = ("GIF", "JPEG2000")
_KEPT_TIFF_COMPRESSIONS = (
    "raw", "packbits", "tiff_lzw", "tiff_adobe_deflate", "tiff_deflate", "zstd", "lzma",
)  # fmt: skip


def write_picture(
    path: str | os.PathLike[str],
    image: PIL.Image.Image | NDArray[Any],
    *,
    overwrite: bool = False,
    quality: int | None = None,
    format: str | None = None,  # noqa: A002 - Pillow's word
    like: Picture | None = None,
    mark: Mark | None = None,
) -> Path:
    """Write a picture file; missing folders are created.

    Args:
        path: the file to write; its suffix determines the format unless `format` is given.
        image: PIL image, with metadata in `.info`; or uint8 array `(H, W)`, `(H, W, 3)` RGB or `(H,
            W, 4)` RGBA; or bool array `(H, W)`, written as 0 and 255.
        overwrite: replace an existing file.
        quality: 1 to 100 for JPEG, WebP and AVIF; None for the encoding of `like` if it has the
            same format, else 95.
        format: Pillow's name of the format, such as "PNG".
        like: the picture that this one was made from; its encoding options are kept.
        mark: provenance mark to add; an existing mark is always written. For a format without XMP
            it goes to a file next to the picture, `picture.bmp.xmp`.

    Returns:
        The path written.

    Raises:
        InputError: the array is not a picture, or the quality is out of range.
        OutputError: the file exists, cannot be written, or its format cannot hold the picture.
        MissingDependencyError: HEIC is to be written, and `pillow-heif` is not installed.
    """
    target = Path(path)
    form = format or format_of(target)
    picture = _as_image(image)
    if mark is not None:
        picture = picture.copy()
        picture.info = mark_info(picture.info, mark)
    with ExitStack() as files:
        temporary = files.enter_context(atomic_path(target, overwrite=overwrite))
        content = _encode(picture, form, quality, like, str(target))
        temporary.write_bytes(content)
        xmp = mark_beside(picture, form)
        if xmp is not None:
            beside = atomic_path(sidecar_path(target), overwrite=overwrite)
            files.enter_context(beside).write_bytes(xmp)
    return target


def mark_beside(image: PIL.Image.Image, form: str) -> bytes | None:
    """The XMP with a picture's mark if its format has no place for it; else None."""
    xmp = gather_xmp(image.info)
    return xmp if form not in CARRIES_XMP and read_mark_from_xmp(xmp) is not None else None


def encode_picture(
    image: PIL.Image.Image | NDArray[Any],
    format: str,  # noqa: A002 - Pillow's word
    *,
    quality: int | None = None,
    like: Picture | None = None,
) -> bytes:
    """Return the content of a picture file; see `write_picture`.

    Raises:
        InputError: the array is not a picture, or the quality is out of range.
        OutputError: the format cannot be written or cannot hold the picture.
    """
    return _encode(_as_image(image), format, quality, like, "the picture")


def _as_image(image: PIL.Image.Image | NDArray[Any]) -> PIL.Image.Image:
    if isinstance(image, PIL.Image.Image):
        return image
    if not isinstance(image, np.ndarray):
        raise InputError(
            f"Only a PIL image or an array can be written, but got {type(image).__name__}."
        )
    if image.dtype == np.bool_ and image.ndim == 2 and image.size:
        return PIL.Image.fromarray(image.astype(np.uint8) * 255)
    return PIL.Image.fromarray(np.ascontiguousarray(check_array(image, "the picture to write")))


def _encode(
    image: PIL.Image.Image, form: str, quality: int | None, like: Picture | None, name: str
) -> bytes:
    if quality is not None and not 1 <= quality <= 100:
        raise InputError(f"quality must be from 1 to 100, but is {quality}.")
    PIL.Image.init()
    if form == "HEIF":
        register_heif()
    if form not in PIL.Image.SAVE:
        raise OutputError(f"Cannot write {name}: this Pillow has no encoder for {form}.")
    fitted = fit_mode(_with_whole_palette(image), form)
    options = _options(fitted, form, quality, like)
    buffer = io.BytesIO()
    try:
        fitted.save(buffer, form, **options)
    except Exception as error:  # encoders raise errors of many kinds
        raise OutputError(f"Cannot write {name} as {form}: {error}.") from error
    return buffer.getvalue() if like is None else _with_colours(buffer.getvalue(), form, like)


def _with_whole_palette(image: PIL.Image.Image) -> PIL.Image.Image:
    """Extend a palette by black for pixels past its end: encoders use as few bits as it needs."""
    entries = image.getpalette() if image.mode == "P" else None
    if entries is None:
        return image
    missing = int(np.asarray(image).max()) + 1 - len(entries) // 3
    if missing <= 0:
        return image
    longer = image.copy()
    longer.putpalette([*entries, *[0] * (3 * missing)])
    return longer


def _with_colours(content: bytes, form: str, like: Picture) -> bytes:
    """Add the original's colour information that Pillow's encoders do not write."""
    tags = like.encoding.get("colour_tags")
    if form == "PNG":
        own = [(b"cICP", bytes([*tags, 0, 1]))] if tags is not None else []
        told = like.encoding.get("colour_chunks") or own
        # After the header, which has 33 bytes.
        return content[:33] + b"".join(_chunk(*one) for one in told) + content[33:]
    if tags is not None and form in ("AVIF", "HEIF"):
        return write_colour_tags(content, tags)
    return content


def losses(picture: Picture, form: str) -> tuple[str, ...]:
    """Sentences on what a format cannot hold of a picture's colours and metadata."""
    said = []
    tags = picture.encoding.get("colour_tags")
    if tags is not None and not carries_colour_tags(form):
        said.append(
            f"The colours have primaries {tags[0]} and transfer {tags[1]} of H.273, which {form} "
            "cannot say: write PNG or AVIF to keep them."
        )
    info = getattr(picture.original, "info", {})
    marked = mark_info(info, make_mark())
    if form == "JPEG":
        if dropped := fit_exif(marked["exif"])[1]:
            names = ", ".join(PIL.ExifTags.TAGS.get(tag, f"0x{tag:04x}") for tag in dropped)
            said.append(f"EXIF that is too long for JPEG was left out: {names}.")
        if len(_without_padding(marked["xmp"])) > _LARGEST_JPEG_XMP:
            said.append("The XMP is too long for JPEG and was left out.")
    elif form in _CUT_COMMENTS and len(info.get("comment", b"")) > LARGEST_JPEG_SEGMENT:
        said.append(f"The comment was cut to {LARGEST_JPEG_SEGMENT:,} bytes.")
    xmp = info.get("xmp")
    alone = mark_xmp(None, make_mark())
    if xmp and read_mark_from_xmp(xmp) is None and marked["xmp"] == alone:
        said.append("The XMP was damaged and left out.")
    return tuple(said)


def _chunk(name: bytes, content: bytes) -> bytes:
    checksum = zlib.crc32(name + content).to_bytes(4, "big")
    return len(content).to_bytes(4, "big") + name + content + checksum


def _options(
    image: PIL.Image.Image, form: str, quality: int | None, like: Picture | None
) -> dict[str, Any]:
    """Options of Pillow's encoder: metadata, then the format's own options."""
    info = gather_info(image)
    kept = dict(like.encoding) if like is not None and like.format == form else {}
    exif, xmp, dpi = info.get("exif"), info.get("xmp"), gather_dpi(info)
    profile, comment = info.get("icc_profile"), info.get("comment")
    fits = profile and _profile_fits(profile, image.mode)
    options: dict[str, Any] = {"icc_profile": profile if fits else None}
    if dpi is not None and form in ("JPEG", "PNG", "TIFF", "BMP"):
        options["dpi"] = dpi
    if comment and form in _CUT_COMMENTS:
        options["comment"] = comment[:LARGEST_JPEG_SEGMENT]
    if form in ("WEBP", "AVIF", "HEIF"):
        options |= {"exif": exif or b"", "xmp": xmp or b"", "quality": quality or DEFAULT_QUALITY}
    if form == "JPEG":
        options |= _jpeg_options(exif, xmp, comment, quality, kept)
    elif form == "HEIF":
        blocks = info.get("metadata", ())
        options["exif"] = exif  # the encoder fails on empty EXIF
        options["metadata"] = [one for one in blocks if not holds_picture(one["data"])]
    elif form == "WEBP":
        options |= {"lossless": kept.get("lossless", False), "exact": True}
    elif form == "AVIF":
        options["subsampling"] = "4:4:4"
    elif form == "PNG":
        options |= {"exif": exif} if exif else {}
        options["pnginfo"] = _png_text(xmp, kept)
    elif form == "TIFF":
        options |= _tiff_options(exif, xmp, kept)
        if dpi is None and (ratio := gather_dpi({"dpi": info.get("resolution")})) is not None:
            # Without a unit it is the shape of the pixels.
            options |= {"resolution_unit": 1, "x_resolution": ratio[0], "y_resolution": ratio[1]}
    elif form == "JPEG2000":
        options["no_jp2"] = kept.get("no_jp2", False)
    return options


def _jpeg_options(
    exif: bytes | None,
    xmp: bytes | None,
    comment: str | bytes | None,
    quality: int | None,
    kept: Mapping[str, Any],
) -> dict[str, Any]:
    if quality is None and "qtables" in kept:
        options = {"qtables": kept["qtables"], "subsampling": kept["subsampling"]}
    else:
        options = {"quality": quality or DEFAULT_QUALITY, "subsampling": 0}
    options["progressive"] = kept.get("progressive", False)
    text = comment.encode() if isinstance(comment, str) else comment or b""
    # Pillow writes only one segment, and refuses longer comments.
    longer = len(text) > LARGEST_JPEG_SEGMENT
    options["comment"] = b"" if longer else text
    options["extra"] = kept.get("extra", b"") + (comment_segments(text) if longer else b"")
    if exif:
        options["exif"] = fit_exif(exif)[0]
    if xmp:
        options["xmp"] = _short_xmp(xmp)
    return options


def _tiff_options(exif: bytes | None, xmp: bytes | None, kept: Mapping[str, Any]) -> dict[str, Any]:
    tags = load_exif(exif or b"")
    for tag, value in read_tags(tags).items():
        tags[tag] = value
    if xmp:
        tags[700] = xmp
    compression = kept.get("compression")
    if compression not in _KEPT_TIFF_COMPRESSIONS:
        compression = "tiff_adobe_deflate"
    if any(tag in tags for tag in SUB_DIRECTORIES):
        # Pillow's compressed TIFF has no place for exposure, time and GPS; metadata have priority.
        compression = "raw"
    return {"exif": tags, "compression": compression}


def _profile_fits(profile: bytes, mode: str) -> bool:
    """Whether an ICC profile is for the colour space of a mode. Source: ICC.1:2022, 7.2.6."""
    space = profile[16:20]
    if mode in ("1", "L", "LA", "I", "I;16", "I;16B"):
        return space == b"GRAY"
    if mode == "CMYK":
        return space == b"CMYK"
    return space in (b"RGB ", b"YCbr") or mode == "LAB"


def _png_text(xmp: bytes | None, kept: dict[str, Any]) -> PngInfo:
    text = PngInfo()
    for name, content in kept.get("chunks", ()):
        text.add(name, content)
    mark = read_mark_from_xmp(xmp)
    own = {"Software": mark.software, "Disclaimer": mark.notice} if mark is not None else {}
    for key, value in kept.get("text", {}).items():
        if key == "Software" and own and own["Software"] not in value:
            own["Software"] = f"{value}; {own['Software']}"
        elif key not in own:
            lang, translated = (getattr(value, name, "") or "" for name in ("lang", "tkey"))
            text.add_itxt(key, value, lang, translated)
    for key, value in own.items():
        text.add_text(key, value)
    if xmp:
        text.add_itxt("XML:com.adobe.xmp", xmp.decode("utf-8", "replace"))
    return text


def _without_padding(xmp: bytes) -> bytes:
    """XMP that is too long for a JPEG without its empty lines."""
    if len(xmp) <= _LARGEST_JPEG_XMP:
        return xmp
    return b"".join(line for line in xmp.splitlines(keepends=True) if line.strip())


def _short_xmp(xmp: bytes) -> bytes:
    """Make XMP fit a JPEG: first without its padding, then reduced to the mark."""
    shorter = _without_padding(xmp)
    if len(shorter) <= _LARGEST_JPEG_XMP:
        return shorter
    mark = read_mark_from_xmp(xmp)
    return mark_xmp(None, mark) if mark is not None else b""
