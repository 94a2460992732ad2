"""GLCIC's completion network in PyTorch, from otenim/GLCIC-PyTorch."""

from __future__ import annotations

from inpainter.importing.layout import Renamed, Renaming

_ENLARGING = (13, 15)
_LAST = 17


def rename(renaming: Renaming) -> Renamed:
    """Convert a completion network to our layout; its ReLU comes before the normalisation.

    The mean colour of its training is not in the file but in that project's `config.json` as `mpv`;
    pass it as the option `mean_colour`.

    Raises:
        WeightsError: the file is of another network.
    """
    width = len(renaming.look("conv1.weight"))
    for number in range(1, _LAST):
        kind = "deconv" if number in _ENLARGING else "conv"
        renaming.move(f"{kind}{number}", f"layers.{number - 1}.0")
        renaming.move(f"bn{number}", f"layers.{number - 1}.2")
    renaming.move(f"conv{_LAST}", f"layers.{_LAST - 1}")
    return {"width": width, "activation_first": True}, 160
