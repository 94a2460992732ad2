"""CoModGAN in PyTorch, from Picsart-AI-Research/MI-GAN."""

from __future__ import annotations

from inpainter.importing.layout import Renamed, Renaming, count_of, stem_of
from inpainter.networks.blocks.resolutions import sides


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
    layers = count_of(renaming, "mapping.fc{}.weight")
    for number in range(layers):
        renaming.move(f"mapping.fc{number}", f"mapping.layers.{number}")
    renaming.move(f"encoder.b{resolution}.fromrgb", "stem")
    down = [side for side in sides(resolution) if side > 4]
    for number, side in enumerate(down):
        renaming.move(f"encoder.b{side}.conv0", f"encoder.{number}")
        renaming.move(f"encoder.b{side}.conv1", f"down.{number}.1")
    renaming.move("encoder.b4.conv", "bottom")
    renaming.move("encoder.b4.fc", "to_style")
    renaming.move("synthesis.b4.fc", "start")
    _move_layer(renaming, "synthesis.b4.conv", "first")
    _move_modulated(renaming, "synthesis.b4.torgb", "to_picture.0")
    for number, side in enumerate(reversed(down)):
        _move_layer(renaming, f"synthesis.b{side}.conv0", f"up.{number}")
        _move_layer(renaming, f"synthesis.b{side}.conv1", f"decoder.{number}")
        _move_modulated(renaming, f"synthesis.b{side}.torgb", f"to_picture.{number + 1}")
    options = {
        "resolution": resolution,
        "channel_base": width * resolution,
        "channel_limit": len(renaming.state["bottom.weight"]),
        "style_size": len(renaming.state["mapping.layers.0.weight"]),
        "mapping_layers": layers,
    }
    return options, resolution


def _move_layer(renaming: Renaming, theirs: str, ours: str) -> None:
    renaming.state[f"{ours}.noise.noise"] = renaming.take(f"{theirs}.noise_const")
    renaming.state[f"{ours}.noise.strength"] = renaming.take(f"{theirs}.noise_strength")
    _move_modulated(renaming, theirs, f"{ours}.convolution")


def _move_modulated(renaming: Renaming, theirs: str, ours: str) -> None:
    renaming.move(theirs, ours)
    renaming.move(f"{theirs}.affine", f"{ours}.style")
