"""Converting Pillow's modes to uint8 RGB, and fills back into the hole only.

How the stages see each mode, and how a fill is converted back:

- `RGB`, `RGBX`: as they are. `RGBA`, `LA`, `PA`: the colours, whatever their transparency; alpha is
  kept, inside the hole too. `RGBa`, `La`: divided by their alpha, and multiplied by it again.
- `L`, `LA`, `1`: grey as equal R, G and B; the fill becomes its luma (ITU-R BT.601), dithered for
  `1`.
- `P`, `PA`: the palette's colours; the fill takes the nearest opaque colours of the same palette,
  dithered (Floyd-Steinberg), so neither palette nor transparency changes.
- `I;16` and its relatives, `I` with values 0 to 65535: the upper eight bits; fill times 257.
- `CMYK`: through the embedded ICC profile if there is one, else by Pillow's formula.
- `YCbCr`, `HSV`, `LAB`: by Pillow's formula.
- `F`: refused, as the value of white is unknown.
"""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import PIL.Image
from numpy.typing import NDArray

from weights.base.contracts import Hole, Image
from weights.base.errors import InputError
from weights.base.regions import bounding_box

_SIXTEEN_BITS = ("I;16", "I;16L", "I;16B", "I;16N", "I")
_STRIP = 256
"""Rows converted from Pillow to NumPy at a time."""
_ARRAY_ADVICE = "a uint8 array of shape (H, W), (H, W, 3) or (H, W, 4) in RGB order"


def check_array(array: NDArray[Any], name: str) -> NDArray[np.uint8]:
    """Return `array` if it is a uint8 picture `(H, W)`, `(H, W, 3)` or `(H, W, 4)`.

    Raises:
        InputError: it is anything else; the message says how to convert it.
    """
    came = f"{array.dtype} of shape {array.shape}"
    if array.dtype != np.uint8:
        if array.dtype == np.bool_:
            advice = "multiply it by 255 and call .astype(np.uint8)"
        elif array.dtype.kind == "f" and not np.isfinite(array).all():
            advice = "it holds NaN or infinite values, which are not colours"
        elif array.dtype.kind == "f":
            advice = "for values in 0..1 pass (array * 255).round().astype(np.uint8)"
        elif array.dtype == np.uint16:
            advice = "pass (array >> 8).astype(np.uint8)"
        else:
            advice = "for values in 0..255 call .astype(np.uint8)"
        raise InputError(f"{name} must be {_ARRAY_ADVICE}, but is {came}: {advice}.")
    if array.size == 0:
        raise InputError(
            f"{name} must be {_ARRAY_ADVICE}, but has no pixels (shape {array.shape})."
        )
    if array.ndim == 2 or (array.ndim == 3 and array.shape[2] in (3, 4)):
        return array
    advice = ""
    if array.ndim == 3 and array.shape[0] in (3, 4):
        advice = ": channels come last, so pass array.transpose(1, 2, 0)"
    elif array.ndim == 3 and array.shape[2] == 1:
        advice = ": for a grey picture pass array[:, :, 0]"
    elif array.ndim == 4:
        advice = ": pass the pictures of a batch one by one"
    raise InputError(f"{name} must be {_ARRAY_ADVICE}, but is {came}{advice}.")


def array_to_rgb(array: NDArray[np.uint8]) -> Image:
    """Return a checked array as a new contiguous uint8 RGB `(H, W, 3)`; alpha is dropped."""
    if array.ndim == 2:
        return np.repeat(array[:, :, None], 3, axis=2)
    return np.array(array[:, :, :3], order="C")


def fill_array(original: NDArray[np.uint8], pixels: Image, hole: Hole) -> NDArray[np.uint8]:
    """Return a copy of `original` with `pixels` in the hole: grey stays grey, alpha stays."""
    result = np.array(original, order="C")
    if original.ndim == 2:
        result[hole] = _luma(pixels[hole])
    else:
        result[:, :, :3][hole] = pixels[hole]
    return result


