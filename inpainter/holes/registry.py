"""Hole generators by the names that recipes and the command line use."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from inpainter.creation import create_named
from inpainter.holes.generator import HoleGenerator

_GENERATORS: Final[dict[str, str]] = {
    "centre-box": "inpainter.holes.boxes:CentreBox",
    "folder": "inpainter.holes.files:FolderHoles",
    "free-form": "inpainter.holes.free_form:FreeFormHoles",
    "irregular": "inpainter.holes.irregular:IrregularHoles",
    "mixture": "inpainter.holes.mixture:MixtureHoles",
    "polygonal-chains": "inpainter.holes.polygonal_chains:PolygonalChains",
    "random-box": "inpainter.holes.boxes:RandomBox",
    "union": "inpainter.holes.mixture:UnionHoles",
}


def list_holes() -> list[str]:
    """Return the short names of all hole generators, sorted."""
    return sorted(_GENERATORS)


def create_holes(spec: str | Mapping[str, Any] | HoleGenerator) -> HoleGenerator:
    """Create a hole generator from a recipe's entry.

    Args:
        spec: a short name of `list_holes`; a dotted path "package.module:Class" of a class whose
            instances are called like `HoleGenerator`; a dict with one of these as `name` and the
            class's options; or a generator, which is returned unchanged.

    Raises:
        ConfigurationError: the name or an option is unknown (the message suggests the nearest one),
            or the options do not fit the class.

    Examples:
        >>> import numpy as np
        >>> draw = create_holes({"name": "centre-box", "side": 0.25})
        >>> int(draw(None, (64, 64), np.random.default_rng(0)).sum())
        256
    """
    if callable(spec):
        return spec
    return create_named("hole generator", _GENERATORS, spec, calls=3)
