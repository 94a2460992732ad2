"""PyAV, which reads and writes video files, loaded on demand."""

from __future__ import annotations

import importlib
import os
from pathlib import Path
from typing import Any

from weights.base.optional_libraries import missing_library


def load_av() -> Any:
    """Return the module `av`.

    Raises:
        MissingDependencyError: it is not installed.
    """
    try:
        return importlib.import_module("av")
    except ImportError as error:
        raise missing_library("Working on videos", "PyAV", "video") from error


def open_file(path: Path, mode: str = "r", **options: Any) -> Any:
    """Open a video file with PyAV, as `av.open` does.

    FFmpeg takes `http:x.mp4` and `file,x.mp4` for URLs and options, and opens what a playlist
    names; here a name is always that of a file, and only files are opened.
    """
    container = {"protocol_whitelist": "file,crypto,data", **options.pop("container_options", {})}
    return load_av().open(f"file:{os.fspath(path)}", mode, container_options=container, **options)
