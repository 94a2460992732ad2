"""Fills are sharpened in use, without halos, and not while a network learns."""

from __future__ import annotations

import cv2
import numpy as np
import torch

from inpainter import create_model
from inpainter.networks.blocks.sharpening import sharpen


def test_it_adds_a_share_of_the_detail():
    # So smooth that no pixel is darkest or brightest of its surroundings by more than it gets.
    rows, columns = np.mgrid[:40, :40].astype(np.float32)
    smooth = np.stack([rows**2 / 1600, columns**2 / 1600, rows * columns / 1600])
    wanted = np.stack([2 * one - cv2.GaussianBlur(one, (9, 9), 1.3) for one in smooth])
    found = sharpen(torch.from_numpy(smooth)[None], 1.0)[0].numpy()
    inner = (slice(None), slice(8, -8), slice(8, -8))
    np.testing.assert_allclose(found[inner], wanted[inner], atol=1e-5)
    assert np.abs(wanted - smooth)[inner].max() > 1e-3


def test_an_edge_gets_steeper_and_no_halo():
    edge = torch.sigmoid((torch.arange(64.0) - 31.5) / 2.0).expand(1, 3, 64, 64)
    found = sharpen(edge, 2.0)
    assert found[0, 0, 32, 33] - found[0, 0, 32, 30] > 1.1 * (
        edge[0, 0, 32, 33] - edge[0, 0, 32, 30]
    )
    assert (found >= edge.min()).all() and (found <= edge.max()).all()
    step = (torch.arange(64) > 31).float().expand(1, 3, 64, 64)
    assert torch.equal(sharpen(step, 2.0), step)


def test_a_network_sharpens_in_use_only():
    torch.manual_seed(0)
    options = {"width": 4, "depth": 1, "refine_width": 4, "refine_depth": 1}
    plain = create_model("gated", **options)
    sharp = create_model("gated", **options, sharpening=0.5)
    sharp.load_state_dict(plain.state_dict())
    hole = torch.zeros(1, 1, 64, 64)
    hole[:, :, 20:50, 20:50] = 1.0
    image = (torch.rand(1, 3, 64, 64) * 2 - 1) * (1 - hole)
    with torch.no_grad():
        assert torch.equal(sharp(image, hole).prediction, plain(image, hole).prediction)
        expected = sharpen(plain.eval()(image, hole).prediction, 0.5)
        assert torch.equal(sharp.eval()(image, hole).prediction, expected)
    assert not torch.equal(expected, plain(image, hole).prediction)
