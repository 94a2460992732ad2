"""MI-GAN's inference form, from Picsart-AI-Research/MI-GAN."""

from __future__ import annotations

from inpainter.importing.layout import NOISE, Renamed, Renaming, stem_of
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
    side_down = {side: number for number, side in enumerate(sides(resolution)[:-1])}
    side_up = {side: number for number, side in enumerate(reversed(sides(resolution)[:-1]))}
    side_shown = {side: number for number, side in enumerate(reversed(sides(resolution)))}
    renaming.move(f"encoder.b{resolution}.fromrgb", "stem")
    renaming.move("synthesis.b#.torgb", "to_picture.#", side_shown.get)
    for theirs, ours in (("synthesis.b#.conv1", "up.#"), ("synthesis.b#.conv2", "decoder.#")):
        renaming.move(theirs, ours, side_up.get, NOISE)
    for theirs, ours, numbers in (
        ("encoder.b4.conv1", "middle.0", side_down),
        ("encoder.b4.conv2", "middle.1", side_down),
        ("synthesis.b4.conv1", "middle.2", side_down),
        ("synthesis.b4.conv2", "middle.3", side_down),
        ("encoder.b#.conv1", "encoder.#", side_down),
        ("encoder.b#.conv2", "down.#", side_down),
        ("synthesis.b#.conv1", "up.#", side_up),
        ("synthesis.b#.conv2", "decoder.#", side_up),
    ):
        renaming.move(f"{theirs}.conv1", f"{ours}.depthwise", numbers.get)
        renaming.move(f"{theirs}.conv2", f"{ours}.pointwise", numbers.get)
    limit = len(renaming.state["middle.0.depthwise.weight"])
    widths = {"channel_base": width * resolution, "channel_limit": limit}
    return {"resolution": resolution, **widths}, resolution
