"""What functions that find masks commonly return."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
import torch

from pipeline import InputError, MaskRegion, Pipeline
from tests.conformance.scenes import scene

RESULTS = SimpleNamespace(
    orig_shape=(60, 80),
    names={0: "face mask"},
    boxes=SimpleNamespace(conf=np.array([0.75, 0.5]), cls=np.array([0.0, 0.0])),
    masks=SimpleNamespace(
        xy=[np.array([[10, 20], [29, 20], [29, 39], [10, 39]], np.float32), np.zeros((0, 2))]
    ),
)
TWO = np.zeros((2, 60, 80), bool)
TWO[0, 20:40, 10:30] = TWO[1, 20:40, 40:60] = True


@pytest.mark.parametrize(
    ("found", "count"),
    [
        (TWO, 2),
        (TWO.astype(np.uint8) * 255, 2),
        (list(TWO), 2),
        (TWO[0] + 2 * TWO[1].astype(np.int64), 2),
        (TWO[0] + 2 * TWO[1].astype(np.uint8), 2),
        (TWO[0].astype(np.uint8), 1),
        (TWO[0].astype(np.uint8) * 255, 1),
        (np.full((60, 80), 90, np.uint8), 0),
        (torch.from_numpy(TWO), 2),
        ([MaskRegion.from_mask(TWO[0]), TWO[1]], 2),
        (RESULTS, 1),
        ([RESULTS], 1),
        (SimpleNamespace(orig_shape=(60, 80), masks=None), 0),
        ([], 0),
        (TWO[:0], 0),
    ],
)
def test_a_function_may_return_what_detectors_commonly_give(found, count):
    (regions,) = Pipeline(detector=lambda image: found).detector.detect([scene((60, 80))])
    assert len(regions) == count
    assert [np.array_equal(one.mask, TWO[index]) for index, one in enumerate(regions)] == (
        [True] * count
    )
    if found is RESULTS:
        assert (regions[0].score, regions[0].label) == (0.75, "face mask")


@pytest.mark.parametrize("found", [TWO[0].astype(float), [TWO.astype(float)], {"mask": TWO}])
def test_a_wrong_return_is_told_what_would_fit(found):
    pipeline = Pipeline(detector=lambda image: found)
    with pytest.raises(InputError, match=r"MaskRegion\.from_mask\(mask\).*scores > 0\.5"):
        pipeline(scene((60, 80)))


def test_a_real_detector_of_ultralytics_fits_as_it_is():
    from ultralytics.engine.results import Results

    data = torch.zeros((1, 60, 80))
    data[0, 20:40, 10:30] = 1
    boxes = torch.tensor([[10.0, 20.0, 30.0, 40.0, 0.5, 0.0]])
    results = Results(scene((60, 80)), "", {0: "mask"}, boxes=boxes, masks=data)
    (regions,) = Pipeline(detector=lambda image: [results]).detector.detect([scene((60, 80))])
    assert [region.score for region in regions] == [0.5]
    assert np.count_nonzero(regions[0].mask ^ TWO[0]) <= 2
