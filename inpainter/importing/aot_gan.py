"""AOT-GAN's generators for CelebA-HQ and Places2, from researchmm/AOT-GAN-for-Inpainting."""

from __future__ import annotations

from inpainter.importing.layout import Renamed, Renaming


def rename(renaming: Renaming) -> Renamed:
    """Convert the tensors of a generator to our layout, assuming dilations of 1, 2, 4 and 8.

    Raises:
        WeightsError: the file is of another network.
    """
    width = len(renaming.look("encoder.1.weight"))
    renaming.move("encoder.1", "stem")
    renaming.move("encoder.3", "down.0")
    renaming.move("encoder.5", "down.2")
    renaming.move("middle.#.block0#.1", "middle.#.branches.#")
    blocks = renaming.move("middle.#.fuse.1", "middle.#.merge")
    renaming.move("middle.#.gate.1", "middle.#.gate")
    renaming.move("decoder.0.conv", "up.0")
    renaming.move("decoder.2.conv", "up.1")
    renaming.move("decoder.4", "output")
    return {"width": width, "blocks": blocks}, 512
