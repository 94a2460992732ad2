"""Refusing TIFFs that are no single picture, or that Pillow reads wrongly.

Sources: TIFF 6.0; TIFF Supplement 1 (sub-IFDs); DNG Specification 1.7.
"""

from __future__ import annotations

from typing import Any

from PIL.TiffImagePlugin import ImageFileDirectory_v2

from weights.base.errors import InputError

_SUBFILE, _OLD_SUBFILE = 254, 255
_WIDTH, _HEIGHT, _BITS, _PHOTOMETRIC, _MAKE, _SAMPLES = 256, 257, 258, 262, 271, 277
_PLANES, _SUB_IFDS, _DNG_VERSION = 284, 330, 50706
_MOST_SUB_IFDS = 16


def camera_raw(name: str) -> InputError:
    """The error for a camera's raw file."""
    return InputError(f"{name} is a camera's raw file: save it as TIFF, PNG or JPEG first.")


def refuse_tiff(image: Any, name: str) -> None:
    """Refuse camera raw files, of which Pillow reads the thumbnail, and TIFFs it reads wrongly.

    Raises:
        InputError: the opened TIFF is one of these.
    """
    tags = image.tag_v2
    raw = _SUB_IFDS in tags and _MAKE in tags and not _has_only_previews(image)
    if tags.get(_DNG_VERSION) or _is_reduced(tags) or raw:
        raise camera_raw(name)
    bits = tags.get(_BITS, (8,))
    deepest = max(bits if isinstance(bits, tuple) else (bits,))
    if deepest <= 8:
        return
    if deepest < 16:
        raise InputError(
            f"{name} is a TIFF of {deepest} bits, which cannot be read: save it with 8 or 16 bits."
        )
    if tags.get(_PLANES) == 2 and tags.get(_SAMPLES, 1) != 1:
        raise InputError(
            f"{name} is a TIFF of 16 bits in separate planes, which cannot be read: save it with "
            "interleaved channels."
        )
    if tags.get(_PHOTOMETRIC) == 0:
        raise InputError(
            f"{name} is a TIFF of 16 bits in which 0 is white, which cannot be read: save it with "
            "0 as black."
        )


def has_further_pages(image: Any) -> bool:
    """Whether an opened TIFF has pages other than smaller renderings of its first one."""
    if image.tell() != 0:
        return True
    info, number = dict(image.info), 0
    try:
        while True:
            number += 1
            image.seek(number)
            if not _is_reduced(image.tag_v2):
                return True
    except EOFError:
        return False
    except Exception:  # damaged directories make Pillow raise errors of many kinds
        return True
    finally:
        image.seek(0)
        # Pillow keeps what the other pages have there.
        image.info = info


def _is_reduced(tags: Any) -> bool:
    """Whether a directory is marked as a smaller rendering of another one."""
    kind = tags.get(_SUBFILE, 0)
    return tags.get(_OLD_SUBFILE) == 2 or (isinstance(kind, int) and bool(kind & 1))


def _has_only_previews(image: Any) -> bool:
    """Whether all sub-IFDs are smaller renderings; those of raw files are the picture itself."""
    places = image.tag_v2[_SUB_IFDS]
    places = places if isinstance(places, tuple) else (places,)
    if len(places) > _MOST_SUB_IFDS:
        return False
    try:
        for place in places:
            tags = ImageFileDirectory_v2(prefix=image.tag_v2.prefix)
            image.fp.seek(place)
            tags.load(image.fp)
            size = tags[_WIDTH], tags[_HEIGHT]
            if not _is_reduced(tags) or size[0] > image.width or size[1] > image.height:
                return False
    except Exception:  # damaged directories make Pillow raise errors of many kinds
        return False
    return True
