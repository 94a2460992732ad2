"""DMFN's generators, from Zheng222/DMFN."""

from __future__ import annotations

from inpainter.importing.layout import Renamed, Renaming


def rename(renaming: Renaming) -> Renamed:
    """Convert the tensors of a generator to our layout.

    Raises:
        WeightsError: the file is of another network.
    """
    width = len(renaming.look("encoder.0.conv.weight"))
    renaming.move("encoder.#.conv", "layers.#.0")

    def block(number: int) -> int:
        return 4 + number

    depth = renaming.move("blocks.#.c1", "layers.#.reduce.0", block)
    for branch in range(4):
        renaming.move(f"blocks.#.d{branch + 1}", f"layers.#.branches.{branch}.0", block)
    renaming.move("blocks.#.c2", "layers.#.expand.2.0", block)
    decoder = ("0.conv", "1.deconv", "1.conv.conv", "2.deconv", "2.conv.conv")
    for number, name in enumerate(decoder, block(depth)):
        renaming.move(f"decoder.{name}", f"layers.{number}.0")
    renaming.move("decoder.3.conv", f"layers.{block(depth) + len(decoder)}")
    return {"width": width, "depth": depth}, 256
