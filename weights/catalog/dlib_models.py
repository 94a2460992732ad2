"""Locating dlib's model files in `face_recognition_models`, from the extra `landmarks`."""

from __future__ import annotations

import importlib.util
from pathlib import Path

from weights.base.optional_libraries import missing_library


def find_dlib_model(name: str) -> Path | None:
    """Find a dlib model file by its name; None if its package is not installed.

    The package is located but not imported, as it needs `pkg_resources`, which newer setuptools
    lack.
    """
    package = importlib.util.find_spec("face_recognition_models")
    for folder in (package.submodule_search_locations or []) if package is not None else []:
        path = Path(folder) / "models" / name
        if path.is_file():
            return path
    return None


def dlib_model(name: str, feature: str) -> Path:
    """Find a dlib model file that `feature`, such as "Finding landmarks", needs.

    Raises:
        MissingDependencyError: its package is not installed.
    """
    model = find_dlib_model(name)
    if model is None:
        raise missing_library(feature, "the package face_recognition_models", "landmarks")
    return model
