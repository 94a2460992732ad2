"""PyAV, which reads and writes video files, loaded when it is needed."""

from __future__ import annotations

import importlib
import os
from typing import TYPE_CHECKING, Any

from weights.base.errors import MissingDependencyError

if TYPE_CHECKING:
    from pathlib import Path


def load_av() -> Any:
    """Return the module `av`.

    Raises:
        MissingDependencyError: it is not installed.
    """
    try:
        return importlib.import_module("av")
    except ImportError as error:
        raise MissingDependencyError(
            "Videos need PyAV: install it with `pip install 'unmask[video]'`."
        ) from error


def open_file(path: Path, mode: str = "r", **options: Any) -> Any:
    """Open a video file with PyAV, as `av.open` does.

    FFmpeg takes `http:x.mp4` and `file,x.mp4` for addresses and options, and a playlist for a
    reason to open others; here a name is a file's, and nothing but files is opened.
    """
    container = {"protocol_whitelist": "file,crypto,data", **options.pop("container_options", {})}
    return load_av().open(f"file:{os.fspath(path)}", mode, container_options=container, **options)
