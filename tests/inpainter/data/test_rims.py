"""Rims of cloth that a hole left, which networks learn to distrust."""

from __future__ import annotations

import numpy as np
import torch

from inpainter.data.rims import stain_rims
from inpainter.training.network_batch import to_network


def hole_of(side: int = 128) -> torch.Tensor:
    hole = torch.zeros(6, 1, side, side)
    hole[:, :, side // 3 : side // 2, side // 3 : side // 2] = 1.0
    return hole


def test_what_is_in_the_hole_and_far_from_it_stays() -> None:
    torch.manual_seed(0)
    image, hole = torch.full((6, 3, 128, 128), 0.2), hole_of()
    changed = (stain_rims(image, hole, 1.0) != image).any(dim=1, keepdim=True)
    assert changed.flatten(1).any(dim=1).all()
    assert not (changed & (hole > 0.5)).any()
    far = torch.nn.functional.max_pool2d(hole, 33, 1, 16) == 0
    assert not (changed & far).any()


def test_cloth_is_next_to_the_hole_only() -> None:
    torch.manual_seed(1)
    image, hole = torch.full((6, 3, 128, 128), 0.2), hole_of()
    stained = stain_rims(image, hole, 1.0)
    # A shadow darkens a grey picture and keeps it grey; cloth has colours.
    coloured = (stained.amax(dim=1) - stained.amin(dim=1)) > 0.05
    near = torch.nn.functional.max_pool2d(hole, 5, 1, 2)[:, 0] > 0
    assert coloured.any() and not (coloured & ~near).any()


def test_the_share_is_that_of_the_pictures() -> None:
    torch.manual_seed(2)
    image = torch.zeros(200, 3, 32, 32)
    hole = torch.zeros(200, 1, 32, 32)
    hole[:, :, 8:24, 8:24] = 1.0
    assert torch.equal(stain_rims(image, hole, 0.0), image)
    touched = (stain_rims(image, hole, 0.3) != image).flatten(1).any(dim=1).float().mean()
    assert 0.2 < touched < 0.4


def test_what_is_learned_from_is_the_clean_face() -> None:
    torch.manual_seed(3)
    hole = np.zeros((4, 32, 32), bool)
    hole[:, 8:24, 8:24] = True
    batch = {
        "image": torch.full((4, 32, 32, 3), 90, dtype=torch.uint8),
        "hole": torch.from_numpy(hole),
        "inside": torch.ones(4, 32, 32, dtype=torch.bool),
    }
    pictures = to_network(batch, masked=False, rims=1.0)
    assert torch.equal(pictures.known, pictures.image)
    assert not torch.equal(pictures.seen, pictures.image)
