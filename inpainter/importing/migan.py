"""MI-GAN's inference form, from Picsart-AI-Research/MI-GAN."""

from __future__ import annotations

from inpainter.importing.layout import Renamed, Renaming, stem_of
from inpainter.networks.blocks.resolutions import sides


def rename(renaming: Renaming) -> Renamed:
    """Convert the state dict of a generator of 256 or 512 pixels to our layout.

    Raises:
        WeightsError: the file is of another network.
    """
    # Our network has no weights for fixed blurs and the zeros of upsampling.
    for fixed in (".filter.weight", ".filter_const"):
        renaming.drop(fixed)
    resolution, width = stem_of(renaming)
    renaming.move(f"encoder.b{resolution}.fromrgb", "stem")
    down = [side for side in sides(resolution) if side > 4]
    for number, side in enumerate(down):
        _move_separable(renaming, f"encoder.b{side}.conv1", f"encoder.{number}")
        _move_separable(renaming, f"encoder.b{side}.conv2", f"down.{number}")
    for number, theirs in enumerate(("encoder.b4", "synthesis.b4")):
        for step in range(2):
            _move_separable(renaming, f"{theirs}.conv{step + 1}", f"middle.{2 * number + step}")
    renaming.move("synthesis.b4.torgb", "to_picture.0")
    for number, side in enumerate(reversed(down)):
        _move_separable(renaming, f"synthesis.b{side}.conv1", f"up.{number}")
        _move_separable(renaming, f"synthesis.b{side}.conv2", f"decoder.{number}")
        renaming.move(f"synthesis.b{side}.torgb", f"to_picture.{number + 1}")
    limit = len(renaming.state["middle.0.depthwise.weight"])
    widths = {"channel_base": width * resolution, "channel_limit": limit}
    return {"resolution": resolution, **widths}, resolution


def _move_separable(renaming: Renaming, theirs: str, ours: str) -> None:
    renaming.move(f"{theirs}.conv1", f"{ours}.depthwise")
    renaming.move(f"{theirs}.conv2", f"{ours}.pointwise")
    if f"{theirs}.noise_const" in renaming:
        renaming.state[f"{ours}.noise.noise"] = renaming.take(f"{theirs}.noise_const")
        renaming.state[f"{ours}.noise.strength"] = renaming.take(f"{theirs}.noise_strength")
