"""A system without shipped weights is an inpainter all the same, and says what to do."""

from __future__ import annotations

import numpy as np
import pytest

from inpainter import list_models
from pipeline import Pipeline
from weights.base.errors import WeightsError

UNSHIPPED = [*sorted(set(list_models()) - set(list_models(pretrained=True))), "semantic"]


def test_the_literatures_systems_ship_without_weights():
    assert {"aot-gan", "comodgan", "lama", "migan", "paired-gan", "residual-cnn"} <= set(UNSHIPPED)


@pytest.mark.parametrize("name", UNSHIPPED)
def test_the_pipeline_says_how_to_get_weights(name):
    picture = np.full((48, 48, 3), 90, np.uint8)
    hole = np.zeros((48, 48), bool)
    hole[20:30, 20:30] = True
    with pytest.raises(
        WeightsError, match=r"No weights of .* ship.*unmask train inpainter"
    ) as told:
        Pipeline(inpainter=name, device="cpu").run([picture], [hole])
    assert "\n" not in str(told.value)
