"""What every refiner holds to."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
import pytest

from pipeline.stages.checks import check_holes
from tests.conformance.scenes import SIZES, disc, holes, scene
from weights.base.protocols import Refiner
from weights.base.regions import MaskRegion

HOLES = sorted(set(holes((1, 1))) - {"empty"})


class RefinerConformance:
    """Checks of a refiner; a subclass overrides `make`.

    Attributes:
        least_cover: share of a clean region that its hole covers at least.
    """

    least_cover: ClassVar[float] = 0.98

    def make(self) -> Any:
        raise NotImplementedError

    def test_has_the_method(self):
        assert isinstance(self.make(), Refiner)

    @pytest.mark.parametrize("size", SIZES)
    def test_nothing_found_leaves_nothing_to_fill(self, size):
        assert len(self.make().refine(scene(size), [])) == 0

    @pytest.mark.parametrize("size", SIZES)
    def test_an_empty_region_leaves_nothing_to_fill(self, size):
        region = MaskRegion(np.zeros(size, np.bool_), (0.0, 0.0, 0.0, 0.0))
        found = self.make().refine(scene(size), [region])
        assert not any(hole.any() for hole in found)

    @pytest.mark.parametrize("name", HOLES)
    @pytest.mark.parametrize("size", SIZES)
    def test_holes_are_bool_and_of_the_picture_s_size(self, size, name):
        image, refiner = scene(size), self.make()
        region = MaskRegion.from_mask(holes(size)[name])
        found = check_holes(refiner, refiner.refine(image, [region]), image)
        assert found
        assert all(hole.any() for hole in found)

    @pytest.mark.parametrize("radius", [0.02, 0.1, 0.3])
    def test_a_clean_region_is_covered(self, radius):
        size = (240, 320)
        mask = disc(size, radius=radius)
        image = scene(size)
        image[mask] = (90, 140, 220)
        found = self.make().refine(image, [MaskRegion.from_mask(mask)])
        assert len(found) == 1
        assert np.count_nonzero(found[0] & mask) >= self.least_cover * np.count_nonzero(mask)

    def test_two_faces_stay_two(self):
        size = (120, 300)
        masks = [disc(size, (0.5, x), 0.1) for x in (0.25, 0.75)]
        image = scene(size)
        image[masks[0] | masks[1]] = (90, 140, 220)
        found = self.make().refine(image, [MaskRegion.from_mask(mask) for mask in masks])
        assert len(found) == 2
        assert not (found[0] & found[1]).any()

    def test_arguments_are_left_alone(self):
        size = (64, 64)
        image, mask = scene(size), disc(size)
        copies = image.copy(), mask.copy()
        for hole in self.make().refine(image, [MaskRegion.from_mask(mask)]):
            hole[:] = True
        assert np.array_equal(copies[0], image)
        assert np.array_equal(copies[1], mask)

    def test_the_same_again_gives_the_same(self):
        size = (97, 140)
        image, region = scene(size), MaskRegion.from_mask(disc(size))
        first, second = self.make().refine(image, [region]), self.make().refine(image, [region])
        assert all(np.array_equal(a, b) for a, b in zip(first, second, strict=True))
