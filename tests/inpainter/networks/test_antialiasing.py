"""The finest pattern that pixels can hold, taken out of pictures."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from inpainter import create_model
from inpainter.networks.blocks.antialiasing import antialias

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


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("gated", {"width": 4, "depth": 1, "refine_width": 4, "refine_depth": 1}),
        ("gated-detail", {"width": 4, "depth": 1}),
    ],
)
def test_networks_that_are_antialiased_filter_their_output(
    name: str, options: dict[str, Any]
) -> None:
    torch.manual_seed(0)
    plain = create_model(name, **options)
    filtered = create_model(name, **options, antialiased=True)
    filtered.load_state_dict(plain.state_dict())
    hole = torch.zeros(1, 1, 64, 64)
    hole[:, :, 20:50, 20:50] = 1.0
    image = 0.2 * (torch.rand(1, 3, 64, 64) * 2 - 1) * (1 - hole)
    with torch.no_grad():
        if name == "gated":
            found, expected = (one.paint(image, hole)[1] for one in (filtered, plain))
        else:
            guess = 0.2 * (torch.rand(1, 3, 64, 64) * 2 - 1)
            found, expected = (one.add_detail(image, hole, guess) for one in (filtered, plain))
    assert expected.abs().max() < 1.0
    torch.testing.assert_close(found, antialias(expected))
