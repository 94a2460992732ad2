"""Each network, with weights from a fixed draw, paints what it painted once.

A change of a network's arithmetic that keeps all shapes and counts shows here, and in trained
weights that no longer mean what they did. `python -m tests.inpainter.networks.test_golden` prints
the table.
"""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from inpainter import create_model, list_models
from tests.inpainter.networks.test_networks import SMALL

TOLERANCE = 2e-3

# `gated-detail` paints over what shipped weights paint, which change.
NAMES = [name for name in list_models() if name != "gated-detail"]

# Six pixels of what is painted, and its standard deviation.
GOLDEN: dict[str, tuple[float, ...]] = {
    "aot-gan": (0.175, 0.0269, 0.3238, 0.1877, 0.392, 0.3409, 0.3023),
    "comodgan": (-0.0522, -0.0151, 0.0156, -0.0549, -0.0161, -0.0026, 0.0264),
    "deepfillv2": (0.0262, 0.0661, 0.063, 0.0264, 0.0659, 0.0555, 0.0201),
    "dmfn": (-0.9339, -0.9185, -0.5208, -0.3334, -0.9706, 0.6842, 0.5418),
    "gated": (-0.1139, 0.3961, 0.3014, 0.0842, -0.1668, -0.1333, 0.3023),
    "gated-dmfb": (-0.0154, -0.0227, -0.0907, 0.0085, -0.0564, -0.0747, 0.0355),
    "gated-unet": (-0.005, 0.0938, 0.0863, 0.105, 0.095, 0.0998, 0.0442),
    "glcic": (0.0036, -0.034, 0.0023, -0.022, -0.0327, 0.0111, 0.0331),
    "lama": (0.1419, -0.1654, 0.0717, -0.0734, 0.1286, -0.3813, 0.2228),
    "migan": (-1.0, -1.0, -1.0, -1.0, -1.0, -1.0, 0.3925),
    "ndmha": (-0.7957, 0.9819, -0.7731, -0.4282, -0.0206, -0.1343, 0.6714),
    "paired-gan": (-0.0502, 0.3027, -0.7096, -0.2315, 0.8364, 0.1096, 0.5007),
    "pconv": (0.5967, -0.9956, -0.9813, 0.9918, -1.0, -0.9459, 0.8901),
    "residual-cnn": (1.0, 0.8982, 1.0, 1.0, 0.7768, 1.0, 0.6258),
    "unet": (-0.7109, 0.9699, 0.2945, -0.1529, 0.2036, 0.8228, 0.4929),
}


@torch.no_grad()
def drawn_network(name: str) -> torch.nn.Module:
    """Fill all weights with even chance, in the scale that keeps signals from dying out."""
    random = np.random.default_rng(0)
    network = create_model(name, **SMALL[name]).eval()
    state = network.state_dict()
    drawn = {key for key in state if key.endswith(".noise")}
    filled = drawn | {key for key, _ in network.named_parameters()}
    for key in sorted(filled):
        value = state[key]
        wave = torch.from_numpy(np.asarray(random.random(value.shape))) * 2.0 - 1.0
        fan = math.prod(value.shape[1:]) if value.dim() > 1 else 0
        value.copy_(wave * math.sqrt(6.0 / fan) if fan else 0.1 * wave + key.endswith("weight"))
    return network


def portrait() -> tuple[torch.Tensor, torch.Tensor]:
    """Smooth colours with a hole in their middle."""
    rows, columns = np.mgrid[0:32, 0:32] / 31.0
    planes = [np.sin(3 * rows + columns), np.cos(4 * columns), np.sin(5 * rows * columns)]
    image = torch.from_numpy(np.stack(planes)).float()[None]
    hole = torch.zeros(1, 1, 32, 32)
    hole[..., 10:28, 8:24] = 1.0
    return image, hole


@torch.no_grad()
def figures(network: torch.nn.Module) -> list[float]:
    """What is compared of a network's picture."""
    painted = network(*portrait()).prediction[0]
    picked = painted[[0, 1, 2, 0, 1, 2], [3, 12, 16, 20, 25, 30], [16, 9, 20, 15, 10, 4]]
    return [round(float(one), 4) for one in (*picked, painted.std())]


@pytest.mark.parametrize("name", NAMES)
def test_a_network_paints_what_it_painted(name: str) -> None:
    assert figures(drawn_network(name)) == pytest.approx(GOLDEN[name], abs=TOLERANCE)


@pytest.mark.parametrize("name", NAMES)
def test_a_change_of_the_output_is_noticed(name: str) -> None:
    network = drawn_network(name)
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.mul_(1.1)
    assert figures(network) != pytest.approx(GOLDEN[name], abs=TOLERANCE)


if __name__ == "__main__":
    for model in NAMES:
        print(f'    "{model}": {tuple(figures(drawn_network(model)))},')
