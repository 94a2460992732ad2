from __future__ import annotations

import numpy as np
import pytest

from pipeline.blenders.membrane import spread


def test_a_constant_spreads_as_it_is():
    values = np.zeros((50, 70, 3), np.float32)
    weight = np.zeros((50, 70), np.float32)
    weight[0], values[0] = 1.0, (3.0, -2.0, 1.0)
    assert np.allclose(spread(values, weight), (3.0, -2.0, 1.0), atol=1e-4)


def test_nothing_known_is_zero():
    assert not spread(np.ones((9, 8, 3), np.float32), np.zeros((9, 8), np.float32)).any()


def test_between_two_walls_it_is_a_ramp():
    values = np.zeros((33, 65, 1), np.float32)
    weight = np.zeros((33, 65), np.float32)
    weight[:, 0] = weight[:, -1] = 1.0
    values[:, -1] = 64.0
    field = spread(values, weight)[:, :, 0]
    assert np.abs(field - np.arange(65)).max() < 2.5


@pytest.mark.parametrize("size", [(1, 1), (1, 20), (3, 2), (40, 33)])
def test_known_values_hold_and_the_rest_stays_between_them(size):
    random = np.random.default_rng(size)
    values = random.normal(size=(*size, 3)).astype(np.float32)
    weight = (random.random(size) < 0.3).astype(np.float32)
    weight[0, 0] = 1.0
    field = spread(values, weight)
    known = weight > 0
    assert np.allclose(field[known], values[known])
    assert field.min() >= values[known].min() - 1e-4
    assert field.max() <= values[known].max() + 1e-4
