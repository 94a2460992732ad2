"""PyAV, which reads and writes video files, loaded when it is needed."""

from __future__ import annotations

import importlib
from typing import Any

from weights.errors import MissingDependencyError


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
