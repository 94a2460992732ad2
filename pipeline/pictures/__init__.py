"""Reading and writing pictures: the only place in this package where picture files are opened."""

from pipeline.pictures.formats import format_of
from pipeline.pictures.holes import read_hole
from pipeline.pictures.picture import Picture, PictureKind, PictureSource
from pipeline.pictures.reading import MAX_PIXELS, PICTURE_SUFFIXES, read_picture
from pipeline.pictures.restoring import restore
from pipeline.pictures.writing import encode_picture, write_picture

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
