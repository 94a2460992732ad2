"""The only place where pictures are opened: from a path, bytes, a PIL image or an array.

Formats: JPEG (MPO files of cameras are read as their first picture), PNG, WebP, TIFF, BMP, GIF,
JPEG 2000, AVIF, PPM, and HEIC if `pillow-heif` is installed. Pillow's other decoders are never
tried. Camera raw files, of which it would read the thumbnail, animations and TIFFs of several pages
(unless all others are marked as previews) are refused. The EXIF orientation is applied. Colours
stay in the picture's own colour space: ICC profiles are kept, not applied (except for CMYK), and so
are tags of primaries and transfer function. A picture of more than `MAX_PIXELS` pixels is refused
by its header, before decoding. Pillow's global state is unchanged, except that HEIC is registered
for the first such file. Arrays are assumed to be RGB; BGR, as read by OpenCV, cannot be detected,
so pass `array[:, :, ::-1]`.
"""

from __future__ import annotations

import io
import os
import struct
from collections.abc import Mapping
from pathlib import Path
from typing import IO, Any

import numpy as np
import PIL.ExifTags
import PIL.Image
import PIL.JpegImagePlugin

from weights.base.errors import InputError, MissingDependencyError
from weights.images.conversion import array_to_rgb, check_array, image_to_rgb
from weights.images.damaged_tags import without_damaged_tags, without_damaged_tiff_tags
from weights.images.depth import bits_per_channel, png_colour_chunks, read_colour_tags
from weights.images.formats import READ_FORMATS, register_heif
from weights.images.metadata import gather_encoding, gather_exif, gather_info, set_orientation
from weights.images.orientation import TRANSPOSED, read_orientation, turn_upright, upright_xmp
from weights.images.picture import Picture, PictureKind, PictureSource
from weights.images.unsupported_tiff import camera_raw, has_further_pages, refuse_tiff

_Decoded = tuple[PIL.Image.Image, str, Mapping[str, Any], tuple[str, ...]]

MAX_PIXELS = 200_000_000
"""Default limit on width times height, above which a picture is refused."""

