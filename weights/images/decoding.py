"""Decoding the pictures of data sets with OpenCV: fast, and pixels only.

`weights.images.read_picture` is for users' photos and keeps everything else too.
"""

from __future__ import annotations

import os

import cv2
import numpy as np
from numpy.typing import NDArray

from weights.base.errors import InputError


def read_pixels(path: str | os.PathLike[str], *, alpha: bool = False) -> NDArray[np.uint8]:
    """Decode a picture file, see `decode_pixels`.

    Raises:
        InputError: the file is missing or not a picture.
    """
    try:
        content = np.fromfile(path, np.uint8)
    except OSError as error:
        raise InputError(f"Cannot read {path}: {error.strerror or error}.") from error
    return decode_pixels(content, str(path), alpha=alpha)


def decode_pixels(
    content: NDArray[np.uint8], name: str, *, alpha: bool = False
) -> NDArray[np.uint8]:
    """Decode a picture, upright.

    Args:
        content: the file's bytes, uint8 `(N,)`.
        name: what error messages call it.
        alpha: whether to return transparency.

    Returns:
        uint8 RGB `(H, W, 3)`, or RGBA `(H, W, 4)` with `alpha`, opaque if the file has none.

    Raises:
        InputError: it is not a picture, or with `alpha` has more than 8 bits per channel.
    """
    flags = cv2.IMREAD_UNCHANGED if alpha else cv2.IMREAD_COLOR
    try:
        decoded = cv2.imdecode(content, flags) if content.size else None
    except cv2.error:  # too many pixels for OpenCV
        decoded = None
    if decoded is None:
        raise InputError(f"{name} is not a picture that can be decoded.")
    if decoded.dtype != np.uint8:
        raise InputError(f"{name} is not a picture of 8 bits per channel.")
    if decoded.ndim == 2:
        decoded = cv2.cvtColor(decoded, cv2.COLOR_GRAY2BGR)
    if not alpha:
        order = cv2.COLOR_BGR2RGB
    else:
        order = cv2.COLOR_BGR2RGBA if decoded.shape[2] == 3 else cv2.COLOR_BGRA2RGBA
    return np.asarray(cv2.cvtColor(decoded, order), np.uint8)


def compress_jpeg(image: NDArray[np.uint8], quality: int) -> NDArray[np.uint8]:
    """Compress a picture `(H, W, 3)`, in BGR order, as JPEG of `quality` 1 to 100 and decode it."""
    _, code = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, quality])
    return np.asarray(cv2.imdecode(code, cv2.IMREAD_COLOR), np.uint8)
