"""GLCIC's completion network in PyTorch, from otenim/GLCIC-PyTorch."""

from __future__ import annotations

from inpainter.importing.layout import Renamed, Renaming


def rename(renaming: Renaming) -> Renamed:
    """Convert a completion network to our layout; its ReLU comes before the normalisation.

    The mean colour of its training is not in the file but in that project's `config.json` as `mpv`;
    pass it as the option `mean_colour`.

    Raises:
        WeightsError: the file is of another network.
    """
    width = len(renaming.look("conv1.weight"))

    def place(number: int) -> int:
        return number - 1

    renaming.move("conv17", "layers.16")
    for theirs, ours in (("conv#", "layers.#.0"), ("deconv#", "layers.#.0"), ("bn#", "layers.#.2")):
        renaming.move(theirs, ours, place)
    return {"width": width, "activation_first": True}, 160
