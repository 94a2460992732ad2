"""What every detector holds to."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np

from pipeline.stages.checks import check_regions
from tests.conformance.scenes import SIZES, scene
from weights.base.protocols import Detector


class DetectorConformance:
    """Checks of a detector; a subclass overrides `make`, and `pictures` with some that hold masks.

    Attributes:
        finds_nothing_in_flat: a picture of one colour holds no mask.
    """

    finds_nothing_in_flat: ClassVar[bool] = True

    def make(self) -> Any:
        raise NotImplementedError

    def pictures(self) -> list[Any]:
        return [scene(size) for size in SIZES]

    def test_has_the_method(self):
        assert isinstance(self.make(), Detector)

    def test_no_pictures_give_no_lists(self):
        assert list(self.make().detect([])) == []

    def test_regions_are_of_each_picture_s_size(self):
        images = [*self.pictures(), *(scene(size) for size in SIZES)]
        detector = self.make()
        check_regions(detector, detector.detect(images), images)

    def test_a_batch_gives_what_its_pictures_give_one_by_one(self):
        images = self.pictures()
        detector = self.make()
        for image, regions in zip(images, detector.detect(images), strict=True):
            alone = detector.detect([image])[0]
            assert len(alone) == len(regions)
            for first, second in zip(alone, regions, strict=True):
                assert np.array_equal(first.mask, second.mask)
                assert np.allclose(first.box, second.box, atol=0.01)
                assert abs(first.score - second.score) < 1e-3

    def test_a_flat_picture_holds_no_mask(self):
        if self.finds_nothing_in_flat:
            for value in (0, 128, 255):
                assert self.make().detect([np.full((64, 80, 3), value, np.uint8)]) == [[]]

    def test_pictures_are_left_alone(self):
        images = self.pictures()
        copies = [image.copy() for image in images]
        self.make().detect(images)
        assert all(np.array_equal(a, b) for a, b in zip(copies, images, strict=True))
