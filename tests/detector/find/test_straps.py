"""Straps are joined with the mask they hang on, and faint ones must look like straps."""

import cv2
import numpy as np
import pytest

from detector.find.straps import strap_like, with_straps


def test_straps_come_with_the_mask_they_hang_on():
    mask, straps = np.zeros((2, 80, 120), bool)
    mask[30:60, 40:80] = True
    straps[40:42, 82:110] = True  # begins two pixels off
    straps[44:46, 5:30] = True  # of somebody else
    joined = with_straps(mask, straps)
    assert joined[mask].all() and joined[40:42, 80:110].all()
    assert not joined[:, :35].any()
    assert joined.sum() < mask.sum() + 2 * 30 + 20
    assert (with_straps(mask, np.zeros_like(mask)) == mask).all()


def scene():
    """A mask, skin with a strap that runs up from it beyond a gap, and where the strap is."""
    mask, strap = np.zeros((2, 120, 160), bool)
    mask[60:100, 30:90] = True
    line = np.zeros((120, 160), np.uint8)
    cv2.line(line, (100, 55), (150, 20), 1, 3)
    strap |= line.astype(bool)
    image = np.full((120, 160, 3), 120, np.uint8)
    image[strap] = 170
    return mask, strap, image


def test_a_faint_strap_that_points_at_the_mask_is_joined_with_a_bridge():
    mask, strap, image = scene()
    faint = strap_like(strap, image, mask)
    assert np.array_equal(faint, strap)
    joined = with_straps(mask, np.zeros_like(mask), faint)
    assert joined[strap].all() and joined[mask].all()
    assert cv2.connectedComponents(joined.view(np.uint8), connectivity=8)[0] == 2
    assert joined.sum() < mask.sum() + strap.sum() + 100


def test_a_faint_strap_that_passes_the_mask_by_is_none_of_its_own():
    mask, _, image = scene()
    rim = np.zeros_like(mask)
    rim[50:53, 35:85] = True
    image[rim] = 20
    faint = strap_like(rim, image, mask)
    assert faint.any()
    assert np.array_equal(with_straps(mask, np.zeros_like(mask), faint), mask)


def test_a_strap_goes_on_where_it_is_faint():
    mask, _, image = scene()
    sure, whole = np.zeros_like(mask), np.zeros_like(mask)
    sure[70:73, 90:110] = True
    whole[70:73, 90:140] = True
    image[whole] = 200
    joined = with_straps(mask, sure, strap_like(whole, image, mask))
    assert joined[whole].all()


@pytest.mark.parametrize("flaw", ["without contrast", "an edge", "wide", "short", "round"])
def test_what_is_no_strap_is_dropped(flaw):
    mask, strap, image = scene()
    if flaw == "without contrast":
        image[:] = 120
    elif flaw == "an edge":
        image[:] = 120
        image[:, :125] = 200
        strap[:] = False
        strap[20:60, 124:127] = True
    elif flaw == "wide":
        strap = cv2.dilate(strap.view(np.uint8), np.ones((25, 25), np.uint8)).astype(bool)
    elif flaw == "short":
        strap[:, 103:] = False
    elif flaw == "round":
        ring = cv2.circle(np.zeros((120, 160), np.uint8), (125, 40), 15, 1, 2)
        strap = ring.astype(bool)
        image[:], image[strap] = 120, 200
    assert not strap_like(strap, image, mask).any()
