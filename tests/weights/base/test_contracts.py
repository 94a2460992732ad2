from __future__ import annotations

import numpy as np
import pytest

from weights.base.contracts import check_image, check_mask
from weights.base.errors import InputError


def test_what_is_right_is_handed_back_itself():
    image, mask = np.zeros((2, 3, 3), np.uint8), np.zeros((2, 3), bool)
    assert check_image(image) is image
    assert check_mask(mask) is mask
    assert check_mask(mask, (2, 3)) is mask


@pytest.mark.parametrize(
    "image",
    [
        None,
        "photo.jpg",
        [[1]],
        np.zeros((2, 3), np.uint8),
        np.zeros((2, 3, 4), np.uint8),
        np.zeros((3, 2, 3), np.float32),
        np.zeros((0, 3, 3), np.uint8),
    ],
)
def test_what_is_no_image_is_refused(image):
    with pytest.raises(InputError, match=r"the photo must be a uint8 RGB array .* but got"):
        check_image(image, "the photo")


@pytest.mark.parametrize(
    "mask", [None, np.zeros((2, 3), np.uint8), np.zeros((2, 3, 1), bool), np.zeros((0, 3), bool)]
)
def test_what_is_no_mask_is_refused(mask):
    with pytest.raises(InputError, match="mask must be a bool array"):
        check_mask(mask)


def test_a_mask_of_another_size_is_refused():
    with pytest.raises(InputError, match=r"\(4, 5\).*\(2, 3\)"):
        check_mask(np.zeros((2, 3), bool), (4, 5))
