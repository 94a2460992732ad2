"""Reading and writing pictures: the only package that opens picture files."""

from weights.images.formats import PICTURE_SUFFIXES, format_of
from weights.images.holes import read_hole
from weights.images.picture import Picture, PictureKind, PictureSource
from weights.images.reading import MAX_PIXELS, read_picture
from weights.images.restoring import restore
from weights.images.writing import encode_picture, write_picture

__all__ = [
    "MAX_PIXELS",
    "PICTURE_SUFFIXES",
    "Picture",
    "PictureKind",
    "PictureSource",
    "encode_picture",
    "format_of",
    "read_hole",
    "read_picture",
    "restore",
    "write_picture",
]
