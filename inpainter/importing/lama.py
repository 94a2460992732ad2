"""Big LaMa and LaMa-Fourier, from advimman/lama."""

from __future__ import annotations

import torch
from torch import Tensor

from inpainter.importing.layout import Renamed, Renaming

_FIRST_BLOCK = 5
"""Index of the first residual block among the generator's layers."""


def rename(renaming: Renaming) -> Renamed:
    """Convert the generator of a Lightning checkpoint, or its state dict, to our layout.

    Raises:
        WeightsError: the file is of another network.
    """
    width = len(renaming.look("model.1.ffc.convl2l.weight"))
    distant = len(renaming.look("model.4.ffc.convl2g.weight"))
    for number in range(4):
        _move_convolution(renaming, f"model.{number + 1}", f"encoder.{number}")
    blocks = sum(name.endswith(".conv1.ffc.convl2l.weight") for name in renaming.left)
    for number in range(blocks):
        for step in range(2):
            theirs = f"model.{_FIRST_BLOCK + number}.conv{step + 1}"
            _move_convolution(renaming, theirs, f"middle.{number}.residual.{step}")
    # One layer joins the two streams, and each upsampling takes three layers.
    after = _FIRST_BLOCK + blocks + 1
    renaming.move(f"model.{after + 10}", "output")
    renaming.move("model.#", "decoder.#", lambda number: number - after)
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
        raise renaming.lacking(f"{theirs}.bn_l.weight")
    for value in ("weight", "bias", "running_mean", "running_var"):
        joined = torch.cat([renaming.take(f"{theirs}.{part}.{value}") for part in parts])
        renaming.state[f"{ours}.norm.{value}"] = joined
    for count in [f"{theirs}.{part}.num_batches_tracked" for part in parts]:
        if count in renaming:
            renaming.state.setdefault(f"{ours}.norm.num_batches_tracked", renaming.take(count))


def _move_spectrum(renaming: Renaming, theirs: str, ours: str) -> None:
    """Convert a Fourier unit, whose channels alternate between real and imaginary parts there."""
    weight = renaming.take(f"{theirs}.conv_layer.weight")
    outer, inner = (_halves(count) for count in weight.shape[:2])
    renaming.state[f"{ours}.convolution.weight"] = weight[outer][:, inner]
    renaming.move(f"{theirs}.bn", f"{ours}.norm")
    for value in ("weight", "bias", "running_mean", "running_var"):
        name = f"{ours}.norm.{value}"
        renaming.state[name] = renaming.state[name][outer]


def _halves(channels: int) -> Tensor:
    """Indices of the real parts among alternating channels, followed by the imaginary ones."""
    return torch.cat([torch.arange(0, channels, 2), torch.arange(1, channels, 2)])
