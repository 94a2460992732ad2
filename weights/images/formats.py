"""The picture formats: their suffixes, modes and metadata."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any

import numpy as np
import PIL.Image

from weights.base.errors import MissingDependencyError, OutputError

_SUFFIXES: dict[str, str] = {
    ".jpg": "JPEG", ".jpeg": "JPEG", ".jpe": "JPEG", ".jfif": "JPEG",
    ".png": "PNG",
    ".webp": "WEBP",
    ".tif": "TIFF", ".tiff": "TIFF",
    ".bmp": "BMP", ".dib": "BMP",
    ".gif": "GIF",
    ".jp2": "JPEG2000", ".jpx": "JPEG2000", ".j2k": "JPEG2000", ".j2c": "JPEG2000",
    ".jpc": "JPEG2000",
    ".avif": "AVIF",
    ".ppm": "PPM", ".pgm": "PPM", ".pbm": "PPM", ".pnm": "PPM",
    ".heic": "HEIF", ".heif": "HEIF",
}  # fmt: skip

PICTURE_SUFFIXES = frozenset((*_SUFFIXES, ".apng", ".mpo"))
"""Lower-case suffixes of files that count as pictures in a folder."""

_MODES: dict[str, tuple[str, ...]] = {
    "JPEG": ("L", "RGB", "CMYK", "YCbCr"),
    "PNG": ("1", "L", "LA", "P", "I;16", "RGB", "RGBA"),
    "WEBP": ("RGB", "RGBA"),
    "TIFF": ("1", "L", "LA", "P", "I", "I;16", "I;16B", "RGB", "RGBX", "RGBA", "CMYK",
             "YCbCr", "LAB"),
    "BMP": ("1", "L", "P", "RGB", "RGBA"),
    "GIF": ("1", "L", "P"),
    "JPEG2000": ("L", "LA", "I;16", "RGB", "RGBA"),
    "AVIF": ("RGB", "RGBA"),
    "PPM": ("1", "L", "I;16", "RGB"),
    "HEIF": ("L", "RGB", "RGBA"),
}  # fmt: skip

READ_FORMATS = tuple(_MODES)
"""Pillow's names of the readable formats, in the order in which they are tried."""

# What a mode may be converted to without loss; the first that a format supports is used.
_WIDER: dict[str, tuple[str, ...]] = {
    "1": ("L", "RGB"),
    "L": ("RGB",),
    "LA": ("RGBA",),
    "La": ("LA", "RGBA"),
    "RGBa": ("RGBA",),
    "RGBX": ("RGB",),
    "I;16L": ("I;16",),
    "I;16N": ("I;16",),
    "I;16B": ("I;16",),
    "I": ("I;16",),
    "YCbCr": ("RGB",),
    "HSV": ("RGB",),
    "LAB": ("RGB",),
    "PA": ("RGBA",),
}

CARRIES_XMP = frozenset(("JPEG", "PNG", "WEBP", "TIFF", "AVIF", "HEIF"))
"""Formats that hold XMP; for others it is written next to the file, as `picture.bmp.xmp`."""


def format_of(path: Path) -> str:
    """Return Pillow's name of the format of a file's suffix.

    Raises:
        OutputError: the suffix is not that of a writable format.
    """
    form = _SUFFIXES.get(path.suffix.lower())
    if form is None:
        known = ", ".join(_SUFFIXES)
        raise OutputError(f"Cannot tell the format of {path} by its suffix: use one of {known}.")
    return form


def is_picture_name(path: Path) -> bool:
    """Whether a file's suffix is that of a writable format."""
    return path.suffix.lower() in _SUFFIXES


def register_heif() -> None:
    """Make Pillow read and write HEIC, if the package for it is installed.

    Raises:
        MissingDependencyError: it is not.
    """
    if "HEIF" in PIL.Image.OPEN:
        return
    try:
        heif: Any = importlib.import_module("pillow_heif")
    except ImportError as error:
        raise MissingDependencyError(
            "HEIC needs pillow-heif: install it with pip install 'unmask[heic]', or take JPEG."
        ) from error
    heif.register_heif_opener(thumbnails=False, depth_images=False, aux_images=False)


def fit_mode(image: PIL.Image.Image, form: str) -> PIL.Image.Image:
    """Return the image in a mode that a format supports, if that is lossless.

    Raises:
        OutputError: the format cannot hold the picture; the message says what would be lost.
    """
    held = _MODES.get(form, ())
    if image.mode in held:
        return image
    mode = image.mode
    if mode == "P":
        candidates: tuple[str, ...] = ("RGBA",) if "transparency" in image.info else ("RGB",)
    else:
        candidates = _WIDER.get(mode, ())
    for candidate in candidates:
        if candidate in held:
            return _widened(image, candidate)
    transparent = next((one for one in (mode, *candidates[:1]) if one in ("LA", "RGBA")), None)
    if transparent is not None:
        with_alpha = image if transparent == mode else _widened(image, transparent)
        if np.asarray(with_alpha.getchannel("A")).min() == 255:
            return fit_mode(with_alpha.convert(transparent.removesuffix("A")), form)
        raise OutputError(f"{form} keeps no transparency: write a PNG, WebP or TIFF instead.")
    if mode.startswith("I"):
        raise OutputError(f"{form} keeps no 16-bit values: write a PNG or TIFF instead.")
    raise OutputError(f"{form} cannot hold a picture of mode {mode}: write a TIFF instead.")


def _widened(image: PIL.Image.Image, mode: str) -> PIL.Image.Image:
    if image.mode.startswith("I"):
        values = np.asarray(image).astype("<u2")
        result = PIL.Image.frombytes("I;16", image.size, values.tobytes())
        result.info = image.info.copy()
        return result
    if image.mode == "La":
        image = image.convert("LA")
    return image.convert(mode)
