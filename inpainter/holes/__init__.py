"""Hole generators, for training and for frozen test sets.

All share one signature: `generator(landmarks, size, random) -> bool (H, W)`. Sizes are fractions of
the picture, so a generator's holes look alike at every resolution.
"""

from inpainter.holes.boxes import CentreBox, RandomBox
from inpainter.holes.files import FolderHoles
from inpainter.holes.free_form import FreeFormHoles
from inpainter.holes.generator import HoleGenerator
from inpainter.holes.irregular import IRREGULAR_BANDS, IrregularHoles
from inpainter.holes.mixture import MixtureHoles, UnionHoles
from inpainter.holes.polygonal_chains import PolygonalChains
from inpainter.holes.registry import create_holes, list_holes

__all__ = [
    "IRREGULAR_BANDS",
    "CentreBox",
    "FolderHoles",
    "FreeFormHoles",
    "HoleGenerator",
    "IrregularHoles",
    "MixtureHoles",
    "PolygonalChains",
    "RandomBox",
    "UnionHoles",
    "create_holes",
    "list_holes",
]