def image_to_rgb(image: PIL.Image.Image, name: str) -> Image:
    """Return a loaded PIL image as uint8 RGB `(H, W, 3)`; metadata is ignored.

    Raises:
        InputError: the mode is `F`, or `I` with values outside 0 to 65535.
    """
    mode = image.mode
    if mode in ("RGB", "RGBX", "RGBA"):
        return _values(image)
    if mode in _SIXTEEN_BITS:
        values = np.asarray(image)
        if mode == "I" and (values.min() < 0 or values.max() > 65535):
            raise InputError(
                f"{name} has 32-bit values outside 0..65535: convert it to 8 or 16 bits first."
            )
        return array_to_rgb((values >> 8).astype(np.uint8))
    if mode == "F":
        raise InputError(
            f"{name} has floating-point values of unknown range: convert it to 8 or 16 bits first."
        )
    if mode == "CMYK":
        return np.array(_convert_cmyk(image, "RGB", image.info.get("icc_profile")))
    if mode in ("La", "RGBa"):
        return image_to_rgb(image.convert("LA" if mode == "La" else "RGBA"), name)
    if mode in ("L", "LA", "P", "PA"):
        values = np.asarray(image)
        first = values if values.ndim == 2 else values[:, :, 0]
        return array_to_rgb(first) if mode[0] == "L" else _palette(image)[0][first]
    try:
        return _values(image.convert("RGB"))
    except (ValueError, OSError) as error:
        raise InputError(f"{name} has the mode {mode!r}, which cannot be read as RGB.") from error


def _values(image: PIL.Image.Image) -> Image:
    """The first three channels of an image, `(H, W, 3)`.

    They are read in strips: Pillow would make two more copies of everything.
    """
    width, height = image.size
    values = np.empty((height, width, 3), np.uint8)
    for top in range(0, height, _STRIP):
        strip = image.crop((0, top, width, min(top + _STRIP, height)))
        values[top : top + _STRIP] = np.asarray(strip)[:, :, :3]
    return values


def fill_image(image: PIL.Image.Image, pixels: Image, hole: Hole) -> PIL.Image.Image:
    """Put `pixels` into the hole of an image and return it; mode, size and info stay.

    Args:
        image: a loaded image of a mode that `image_to_rgb` reads; it is changed.
        pixels: uint8 RGB `(H, W, 3)`, oriented like the image.
        hole: bool `(H, W)`; where it is False every value stays bit for bit.
    """
    if image.mode in _SIXTEEN_BITS:
        # Pillow's own paste with a mask is not exact for 16-bit modes.
        values = np.array(image)
        fill = _luma(pixels[hole]).astype(np.uint16) * 257
        key = image.info.get("transparency")
        values[hole] = fill if key is None else np.where(fill == key, fill ^ 1, fill)
        sixteen = PIL.Image.frombytes(image.mode, image.size, values.tobytes())
        sixteen.info = image.info.copy()
        return sixteen
    box = bounding_box(hole)
    if box is None:
        return image
    left, top, right, bottom = box
    inner = hole[top:bottom, left:right]
    patch = _from_rgb(pixels[top:bottom, left:right], image, box)
    image.paste(patch, (left, top), PIL.Image.fromarray(inner.astype(np.uint8) * 255))
    return image


