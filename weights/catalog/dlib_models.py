"""Locating dlib's model files in `face_recognition_models`, from the extra `landmarks`."""

from __future__ import annotations

from pathlib import Path

from weights.base.optional_libraries import missing_library, package_files


def find_dlib_model(name: str) -> Path | None:
    """Find a dlib model file by its name; None if its package is not installed.

    The package is located but not imported, as it needs `pkg_resources`, which newer setuptools
    lack.
    """
    return next(iter(package_files("face_recognition_models", f"models/{name}")), None)


def dlib_model(name: str, feature: str) -> Path:
    """Find a dlib model file that `feature`, such as "Finding landmarks", needs.

    Raises:
        MissingDependencyError: its package is not installed.
    """
    model = find_dlib_model(name)
    if model is None:
        raise missing_library(feature, "the package face_recognition_models", "landmarks")
    return model
