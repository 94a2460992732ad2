from __future__ import annotations

import numpy as np
import pytest
from skimage.data import astronaut

from pipeline.blenders.feather import FeatherBlender
from pipeline.blenders.paste import PasteBlender
from pipeline.blenders.poisson import PoissonBlender
from tests.conformance import BlenderConformance
from tests.conformance.scenes import disc
from weights.base.errors import InputError


class TestPaste(BlenderConformance):
    def make(self):
        return PasteBlender()


class TestFeather(BlenderConformance):
    def make(self):
        return FeatherBlender()


class TestFeatherWithoutGrain(BlenderConformance):
    def make(self):
        return FeatherBlender(grain=False)


class TestFeatherOfZero(BlenderConformance):
    def make(self):
        return FeatherBlender(feather=0.0)


class TestPoisson(BlenderConformance):
    def make(self):
        return PoissonBlender()


def test_paste_takes_the_fill_as_it_is():
    image, fill = np.zeros((8, 8, 3), np.uint8), np.full((8, 8, 3), 9, np.uint8)
    hole = disc((8, 8))
    assert (PasteBlender().blend(image, fill, hole)[hole] == 9).all()


@pytest.mark.parametrize("feather", [-0.1, 11.0, float("nan")])
def test_a_feather_out_of_range_is_refused(feather):
    with pytest.raises(InputError, match="feather"):
        FeatherBlender(feather=feather)


def _step_across_the_edge(image, hole):
    """Mean colour difference of neighbours across the hole's edge, less that of others near it."""
    plane = image.astype(np.float64)
    across = np.abs(plane[:, 1:] - plane[:, :-1]).mean(axis=2)
    edge = hole[:, 1:] != hole[:, :-1]
    return across[edge].mean() - across[~edge].mean()


@pytest.mark.parametrize("blender", [FeatherBlender(grain=False), PoissonBlender()])
@pytest.mark.parametrize("pasted", [True, False], ids=["fill is pasted", "fill goes on outside"])
@pytest.mark.parametrize("side", [48, 160, 700])
def test_a_shifted_fill_meets_the_picture_without_a_seam(blender, pasted, side):
    ramp = np.linspace(60, 180, side)
    truth = np.stack([np.add.outer(ramp, ramp) / 2] * 3, axis=2).astype(np.uint8)
    hole = disc((side, side), (0.6, 0.5), 0.3)
    fill = (truth + np.array([24, -18, 12])).astype(np.uint8)
    if pasted:
        fill[~hole] = truth[~hole]
    masked = truth.copy()
    masked[hole] = (0, 255, 0)
    result = blender.blend(masked, fill, hole)
    assert (
        _step_across_the_edge(fill if pasted else np.where(hole[..., None], fill, truth), hole) > 8
    )
    assert abs(_step_across_the_edge(result, hole)) < 1.5
    assert np.abs(result.astype(int) - truth).max() <= 4


@pytest.mark.parametrize("blender", [FeatherBlender(grain=False), PoissonBlender()])
def test_a_light_that_grows_to_one_side_is_matched_on_both(blender):
    size = (120, 160)
    truth = np.full((*size, 3), 128, np.uint8)
    drift = np.linspace(-25, 25, size[1])[None, :, None]
    hole = disc(size, radius=0.25)
    fill = np.where(hole[..., None], truth + drift, truth).astype(np.uint8)
    result = blender.blend(truth, fill, hole).astype(int)
    rows, columns = np.nonzero(hole)
    left, right = columns < np.quantile(columns, 0.05), columns > np.quantile(columns, 0.95)
    for side in (left, right):
        before = np.abs(fill[rows[side], columns[side]].astype(int) - 128).mean()
        after = np.abs(result[rows[side], columns[side]] - 128).mean()
        assert after < 0.35 * before


def test_an_edge_of_the_scene_does_not_bleed_in():
    # Left of the hole there is black hair, elsewhere skin; the fill is right.
    size = (120, 120)
    truth = np.full((*size, 3), (190, 150, 130), np.uint8)
    truth[:, :30] = 10
    hole = np.zeros(size, np.bool_)
    hole[30:90, 30:90] = True
    result = FeatherBlender(grain=False).blend(truth, truth.copy(), hole)
    assert np.abs(result[hole].astype(int) - truth[hole]).mean() < 4


def test_feather_keeps_detail_of_the_fill():
    truth = astronaut()
    hole = disc(truth.shape[:2], (0.3, 0.44), 0.1)
    fill = np.where(hole[..., None], truth, 0).astype(np.uint8)
    fill[~hole] = truth[~hole]
    masked = truth.copy()
    masked[hole] = (0, 200, 255)
    for blender in (FeatherBlender(), PoissonBlender()):
        result = blender.blend(masked, fill, hole)
        apart = np.abs(result[hole].astype(int) - truth[hole])
        assert apart.mean() < 5
