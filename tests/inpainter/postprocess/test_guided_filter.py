from __future__ import annotations

import numpy as np

from inpainter.postprocess.guided_filter import guided_filter


def test_a_flat_guide_gives_a_mean():
    guide = np.full((40, 40, 3), 0.5, np.float32)
    plane = np.zeros((40, 40), np.float32)
    plane[:, 20:] = 1.0
    result = guided_filter(guide, plane, 4, 1e-3)
    assert np.abs(result[:, :8]).max() < 1e-3
    assert 0.3 < result[20, 19] < 0.7


def test_an_edge_moves_to_the_edge_of_the_guide():
    guide = np.zeros((40, 60, 3), np.float32)
    guide[:, 30:] = (0.2, 0.7, 0.4)
    plane = np.zeros((40, 60), np.float32)
    plane[:, 33:] = 1.0
    result = guided_filter(guide, plane, 8, 1e-4) >= 0.5
    expected = np.zeros((40, 60), bool)
    expected[:, 30:] = True
    assert np.array_equal(result, expected)


def test_edges_of_equal_luminance_are_seen():
    guide = np.zeros((40, 60, 3), np.float32)
    guide[:, :30, 0] = 0.5
    guide[:, 30:, 2] = 0.5
    plane = np.zeros((40, 60), np.float32)
    plane[:, 27:] = 1.0
    result = guided_filter(guide, plane, 8, 1e-4) >= 0.5
    assert not result[:, :30].any()
    assert result[:, 30:].all()
