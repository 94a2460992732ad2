"""Big LaMa and LaMa-Fourier, from advimman/lama."""

from __future__ import annotations

import torch
from torch import Tensor

from inpainter.importing.layout import Renamed, Renaming, count_of
from weights.base.errors import WeightsError

_FIRST_BLOCK = 5
"""Index of the first residual block among the generator's layers."""


def rename(renaming: Renaming) -> Renamed:
    """Convert the generator of a Lightning checkpoint, or its state dict, to our layout.

    Raises:
        WeightsError: the file is of another network.
    """
    width = len(renaming.look("model.1.ffc.convl2l.weight"))
    blocks = count_of(renaming, "model.{}.conv1.ffc.convl2l.weight", _FIRST_BLOCK)
    distant = len(renaming.look("model.4.ffc.convl2g.weight"))
    for number in range(4):
        _move_convolution(renaming, f"model.{number + 1}", f"encoder.{number}")
    for number in range(blocks):
        for step in range(2):
            theirs = f"model.{_FIRST_BLOCK + number}.conv{step + 1}"
            _move_convolution(renaming, theirs, f"middle.{number}.residual.{step}")
    # One layer joins the two streams, and each upsampling takes three layers.
    after = _FIRST_BLOCK + blocks + 1
    for number in range(3):
        renaming.move(f"model.{after + 3 * number}", f"decoder.{3 * number}")
        renaming.move(f"model.{after + 3 * number + 1}", f"decoder.{3 * number + 1}")
    renaming.move(f"model.{after + 10}", "output")
    return {"width": width, "blocks": blocks, "global_ratio": distant / (8 * width)}, 256


def _move_convolution(renaming: Renaming, theirs: str, ours: str) -> None:
    """Convert a two-stream convolution; its two normalisations are merged."""
    paths = {
        "convl2l": "local_to_local",
        "convl2g": "local_to_global",
        "convg2l": "global_to_local",
    }
    for path, our_path in paths.items():
        if f"{theirs}.ffc.{path}.weight" in renaming:
            renaming.move(f"{theirs}.ffc.{path}", f"{ours}.{our_path}")
    spectral, our_spectral = f"{theirs}.ffc.convg2g", f"{ours}.global_to_global"
    if f"{spectral}.conv1.0.weight" in renaming:
        renaming.move(f"{spectral}.conv1.0", f"{our_spectral}.reduction.0")
        renaming.move(f"{spectral}.conv1.1", f"{our_spectral}.reduction.1")
        renaming.move(f"{spectral}.conv2", f"{our_spectral}.expansion")
        _move_spectrum(renaming, f"{spectral}.fu", f"{our_spectral}.fourier")
    parts = [part for part in ("bn_l", "bn_g") if f"{theirs}.{part}.weight" in renaming]
    if not parts:
        raise WeightsError(f"The file is not a published LaMa: it lacks '{theirs}.bn_l.weight'.")
    for value in ("weight", "bias", "running_mean", "running_var"):
        joined = torch.cat([renaming.take(f"{theirs}.{part}.{value}") for part in parts])
        renaming.state[f"{ours}.norm.{value}"] = joined
    _take_count(renaming, [f"{theirs}.{part}" for part in parts], f"{ours}.norm")


def _move_spectrum(renaming: Renaming, theirs: str, ours: str) -> None:
    """Convert a Fourier unit, whose channels alternate between real and imaginary parts there."""
    weight = renaming.take(f"{theirs}.conv_layer.weight")
    outer, inner = (_halves(count) for count in weight.shape[:2])
    renaming.state[f"{ours}.convolution.weight"] = weight[outer][:, inner]
    for value in ("weight", "bias", "running_mean", "running_var"):
        renaming.state[f"{ours}.norm.{value}"] = renaming.take(f"{theirs}.bn.{value}")[outer]
    _take_count(renaming, [f"{theirs}.bn"], f"{ours}.norm")


def _halves(channels: int) -> Tensor:
    """Indices of the real parts among alternating channels, followed by the imaginary ones."""
    return torch.cat([torch.arange(0, channels, 2), torch.arange(1, channels, 2)])


def _take_count(renaming: Renaming, theirs: list[str], ours: str) -> None:
    names = [f"{one}.num_batches_tracked" for one in theirs]
    counts = [renaming.take(name) for name in names if name in renaming]
    none = torch.zeros((), dtype=torch.long)
    renaming.state[f"{ours}.num_batches_tracked"] = counts[0] if counts else none
