"""CoModGAN in PyTorch, from Picsart-AI-Research/MI-GAN."""

from __future__ import annotations

from typing import Final

from inpainter.importing.layout import NOISE, Renamed, Renaming, stem_of
from inpainter.networks.blocks.resolutions import sides

_LAYER: Final = {"weight": "convolution.weight", "bias": "convolution.bias", **NOISE}
"""The tensors of a layer of the synthesis."""


def rename(renaming: Renaming) -> Renamed:
    """Convert the state dict of a generator of 256 or 512 pixels to our layout.

    Raises:
        WeightsError: the file is of another network.
    """
    # Our network has no weights for fixed blurs and the mean style, which is for truncation.
    for unused in (".resample_filter", ".w_avg"):
        renaming.drop(unused)
    renaming.look("mapping.fc0.weight")
    resolution, width = stem_of(renaming)
    side_down = {side: number for number, side in enumerate(sides(resolution)[:-1])}
    side_up = {side: number for number, side in enumerate(reversed(sides(resolution)[:-1]))}
    side_shown = {side: number for number, side in enumerate(reversed(sides(resolution)))}
    layers = renaming.move("mapping.fc#", "mapping.layers.#")
    renaming.move(f"encoder.b{resolution}.fromrgb", "stem")
    renaming.move("encoder.b#.conv0", "encoder.#", side_down.get)
    renaming.move("encoder.b#.conv1", "down.#.1", side_down.get)
    renaming.move("encoder.b4.conv", "bottom")
    renaming.move("encoder.b4.fc", "to_style")
    renaming.move("synthesis.b4.fc", "start")
    for theirs, ours in (
        ("synthesis.b4.conv", "first"),
        ("synthesis.b#.conv0", "up.#"),
        ("synthesis.b#.conv1", "decoder.#"),
    ):
        renaming.move(theirs, ours, side_up.get, _LAYER)
        renaming.move(f"{theirs}.affine", f"{ours}.convolution.style", side_up.get)
    renaming.move("synthesis.b#.torgb", "to_picture.#", side_shown.get)
    renaming.move("synthesis.b#.torgb.affine", "to_picture.#.style", side_shown.get)
    options = {
        "resolution": resolution,
        "channel_base": width * resolution,
        "channel_limit": len(renaming.state["bottom.weight"]),
        "style_size": len(renaming.state["mapping.layers.0.weight"]),
        "mapping_layers": layers,
    }
    return options, resolution
