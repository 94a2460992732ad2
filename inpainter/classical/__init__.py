"""Classical completion without learning: the baselines of every table."""

from inpainter.classical.biharmonic import BiharmonicInpainter
from inpainter.classical.low_rank import LowRankInpainter
from inpainter.classical.opencv import NavierStokesInpainter, TeleaInpainter
from inpainter.classical.patchmatch import PatchMatchInpainter
from inpainter.classical.total_variation import TotalVariationInpainter

__all__ = [
    "BiharmonicInpainter",
    "LowRankInpainter",
    "NavierStokesInpainter",
    "PatchMatchInpainter",
    "TeleaInpainter",
    "TotalVariationInpainter",
]
