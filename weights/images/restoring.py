"""Returning a result as the kind of object that was passed in."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import PIL.Image
from numpy.typing import NDArray

from weights.base.contracts import Hole, Image, check_image, check_mask
from weights.base.errors import InputError
from weights.images.conversion import fill_array, fill_image
from weights.images.mark import make_mark, mark_info
from weights.images.orientation import turn_back
from weights.images.picture import Picture
from weights.images.writing import encode_picture


def restore(
    picture: Picture,
    pixels: Image,
    hole: Hole,
    *,
    models: Sequence[str] = (),
    from_reference: bool = False,
    guesses: int = 1,
    provenance: bool = True,
    reuse: bool = False,
) -> NDArray[np.uint8] | PIL.Image.Image | bytes:
    """Put new pixels into the hole of a picture, and return it in its original kind.

    An array gives an array of the same shape (grey stays grey, alpha stays). A PIL image gives a
    PIL image of the same mode, size and EXIF orientation. A path gives an upright PIL image in the
    file's mode. Bytes give bytes of the same format, upright. Outside the hole every value is the
    original's, whatever is in `pixels`; for bytes of a lossy format see `weights.images.writing`.
    With an empty hole the picture is returned unchanged, bytes included.

    The result carries the provenance mark (except arrays, which have no room for it). In a PIL
    image it is in `.info`: `write_picture` writes it, while `image.save(path)` keeps it only if
    passed explicitly, as in `image.save(path, xmp=image.info["xmp"], exif=image.info["exif"])`.

    Args:
        picture: the original picture.
        pixels: uint8 RGB `(H, W, 3)`, upright like `picture.pixels`.
        hole: bool `(H, W)`, upright.
        models: names of the models used, for the mark.
        from_reference: whether a face was filled from a reference photo, for the mark.
        guesses: how many fills were made, including this one, for the mark.
        provenance: whether to set the mark; without it the caller must state in another way that a
            model edited the picture.
        reuse: whether a returned PIL image may be the picture's own, modified, to save memory.

    Raises:
        InputError: size or type of `pixels` or `hole` does not match the picture.
        OutputError: the bytes have a format that this Pillow can read but not write.
    """
    check_image(pixels, "the result")
    if pixels.shape != picture.pixels.shape:
        raise InputError(
            f"The result must have the picture's shape {picture.pixels.shape}, "
            f"but has {pixels.shape}."
        )
    check_mask(hole, picture.size, "hole")
    if isinstance(picture.original, np.ndarray):
        return fill_array(picture.original, pixels, hole)
    if not hole.any():
        return picture.content if picture.content is not None else picture.original.copy()
    image: Any = fill_image(
        picture.original if reuse else picture.original.copy(),
        turn_back(pixels, picture.orientation),
        turn_back(hole, picture.orientation),
    )
    if provenance:
        mark = make_mark(models, from_reference=from_reference, guesses=guesses)
        image.info = mark_info(image.info, mark)
    if picture.content is not None:
        return encode_picture(image, picture.format or "PNG", like=picture)
    return image
