"""DMFN's generators, from Zheng222/DMFN."""

from __future__ import annotations

from inpainter.importing.layout import Renamed, Renaming, count_of


def rename(renaming: Renaming) -> Renamed:
    """Convert the tensors of a generator to our layout.

    Raises:
        WeightsError: the file is of another network.
    """
    width = len(renaming.look("encoder.0.conv.weight"))
    depth = count_of(renaming, "blocks.{}.c1.weight")
    for number in range(4):
        renaming.move(f"encoder.{number}.conv", f"layers.{number}.0")
    for number in range(depth):
        theirs, ours = f"blocks.{number}", f"layers.{4 + number}"
        renaming.move(f"{theirs}.c1", f"{ours}.reduce.0")
        for branch in range(4):
            renaming.move(f"{theirs}.d{branch + 1}", f"{ours}.branches.{branch}.0")
        renaming.move(f"{theirs}.c2", f"{ours}.expand.2.0")
    after = 4 + depth
    decoder = ("0.conv", "1.deconv", "1.conv.conv", "2.deconv", "2.conv.conv")
    for number, name in enumerate(decoder):
        renaming.move(f"decoder.{name}", f"layers.{after + number}.0")
    renaming.move("decoder.3.conv", f"layers.{after + 5}")
    return {"width": width, "depth": depth}, 256