_LARGE, _MOST_PIXELS_A_BYTE = 100_000_000, 250
_MANY_SAMPLES = 135_000_000
"""Pixels times channels from which processing a picture takes about 1 GiB of memory."""
_X_RESOLUTION = 282
_RAW_STARTS = (b"FUJIFILMCCD-RAW", b"IIRO", b"IIRS", b"MMOR", b"IIU\0", b"FOVb", b"\0MRM")
_HEIC_BRANDS = (b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1")


def read_picture(
    source: PictureSource, *, name: str | None = None, max_pixels: int = MAX_PIXELS
) -> Picture:
    """Decode a picture and keep what is needed to return a result of the same kind.

    Args:
        source: path, file content as bytes, PIL image, or uint8 array `(H, W)`, `(H, W, 3)` or
            `(H, W, 4)` in RGB order.
        name: what error messages call the picture; by default the path, or "the picture".
        max_pixels: largest width times height of a file or a PIL image.

    Raises:
        InputError: the file does not exist, is not a picture or is damaged, has more than one frame
            or too many pixels, or the array has another type or shape.
    """
    if isinstance(source, np.ma.MaskedArray):
        raise InputError(
            "A masked array is not a picture: pass its .data, and its .mask as the mask."
        )
    called = name or (str(source) if isinstance(source, str | os.PathLike) else "the picture")
    if isinstance(source, np.ndarray):
        array = check_array(np.asarray(source), called)
        return Picture(array_to_rgb(array), "array", called, array)
    if isinstance(source, PIL.Image.Image):
        notes = _load(source, called, max_pixels)
        image = source.copy()
        image.info = gather_info(source)
        orientation = read_orientation(source)
        pixels = np.ascontiguousarray(turn_upright(image_to_rgb(image, called), orientation))
        form, encoding = _format(source), gather_encoding(source)
        return Picture(pixels, "pil", called, image, form, None, orientation, encoding, notes)
    if isinstance(source, bytes | bytearray | memoryview):
        content = bytes(source)
        decoded = _decode(io.BytesIO(content), called, max_pixels)
        return _upright_picture("bytes", called, decoded, content)
    if isinstance(source, str | os.PathLike):
        return _upright_picture("path", called, _read_file(source, called, max_pixels))
    hint = ""
    if type(source).__module__.partition(".")[0] == "torch":
        hint = ": for a tensor (3, H, W) in 0..1 pass (t.permute(1, 2, 0) * 255).byte().numpy()"
    raise InputError(
        "A picture must be a path, bytes, a PIL image or a uint8 array, "
        f"but got {type(source).__name__}{hint}."
    )


def _upright_picture(
    kind: PictureKind, name: str, decoded: _Decoded, content: bytes | None = None
) -> Picture:
    image, form, encoding, notes = decoded
    pixels = image_to_rgb(image, name)
    return Picture(pixels, kind, name, image, form, content, 1, encoding, notes)


def read_image(
    source: str | os.PathLike[str] | bytes | bytearray | memoryview | PIL.Image.Image,
    name: str,
    max_pixels: int = MAX_PIXELS,
) -> PIL.Image.Image:
    """Decode a file, bytes or a PIL image to a loaded, upright PIL image in its own mode.

    Raises:
        InputError: as for `read_picture`.
    """
    if isinstance(source, PIL.Image.Image):
        _load(source, name, max_pixels)
        return _upright_copy(source)
    if isinstance(source, bytes | bytearray | memoryview):
        return _decode(io.BytesIO(bytes(source)), name, max_pixels)[0]
    return _read_file(source, name, max_pixels)[0]


def _read_file(source: str | os.PathLike[str], name: str, max_pixels: int) -> _Decoded:
    text = os.fspath(source)
    if "://" in text:
        raise InputError(f"{name} is an address: unmask opens no network, so download it first.")
    if not text or "\0" in text:
        raise InputError(f"{text!r} is not a valid path.")
    path = Path(text)
    try:
        if path.is_dir():
            raise InputError(f"{name} is a folder, but a single picture is expected here.")
        if path.exists() and not path.is_file():
            raise InputError(f"{name} is no regular file.")
        with path.open("rb") as stream:
            return _decode(stream, name, max_pixels)
    except FileNotFoundError as error:
        raise InputError(f"{name} does not exist.") from error
    except OSError as error:
        raise InputError(f"{name} cannot be read: {error.strerror or error}.") from error


def _decode(stream: IO[bytes], name: str, max_pixels: int) -> _Decoded:
    """Open, check, load and rotate upright; the stream may be closed afterwards."""
    stream, damaged = without_damaged_tiff_tags(stream)
    opened = open_picture(stream, name)
    form = opened.format or ""
    _refuse_bomb(opened, stream, name, max_pixels)
    bits, tags = bits_per_channel(stream, form), read_colour_tags(stream, form)
    chunks = png_colour_chunks(stream) if form == "PNG" else []
    notes = _load(opened, name, max_pixels, damaged)
    encoding = gather_encoding(opened)
    if chunks:
        encoding["colour_chunks"] = chunks
    if bits > 8 and not opened.mode.startswith("I"):
        notes += (f"Colours of {bits} bits per channel were read as 8 bits.",)
    if tags is not None:
        encoding["colour_tags"] = tags
    if form == "WEBP":
        encoding["lossless"] = _is_lossless_webp(stream)
    return _upright_copy(opened), _format(opened) or "", encoding, notes


def _refuse_bomb(image: PIL.Image.Image, stream: IO[bytes], name: str, max_pixels: int) -> None:
    """Refuse a large picture with far fewer bytes than a photo would have."""
    pixels, size = image.size[0] * image.size[1], stream.seek(0, io.SEEK_END)
    large = pixels > _LARGE or pixels * len(image.getbands()) > _MANY_SAMPLES
    if large and max_pixels >= pixels > _MOST_PIXELS_A_BYTE * size:
        raise InputError(
            f"{name} has {image.size[0]} x {image.size[1]} pixels in {size:,} bytes: no photo is "
            "so large and so empty."
        )


def _upright_copy(image: PIL.Image.Image) -> PIL.Image.Image:
    """A copy with the EXIF orientation applied, and set to 1 in the copy's `.info`."""
    info = gather_info(image)
    orientation = read_orientation(image)
    # Pillow's own method rewrites the EXIF, and fails if a tag in it is damaged.
    copy = image.copy() if orientation == 1 else image.transpose(TRANSPOSED[orientation])
    copy.info = info
    if orientation != 1:
        if "exif" in info:
            info["exif"] = set_orientation(info["exif"], 1)
        if "xmp" in info:
            info["xmp"] = upright_xmp(info["xmp"])
    return copy


def open_picture(stream: IO[bytes], name: str) -> PIL.Image.Image:
    """Find the decoder by content only, as PIL.Image.open does; nothing is decoded yet.

    `PIL.Image.open` would apply its own pixel limit, which can be changed only for the whole
    process; and it would try decoders that start other programs, such as that for EPS.

    Raises:
        InputError: it is not a picture, or its format is not supported.
    """
    prefix = stream.read(64)
    if not prefix:
        raise InputError(f"{name} is empty (0 bytes).")
    brands = _brands(prefix)
    if prefix.startswith(_RAW_STARTS) or b"crx " in brands or prefix[8:10] == b"CR":
        raise camera_raw(name)
    PIL.Image.init()
    if b"avif" not in brands and not brands.isdisjoint(_HEIC_BRANDS):
        try:
            register_heif()
        except MissingDependencyError as error:
            raise InputError(f"{name} is a HEIC picture. {error}") from error
    prefix = prefix[:16]
    for form in READ_FORMATS:
        if form not in PIL.Image.OPEN:
            continue
        factory, accept = PIL.Image.OPEN[form]
        accepted = accept(prefix) if accept is not None else True
        if not accepted or isinstance(accepted, str):
            continue
        stream.seek(0)
        try:
            return factory(stream, "")
        except (SyntaxError, IndexError, TypeError, struct.error):
            continue
        except Exception as error:  # decoders raise errors of many kinds on damaged headers
            raise InputError(f"{name} is damaged and cannot be decoded: {error}.") from error
    raise InputError(f"{name} is not a picture, or has a format that unmask cannot read.")


def _brands(prefix: bytes) -> set[bytes]:
    """The brands of a file in the ISO base media format, such as HEIC and AVIF."""
    if prefix[4:8] != b"ftyp":
        return set()
    end = min(int.from_bytes(prefix[:4], "big"), len(prefix))
    return {prefix[place : place + 4] for place in range(8, end - 3, 4)}


def _load(
    image: PIL.Image.Image, name: str, max_pixels: int, damaged: tuple[int, ...] = ()
) -> tuple[str, ...]:
    """Check size and frames by the header, then decode; return notes on what could not be kept.

    `damaged` has tags that were already left out.
    """
    width, height = image.size
    if width < 1 or height < 1:
        raise InputError(f"{name} has no pixels ({width} x {height}).")
    if width * height > max_pixels:
        raise InputError(
            f"{name} has {width} x {height} pixels, more than the limit of {max_pixels:,}."
        )
    is_tiff = image.format == "TIFF" and hasattr(image, "tag_v2")
    if is_tiff:
        refuse_tiff(image, name)
    several = getattr(image, "is_animated", False) and image.format != "MPO"
    if several and not (is_tiff and not has_further_pages(image)):
        what = "several pages" if image.format == "TIFF" else "several frames"
        raise InputError(
            f"{name} has {what}, but unmask takes single pictures: "
            "save the one you want on its own, or pass image.copy() of a PIL image."
        )
    notes: tuple[str, ...] = ()
    for key, said in (("icc_profile", "ICC profile"), ("xmp", "XMP")):
        # A TIFF may have text or a number there, which Pillow passes on.
        value = image.info.get(key, b"")
        if isinstance(value, str):
            image.info[key] = value.encode("latin-1", "replace")
        elif not isinstance(value, bytes):
            del image.info[key]
            notes += (f"The {said} was damaged and left out.",)
    if image.format == "TIFF" and _X_RESOLUTION not in getattr(image, "tag_v2", ()):
        for key in ("dpi", "resolution"):
            image.info.pop(key, None)  # if there is none, Pillow says 1
    tiles = getattr(image, "tile", None) or ()
    if not image.mode.startswith("I") and any(";16" in str(tile[3]) for tile in tiles):
        notes += ("Colours of 16 bits per channel were read as 8 bits.",)
        if image.info.pop("transparency", None) is not None:
            notes += ("The colour that counts as transparent, of 16 bits, could not be kept.",)
    try:
        image.load()
    except MemoryError as error:
        raise InputError(f"{name} ({width} x {height} pixels) does not fit in memory.") from error
    except Exception as error:  # decoders raise errors of many kinds on damaged data
        if not _lacks_only_its_end(image):
            raise InputError(f"{name} is damaged and cannot be decoded: {error}.") from error
        notes += ("The JPEG's end marker was missing.",)
    if block := image.info.get("exif"):
        try:
            image.info["exif"], damaged = without_damaged_tags(block)
        except ValueError:
            del image.info["exif"]
            notes += ("The EXIF was damaged and left out.",)
        if damaged:
            image.getexif().load(image.info["exif"])  # it may have been read when opened
    if damaged := (*damaged, *gather_exif(image)[1]):
        tags = ", ".join(PIL.ExifTags.TAGS.get(tag, f"0x{tag:04x}") for tag in damaged)
        notes += (f"EXIF that is damaged was left out: {tags}.",)
    return notes


def _lacks_only_its_end(image: Any) -> bool:
    """Load a JPEG that has all its pixels but no end marker; False if any are missing."""
    if image.format not in ("JPEG", "MPO") or image.fp is None:
        return False
    image.fp.seek(0)
    # If pixels are missing, whatever follows the data is decoded in their place.
    other = io.BytesIO(image.fp.read().rstrip(b"\xff") + b"\x55" * 64 + b"\xff\xd9")
    read, ended = image.load_read, False

    def read_to_an_end(count: int) -> bytes:
        nonlocal ended
        content: bytes = read(count)
        if content or ended:
            return content
        ended = True
        return b"\xff\xd9"

    image.load_read = read_to_an_end
    try:
        image.load()
        with PIL.JpegImagePlugin.JpegImageFile(other) as extended:
            return np.array_equal(np.asarray(image), np.asarray(extended))
    except Exception:  # decoders raise errors of many kinds on damaged data
        return False


def _format(image: PIL.Image.Image) -> str | None:
    return "JPEG" if image.format == "MPO" else image.format


def _is_lossless_webp(stream: IO[bytes]) -> bool:
    """Whether a WebP file's picture is in a VP8L chunk. Source: RFC 9649."""
    stream.seek(12)
    while len(header := stream.read(8)) == 8:
        if header[:4] == b"VP8L":
            return True
        if header[:4] == b"VP8 ":
            return False
        size = int.from_bytes(header[4:], "little")
        stream.seek(size + size % 2, os.SEEK_CUR)
    return False
