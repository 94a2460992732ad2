"""Giving a result back as the kind of thing that came in."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from weights.base.contracts import Hole, Image, check_image, check_mask
from weights.base.errors import InputError
from weights.images.conversion import fill_array, fill_image
from weights.images.mark import make_mark, mark_info
from weights.images.orientation import turn_back
from weights.images.writing import encode_picture

if TYPE_CHECKING:
    from collections.abc import Sequence

    import PIL.Image
    from numpy.typing import NDArray

    from weights.images.picture import Picture


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
    """Put new pixels into the hole of a picture, and give it back as what it was.

    An array gives an array of the same shape (grey stays grey, alpha stays). A PIL image gives a
    PIL image of the same mode and size, lying as it lay: an EXIF orientation is still in it. A path
    gives an upright PIL image in the file's mode. Bytes give bytes of the same format, upright.
    Outside the hole every value is the original's, whatever `pixels` says there; for bytes of a
    lossy format see `weights.images.writing`. With an empty hole the picture comes back
    unchanged: bytes are the very same.

    The result carries the provenance mark (arrays excepted, which have no room for it). In a PIL
    image it lies in `.info`: `write_picture` writes it out, while `image.save(path)` keeps it only
    if handed on, as in `image.save(path, xmp=image.info["xmp"], exif=image.info["exif"])`.

    Args:
        picture: what was read.
        pixels: uint8 RGB `(H, W, 3)`, upright as `picture.pixels`.
        hole: bool `(H, W)`, upright.
        models: names of the models used, for the mark.
        from_reference: whether a face was filled from a reference photo, for the mark.
        guesses: how many fills were made, of which this is one, for the mark.
        provenance: whether the mark is set; without it whoever calls must say by other means that
            a model edited the picture.
        reuse: whether a PIL image that comes back may be the picture's own, changed, which saves
            the memory of another.

    Raises:
        InputError: size or type of `pixels` or `hole` do not fit the picture.
        OutputError: the bytes are of a format that this Pillow reads but cannot write.
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
