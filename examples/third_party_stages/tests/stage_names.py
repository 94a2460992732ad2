"""The stages' names, read from pyproject.toml, so that they only have to be renamed there."""

from __future__ import annotations

import tomllib
from pathlib import Path

_PROJECT = Path(__file__).parents[1] / "pyproject.toml"
_NAMES = tomllib.loads(_PROJECT.read_text(encoding="utf-8"))["project"]["entry-points"]

DETECTOR = next(iter(_NAMES["unmask.detectors"]))
INPAINTER = next(iter(_NAMES["unmask.inpainters"]))
