from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from weights.base.errors import InputError
from weights.base.regions import MaskRegion, bounding_box

MASK = np.zeros((6, 8), bool)
MASK[2:5, 3:7] = True


def test_from_mask_has_the_tight_box() -> None:
    region = MaskRegion.from_mask(MASK)
    assert region.box == (3.0, 2.0, 7.0, 5.0)
    assert (region.score, region.label) == (1.0, "mask")
    assert region.size == (6, 8)
    assert region.area == 12
    assert (region.width, region.height) == (4.0, 3.0)


def test_straps_are_part_of_the_mask_and_not_of_its_body() -> None:
    straps = np.zeros_like(MASK)
    straps[2, 3:7] = True
    region = MaskRegion.from_mask(MASK, straps=straps)
    assert (region.body == (MASK & ~straps)).all() and region.area == 12
    assert MaskRegion.from_mask(MASK).body is MASK
    with pytest.raises(InputError, match="straps of a region"):
        MaskRegion.from_mask(MASK, straps=straps[:3])


def test_values_become_plain_floats() -> None:
    region = MaskRegion(MASK, np.array([0, 1, 2, 3]), np.float32(0.5), "cloth")  # type: ignore[arg-type]
    assert region.box == (0.0, 1.0, 2.0, 3.0)
    assert type(region.box[0]) is float
    assert type(region.score) is float


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"mask": MASK.astype(np.uint8)}, "mask of a region must be a bool array .* got uint8"),
        ({"mask": MASK[None]}, r"got bool array of shape \(1, 6, 8\)"),
        ({"box": (0, 0, 1)}, "four finite numbers"),
        ({"box": (0, 0, float("nan"), 1)}, "four finite numbers"),
        ({"box": "none"}, "four finite numbers"),
        ({"box": (2, 0, 1, 1)}, "x0 <= x1"),
        ({"score": 1.2}, "from 0 to 1, but got 1.2"),
        ({"score": "high"}, "from 0 to 1, but got 'high'"),
        ({"score": float("nan")}, "from 0 to 1"),
        ({"label": 3}, "label of a region must be a string, but got int"),
    ],
)
def test_wrong_fields_are_refused(changes: dict[str, Any], sentence: str) -> None:
    fields: dict[str, Any] = {"mask": MASK, "box": (0, 0, 1, 1), "score": 0.5, "label": "mask"}
    with pytest.raises(InputError, match=sentence):
        MaskRegion(**{**fields, **changes})


def test_empty_masks_have_no_box() -> None:
    assert bounding_box(np.zeros((3, 3), bool)) is None
    with pytest.raises(InputError, match="has none"):
        MaskRegion.from_mask(np.zeros((3, 3), bool))


def test_regions_cannot_be_changed() -> None:
    with pytest.raises(AttributeError):
        MaskRegion.from_mask(MASK).score = 0.2  # type: ignore[misc]
