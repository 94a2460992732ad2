"""Where dlib's model files lie: the package `face_recognition_models` of the extra `landmarks`."""

from __future__ import annotations

import importlib.util
from pathlib import Path


def find_dlib_model(name: str) -> Path | None:
    """Find a model file of dlib's by its name; None where the package with it is not installed.

    The package is located and not imported, for it needs `pkg_resources`, which newer setuptools no
    longer have.
    """
    package = importlib.util.find_spec("face_recognition_models")
    for folder in (package.submodule_search_locations or []) if package is not None else []:
        path = Path(folder) / "models" / name
        if path.is_file():
            return path
    return None
