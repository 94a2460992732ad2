"""AOT-GAN's generators for CelebA-HQ and Places2, from researchmm/AOT-GAN-for-Inpainting."""

from __future__ import annotations

from inpainter.importing.layout import Renamed, Renaming, count_of


def rename(renaming: Renaming) -> Renamed:
    """Convert the tensors of a generator to our layout, assuming dilations of 1, 2, 4 and 8.

    Raises:
        WeightsError: the file is of another network.
    """
    width = len(renaming.look("encoder.1.weight"))
    blocks = count_of(renaming, "middle.{}.fuse.1.weight")
    renaming.move("encoder.1", "stem")
    renaming.move("encoder.3", "down.0")
    renaming.move("encoder.5", "down.2")
    for number in range(blocks):
        theirs, ours = f"middle.{number}", f"middle.{number}"
        for branch in range(4):
            renaming.move(f"{theirs}.block{branch:02d}.1", f"{ours}.branches.{branch}")
        renaming.move(f"{theirs}.fuse.1", f"{ours}.merge")
        renaming.move(f"{theirs}.gate.1", f"{ours}.gate")
    renaming.move("decoder.0.conv", "up.0")
    renaming.move("decoder.2.conv", "up.1")
    renaming.move("decoder.4", "output")
    return {"width": width, "blocks": blocks}, 512
