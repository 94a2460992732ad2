"""The finest pattern that pixels can hold, taken out of pictures."""

from __future__ import annotations

import pytest
import torch

from inpainter.networks.blocks.antialiasing import antialias
from inpainter.networks.gated_detail import GatedDetailNetwork

ROWS, COLUMNS = torch.meshgrid(torch.arange(32.0), torch.arange(32.0), indexing="ij")


@pytest.mark.parametrize(
    ("pattern", "kept"),
    [
        ((-1.0) ** (ROWS + COLUMNS), 0.0),
        ((-1.0) ** COLUMNS, 0.0),
        ((-1.0) ** ROWS, 0.0),
        (torch.cos(torch.pi * COLUMNS / 2), 0.75),
        (torch.cos(torch.pi * ROWS / 2) * torch.cos(torch.pi * COLUMNS / 2), 0.75**2),
        (torch.ones(32, 32), 1.0),
        (ROWS / 32, 1.0),
    ],
    ids=["checkerboard", "stripes", "rows", "half", "half both", "flat", "slope"],
)
def test_patterns_are_kept_by_their_frequency(pattern: torch.Tensor, kept: float) -> None:
    found = antialias(pattern.expand(2, 3, 32, 32))
    inner = (..., slice(4, -4), slice(4, -4))
    torch.testing.assert_close(found[inner], kept * pattern.expand(2, 3, 32, 32)[inner])


def test_an_antialiased_detail_network_filters_its_output() -> None:
    torch.manual_seed(0)
    plain = GatedDetailNetwork(width=4, depth=1)
    filtered = GatedDetailNetwork(width=4, depth=1, antialiased=True)
    filtered.load_state_dict(plain.state_dict())
    image, guess = 0.4 * torch.rand(2, 1, 3, 64, 64) - 0.2
    hole = torch.zeros(1, 1, 64, 64)
    hole[:, :, 20:50, 20:50] = 1.0
    image = image * (1 - hole)
    with torch.no_grad():
        found, unfiltered = (one.add_detail(image, hole, guess) for one in (filtered, plain))
    assert unfiltered.abs().max() < 1.0 and not torch.allclose(found, unfiltered, atol=1e-3)
    torch.testing.assert_close(found, antialias(unfiltered))
