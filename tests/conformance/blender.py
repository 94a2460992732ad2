"""What every blender holds to."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tests.conformance.scenes import SIZES, disc, holes, scene
from weights.base.errors import InputError
from weights.base.protocols import Blender

HOLES = sorted(holes((1, 1)))


class BlenderConformance:
    """Checks of a blender; a subclass overrides `make`."""

    def make(self) -> Any:
        raise NotImplementedError

    def test_has_the_method(self):
        assert isinstance(self.make(), Blender)

    @pytest.mark.parametrize("name", HOLES)
    @pytest.mark.parametrize("size", SIZES)
    def test_outside_the_hole_every_bit_is_kept(self, size, name):
        image, fill, hole = scene(size), scene(size, seed=1), holes(size)[name]
        result = self.make().blend(image, fill, hole)
        assert result.shape == image.shape
        assert result.dtype == np.uint8
        assert np.array_equal(result[~hole], image[~hole])

    @pytest.mark.parametrize("name", HOLES)
    @pytest.mark.parametrize("size", SIZES)
    def test_a_constant_picture_stays_constant(self, size, name):
        image = np.full((*size, 3), (203, 131, 7), np.uint8)
        result = self.make().blend(image, image.copy(), holes(size)[name])
        assert np.array_equal(result, image)

    @pytest.mark.parametrize("name", HOLES)
    def test_the_mask_under_the_hole_never_shows(self, name):
        size = (97, 140)
        image, fill, hole = scene(size), scene(size, seed=1), holes(size)[name]
        other = image.copy()
        other[hole] = (255, 0, 255)
        blender = self.make()
        expected, result = blender.blend(image, fill, hole), blender.blend(other, fill, hole)
        assert np.array_equal(result[hole], expected[hole])

    def test_arguments_are_left_alone(self):
        size = (64, 64)
        image, fill, hole = scene(size), scene(size, seed=1), disc(size)
        copies = image.copy(), fill.copy(), hole.copy()
        result = self.make().blend(image, fill, hole)
        result[:] = 0
        for before, after in zip(copies, (image, fill, hole), strict=True):
            assert np.array_equal(before, after)

    def test_the_same_again_gives_the_same(self):
        size = (97, 140)
        image, fill, hole = scene(size), scene(size, seed=1), disc(size)
        first = self.make().blend(image, fill, hole)
        assert np.array_equal(first, self.make().blend(image, fill, hole))

    @pytest.mark.parametrize(
        ("fill_shape", "hole_shape"), [((8, 9, 3), (8, 8)), ((8, 8, 3), (9, 8)), ((8, 8), (8, 8))]
    )
    def test_sizes_that_differ_are_refused(self, fill_shape, hole_shape):
        image = np.zeros((8, 8, 3), np.uint8)
        with pytest.raises(InputError):
            self.make().blend(image, np.zeros(fill_shape, np.uint8), np.ones(hole_shape, np.bool_))