def _from_rgb(
    pixels: Image, like: PIL.Image.Image, box: tuple[int, int, int, int]
) -> PIL.Image.Image:
    """Convert the pixels of a box (left, top, right, bottom) to the mode of `like`."""
    mode = like.mode
    rgb = PIL.Image.fromarray(np.ascontiguousarray(pixels))
    if mode in ("RGB", "L"):
        return _off_key(rgb if mode == "RGB" else rgb.convert("L"), like)
    if mode == "CMYK":
        return _convert_cmyk(rgb, "CMYK", like.info.get("icc_profile"))
    if mode not in ("RGBX", "RGBA", "RGBa", "LA", "La", "P", "PA"):
        return rgb.convert(mode)
    if mode[0] == "P":
        values = _nearest_entries(rgb, like)
    else:
        values = _luma(pixels) if mode[0] == "L" else pixels
    if mode != "P":
        left, top, right, bottom = box
        alpha = np.asarray(like.getchannel(len(like.getbands()) - 1))[top:bottom, left:right]
        if mode[-1] == "a":
            product = np.dstack([values]) * alpha.astype(np.uint16)[:, :, None]
            values = ((product + 127) // 255).astype(np.uint8)
        values = np.dstack([values, alpha])
    return PIL.Image.frombytes(mode, rgb.size, values.tobytes())


def _luma(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """ITU-R BT.601 luma of RGB `(..., 3)`, in Pillow's arithmetic: greys are unchanged."""
    weighted = pixels.astype(np.uint32) @ np.array([19595, 38470, 7471], np.uint32)
    return ((weighted + 0x8000) >> 16).astype(np.uint8)


def _off_key(patch: PIL.Image.Image, like: PIL.Image.Image) -> PIL.Image.Image:
    """Keep a fill from using the one colour that a PNG of mode L or RGB shows as transparent."""
    key = like.info.get("transparency")
    if not isinstance(key, int | tuple):
        return patch
    values = np.array(patch)
    hit = values == np.asarray(key)
    values[hit if hit.ndim == 2 else hit.all(axis=2)] ^= 1
    return PIL.Image.fromarray(values)


def _palette(image: PIL.Image.Image) -> tuple[Image, NDArray[np.bool_]]:
    """The 256 colours `(256, 3)` of a palette image, and which entries exist and are opaque."""
    flat = image.getpalette("RGBA") or []
    entries = np.zeros((256, 4), np.uint8)
    known = np.asarray(flat, np.uint8).reshape(-1, 4)[:256]
    entries[: len(known)] = known
    usable = (np.arange(256) < len(known)) & (entries[:, 3] > 127)
    transparency = image.info.get("transparency")
    if isinstance(transparency, int) and 0 <= transparency < 256:
        usable[transparency] = False
    elif isinstance(transparency, bytes):
        alphas = np.frombuffer(transparency, np.uint8)[:256]
        usable[: len(alphas)] &= alphas > 127
    return entries[:, :3].copy(), usable


def _nearest_entries(rgb: PIL.Image.Image, like: PIL.Image.Image) -> NDArray[np.uint8]:
    """Palette indices `(H, W)` of `like` nearest to a picture, dithered."""
    colours, usable = _palette(like)
    choices = np.flatnonzero(usable)
    if len(choices) == 0:
        choices = np.arange(256)
    # Pillow needs 256 entries; missing ones repeat the first and are mapped back to it.
    choices = np.concatenate([choices, np.full(256 - len(choices), choices[0])])
    palette = PIL.Image.new("P", (1, 1))
    palette.putpalette(colours[choices].tobytes())
    indices = rgb.quantize(palette=palette, dither=PIL.Image.Dither.FLOYDSTEINBERG)
    return choices[np.asarray(indices)].astype(np.uint8)


def _convert_cmyk(image: PIL.Image.Image, mode: str, profile: bytes | None) -> PIL.Image.Image:
    """Convert between CMYK and sRGB, through the ICC profile if it is a usable CMYK profile."""
    if profile:
        from PIL import ImageCms

        try:
            cmyk = ImageCms.ImageCmsProfile(io.BytesIO(profile))
            srgb = ImageCms.createProfile("sRGB")
            source, target = (cmyk, srgb) if mode == "RGB" else (srgb, cmyk)
            converted = ImageCms.profileToProfile(image, source, target, outputMode=mode)
            if converted is not None:
                return converted
        except (ImageCms.PyCMSError, OSError, ValueError):
            pass
    return image.convert(mode)
