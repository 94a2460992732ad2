"""What every inpainter holds to."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
import pytest

from pipeline.stages.checks import check_fills
from tests.conformance.scenes import SIZES, disc, holes, scene
from weights.base.protocols import Inpainter

HOLES = sorted(holes((1, 1)))


class InpainterConformance:
    """Checks of an inpainter; a subclass overrides `make`.

    Attributes:
        sides: sides of the square crops that are tried.
        tolerance: largest difference in grey levels that counts as the same, for networks whose
            sums depend on the batch's size.
    """

    sides: ClassVar[tuple[int, ...]] = (1, 2, 17, 64)
    tolerance: ClassVar[int] = 0

    def make(self) -> Any:
        raise NotImplementedError

    def same(self, first: Any, second: Any) -> bool:
        apart = np.abs(first.astype(np.int16) - second.astype(np.int16))
        return bool(apart.max(initial=0) <= self.tolerance)

    def test_has_the_method(self):
        assert isinstance(self.make(), Inpainter)

    def test_no_crops_give_no_pictures(self):
        assert list(self.make().complete([], [])) == []

    @pytest.mark.parametrize("name", HOLES)
    def test_each_crop_comes_back_in_its_size(self, name):
        sizes = [(side, side) for side in self.sides]
        crops = [scene(size) for size in sizes]
        inpainter = self.make()
        fills = inpainter.complete(crops, [holes(size)[name] for size in sizes])
        check_fills(inpainter, fills, crops)

    def test_a_batch_gives_what_its_crops_give_one_by_one(self):
        sizes = [(side, side) for side in self.sides]
        crops, missing = [scene(size) for size in sizes], [disc(size) for size in sizes]
        inpainter = self.make()
        together = inpainter.complete(crops, missing)
        for crop, hole, fill in zip(crops, missing, together, strict=True):
            assert self.same(inpainter.complete([crop], [hole])[0], fill)

    def test_the_mask_under_the_hole_never_shows(self):
        size = (64, 64)
        crop, hole = scene(size), disc(size)
        other = crop.copy()
        other[hole] = (255, 0, 255)
        inpainter = self.make()
        expected, fill = (inpainter.complete([one], [hole])[0] for one in (crop, other))
        assert self.same(fill[hole], expected[hole])

    def test_arguments_are_left_alone(self):
        size = (64, 64)
        crop, hole = scene(size), disc(size)
        copies = crop.copy(), hole.copy()
        fill = self.make().complete([crop], [hole])[0]
        fill.setflags(write=True)
        fill[:] = 0
        assert np.array_equal(copies[0], crop)
        assert np.array_equal(copies[1], hole)

    def test_odd_shapes_are_kept(self):
        inpainter = self.make()
        crops = [scene(size) for size in SIZES]
        check_fills(inpainter, inpainter.complete(crops, [disc(size) for size in SIZES]), crops)
