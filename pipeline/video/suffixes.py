"""Which file names are those of videos."""

from __future__ import annotations

from pathlib import PurePath
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import os

VIDEO_SUFFIXES = frozenset(
    {
        ".3g2",
        ".3gp",
        ".asf",
        ".avi",
        ".f4v",
        ".flv",
        ".m2ts",
        ".m4v",
        ".mkv",
        ".mov",
        ".mp4",
        ".mpeg",
        ".mpg",
        ".mts",
        ".mxf",
        ".nut",
        ".ogv",
        ".ts",
        ".vob",
        ".webm",
        ".wmv",
    }
)
"""Suffixes of videos, in lower case. Animated pictures such as GIF are not among them."""


def is_video(path: str | os.PathLike[str]) -> bool:
    """Say by its suffix whether a path is that of a video; no file is opened."""
    return PurePath(path).suffix.lower() in VIDEO_SUFFIXES
