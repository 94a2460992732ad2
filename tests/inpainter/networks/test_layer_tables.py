"""The layers of the literature's networks, one by one, as their papers' tables have them."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from inpainter import create_model
from inpainter.networks.blocks.gated_convolution import GatedConvolution

SIDE = 64

KINDS: dict[type[nn.Module], str] = {
    GatedConvolution: "gated",
    nn.Conv2d: "conv",
    nn.ConvTranspose2d: "deconv",
}

DILATED = ["gated 3 d2 96 /4", "gated 3 d4 96 /4", "gated 3 d8 96 /4", "gated 3 d16 96 /4"]

TABLES = {
    "glcic": [
        "conv 5 64 /1",
        "conv 3 s2 128 /2",
        "conv 3 128 /2",
        "conv 3 s2 256 /4",
        *["conv 3 256 /4"] * 2,
        "conv 3 d2 256 /4",
        "conv 3 d4 256 /4",
        "conv 3 d8 256 /4",
        "conv 3 d16 256 /4",
        *["conv 3 256 /4"] * 2,
        "deconv 4 s2 128 /2",
        "conv 3 128 /2",
        "deconv 4 s2 64 /1",
        "conv 3 32 /1",
        "conv 3 3 /1",
    ],
    "deepfillv2": [
        # Coarse.
        "gated 5 24 /1",
        "gated 3 s2 48 /2",
        "gated 3 48 /2",
        "gated 3 s2 96 /4",
        *["gated 3 96 /4"] * 2,
        *DILATED,
        *["gated 3 96 /4"] * 2,
        *["gated 3 48 /2"] * 2,
        "gated 3 24 /1",
        "gated 3 12 /1",
        "conv 3 3 /1",
        # The branch of contextual attention.
        "gated 5 24 /1",
        "gated 3 s2 24 /2",
        "gated 3 48 /2",
        "gated 3 s2 96 /4",
        "gated 3 96 /4",
        "gated 3 relu 96 /4",
        # The branch of dilated convolutions.
        "gated 5 24 /1",
        "gated 3 s2 24 /2",
        "gated 3 48 /2",
        "gated 3 s2 48 /4",
        *["gated 3 96 /4"] * 2,
        *DILATED,
        # What follows the attention, and both together.
        *["gated 3 96 /4"] * 2,
        *["gated 3 96 /4"] * 2,
        *["gated 3 48 /2"] * 2,
        "gated 3 24 /1",
        "gated 3 12 /1",
        "conv 3 3 /1",
    ],
    "dmfn": [
        "conv 5 64 /1",
        "conv 3 s2 128 /2",
        "conv 3 128 /2",
        "conv 3 s2 256 /4",
        *[
            "conv 3 64 /4",
            "conv 3 64 /4",
            "conv 3 d2 64 /4",
            "conv 3 d4 64 /4",
            "conv 3 d8 64 /4",
            "conv 3 256 /4",
        ]
        * 8,
        "conv 3 256 /4",
        "deconv 4 s2 128 /2",
        "conv 3 128 /2",
        "deconv 4 s2 64 /1",
        "conv 3 64 /1",
        "conv 3 3 /1",
    ],
    "gated-dmfb": [
        "gated 5 relu 64 /1",
        "gated 3 relu s2 128 /2",
        "gated 3 relu 128 /2",
        "gated 3 relu s2 256 /4",
        *["gated 3 relu 256 /4"] * 2,
        *[
            "gated 3 relu 64 /4",
            "gated 3 relu 64 /4",
            "gated 3 relu d2 64 /4",
            "gated 3 relu d4 64 /4",
            "gated 3 relu d8 64 /4",
            # What merges the scales.
            *["gated 3 relu 64 /4"] * 3,
            "gated 1 relu 256 /4",
        ]
        * 4,
        "gated 3 relu 256 /4",
        *["gated 3 relu 256 /4"] * 2,
        *["gated 3 relu 128 /2"] * 2,
        *["gated 3 relu 128 /2"] * 2,
        *["gated 3 relu 64 /1"] * 2,
        *["gated 3 relu 64 /1"] * 2,
        "gated 3 relu 32 /1",
        "conv 3 3 /1",
    ],
    "unet": [
        "conv 3 32 /1",
        "conv 3 64 /2",
        "conv 3 128 /4",
        "conv 3 256 /8",
        "conv 3 512 /16",
        "deconv 2 s2 256 /8",
        "conv 3 256 /8",
        "deconv 2 s2 128 /4",
        "conv 3 128 /4",
        "deconv 2 s2 64 /2",
        "conv 3 64 /2",
        "deconv 2 s2 32 /1",
        "conv 3 32 /1",
        "conv 1 3 /1",
    ],
}
OPTIONS = {"gated-dmfb": {"variant": "model1"}}


def describe(module: nn.Module, output: torch.Tensor) -> str:
    """Kind, kernel, what is out of the ordinary, channels, and the side that is left."""
    convolution = module.convolution if isinstance(module, GatedConvolution) else module
    words = [KINDS[type(module)], str(convolution.kernel_size[0])]
    if isinstance(module, GatedConvolution) and module.activation is not nn.functional.elu:
        words.append(module.activation.__name__)
    if convolution.stride[0] > 1:
        words.append(f"s{convolution.stride[0]}")
    if convolution.dilation[0] > 1:
        words.append(f"d{convolution.dilation[0]}")
    return " ".join([*words, str(output.shape[1]), f"/{SIDE // output.shape[2]}"])


@pytest.mark.parametrize("name", TABLES)
def test_the_layers_are_those_of_the_table(name: str) -> None:
    with torch.device("meta"):
        network = create_model(name, **OPTIONS.get(name, {})).eval()
        image, hole = torch.empty(1, 3, SIDE, SIDE), torch.empty(1, 1, SIDE, SIDE)
    layers = []
    for key, module in network.named_modules():
        inner = key.rpartition(".")[0]
        if type(module) in KINDS and type(network.get_submodule(inner)) not in KINDS:
            module.register_forward_hook(
                lambda one, _, output: layers.append(describe(one, output))
            )
    network(image, hole)
    assert layers == TABLES[name]
