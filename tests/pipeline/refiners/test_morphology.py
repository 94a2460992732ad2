from __future__ import annotations

import cv2
import numpy as np
import pytest

from pipeline.refiners.morphology import MorphologyRefiner
from pipeline.refiners.unchanged import UnchangedRefiner
from tests.conformance import RefinerConformance
from tests.conformance.scenes import disc, scene
from weights.base.errors import InputError
from weights.base.regions import MaskRegion

SKIN, CLOTH = (190, 150, 130), (90, 140, 200)


class TestMorphology(RefinerConformance):
    def make(self):
        return MorphologyRefiner()


class TestMorphologyWithoutSnap(RefinerConformance):
    def make(self):
        return MorphologyRefiner(snap=0.0, straps=False)


class TestUnchanged(RefinerConformance):
    least_cover = 1.0

    def make(self):
        return UnchangedRefiner()


def _mask(width, canvas=2.0):
    """A mask-shaped patch of a given width in the middle of a square picture."""
    side = int(width * canvas)
    shape = np.array([[-0.5, -0.3], [0, -0.42], [0.5, -0.3], [0.4, 0.2], [0, 0.42], [-0.4, 0.2]])
    mask = np.zeros((side, side), np.uint8)
    cv2.fillPoly(mask, [np.rint(shape * width + side / 2).astype(np.int32)], 1)
    return mask.astype(bool)


def _picture(mask):
    image = np.full((*mask.shape, 3), SKIN, np.uint8)
    image[mask] = CLOTH
    return image


def _one_hole(refiner, mask, image=None):
    found = refiner.refine(_picture(mask) if image is None else image, [MaskRegion.from_mask(mask)])
    assert len(found) == 1
    return found[0]


@pytest.mark.parametrize("width", [20, 40, 120, 300, 700, 1600])
def test_the_hole_reaches_past_the_mask_by_a_share_of_its_width(width):
    mask = _mask(width)
    hole = _one_hole(MorphologyRefiner(growth=0.05, least_growth=2.0, edge=False), mask)
    assert (hole | ~mask).all()
    outside = cv2.distanceTransform((~mask).view(np.uint8), cv2.DIST_L2, 5)
    reach = outside[hole].max()
    wanted = max(0.05 * width, 2.0)
    assert wanted * 0.8 - 1 < reach < wanted * 1.3 + 1.5
    # And it is even: nearly all of the rim right round the mask is in it.
    rim = ~mask & (outside <= 0.6 * wanted)
    assert (hole & rim).sum() > 0.97 * rim.sum()


def test_without_growth_and_snap_area_is_kept_and_the_outline_is_smooth():
    mask = _mask(200)
    random = np.random.default_rng(0)
    jagged = mask.copy()
    edge = cv2.morphologyEx(mask.astype(np.uint8), cv2.MORPH_GRADIENT, np.ones((7, 7))) > 0
    jagged[edge] = random.random(int(edge.sum())) < 0.5
    refiner = MorphologyRefiner(growth=0.0, least_growth=0.0, snap=0.0, edge=False)
    hole = _one_hole(refiner, jagged)
    assert hole.sum() >= 0.99 * mask.sum()
    assert (hole & mask).sum() / (hole | mask).sum() > 0.9

    def outline(array):
        curves, _ = cv2.findContours(array.astype(np.uint8), cv2.RETR_LIST, cv2.CHAIN_APPROX_NONE)
        return sum(cv2.arcLength(curve, True) for curve in curves)

    assert outline(hole) < 1.1 * outline(mask) < outline(jagged)


def test_an_outline_that_is_off_snaps_to_the_picture():
    mask = _mask(160)
    image = cv2.GaussianBlur(_picture(mask), (0, 0), 0.8)
    shifted = np.roll(mask, (6, -5), (0, 1))
    options = {"growth": 0.0, "least_growth": 0.0, "edge": False}

    def overlap(refiner):
        hole = _one_hole(refiner, shifted, image)
        return (hole & mask).sum() / (hole | mask).sum()

    assert overlap(MorphologyRefiner(snap=0.0, **options)) < 0.93
    assert overlap(MorphologyRefiner(snap=0.1, **options)) > 0.96


def test_the_edge_of_a_large_mask_is_found_at_full_size():
    mask = _mask(1200)
    image = cv2.GaussianBlur(_picture(mask), (0, 0), 1.0)
    # As coarse as a mask that was outlined in a cut of 142 pixels' width.
    side = round(mask.shape[0] * 142 / 1200)
    small = cv2.resize(mask.astype(np.float32), (side, side), interpolation=cv2.INTER_AREA)
    small = (cv2.GaussianBlur(small, (0, 0), 1.0) > 0.5).astype(np.float32)
    coarse = cv2.resize(small, mask.shape[::-1], interpolation=cv2.INTER_LINEAR) > 0.5
    options = {"growth": 0.0, "least_growth": 0.0, "edge": False, "smoothing": 0.0}

    def error(hole):
        return np.count_nonzero(hole != mask) / mask.sum()

    plain = error(_one_hole(MorphologyRefiner(snap=0.0, **options), coarse, image))
    snapped = error(_one_hole(MorphologyRefiner(**options), coarse, image))
    assert snapped < 0.6 * plain and snapped < 0.01


def test_a_print_on_the_mask_is_no_outline():
    mask = _mask(160)
    image = _picture(mask)
    random = np.random.default_rng(0)
    blotches = cv2.GaussianBlur(random.normal(size=mask.shape), (0, 0), 6) > 0
    image[mask & blotches] = SKIN
    hole = _one_hole(MorphologyRefiner(), mask, image)
    assert (hole & mask).sum() > 0.97 * mask.sum()


def test_inner_holes_and_gaps_are_filled_and_specks_dropped():
    mask = _mask(200)
    region = mask.copy()
    region[190:210, 190:210] = False
    region[100:300, 230:234] = False
    region[10:14, 10:14] = True
    hole = _one_hole(MorphologyRefiner(snap=0.0), region)
    assert (hole | ~mask).all()
    assert not hole[:40, :40].any()


def test_pieces_of_one_mask_are_joined():
    mask = _mask(200)
    upper, lower = mask.copy(), mask.copy()
    upper[240:], lower[:246] = False, False
    image = _picture(mask)
    regions = [MaskRegion.from_mask(part) for part in (lower, upper)]
    assert len(MorphologyRefiner().refine(image, regions)) == 1


def test_one_mask_found_twice_is_one_hole():
    mask = _mask(100)
    regions = [MaskRegion.from_mask(m) for m in (mask, np.roll(mask, 4, 1))]
    assert len(MorphologyRefiner().refine(_picture(mask), regions)) == 1


def test_faces_cheek_to_cheek_stay_apart():
    mask = _mask(100, canvas=4.0)
    left, right = np.roll(mask, -51, 1), np.roll(mask, 51, 1)
    regions = [MaskRegion.from_mask(m) for m in (left, right)]
    assert len(MorphologyRefiner().refine(_picture(left | right), regions)) == 2


def _with_loop(width):
    mask = _mask(width)
    side = mask.shape[0]
    loop = np.zeros(mask.shape, np.uint8)
    centre = (round(side / 2 + 0.6 * width), round(side / 2 - 0.08 * width))
    axes = (round(0.14 * width), round(0.2 * width))
    cv2.ellipse(loop, centre, axes, 0, 0, 360, 1, max(2, width // 60))
    return mask, mask | loop.astype(bool), centre


@pytest.mark.parametrize("width", [120, 300, 900])
def test_a_loop_is_kept_and_what_it_encloses_is_not_filled(width):
    _, region, (x, y) = _with_loop(width)
    hole = _one_hole(MorphologyRefiner(), region, _picture(region))
    assert (hole & region).sum() > 0.99 * region.sum()
    assert not hole[y, x + round(0.02 * width)]


def test_straps_do_not_widen_the_growth():
    bare = np.zeros((200, 300), bool)
    bare[80:140, 110:190] = True
    strapped = bare.copy()
    strapped[90:93, 10:290] = True
    refiner = MorphologyRefiner(snap=0.0, growth=0.1, least_growth=0.0, edge=False)
    alone = _one_hole(refiner, bare)
    hung = _one_hole(refiner, strapped)
    assert hung[91, 15:285].all()
    rows = slice(100, 200)
    assert (hung[rows] == alone[rows]).mean() > 0.99


def test_straps_that_are_told_apart_stay_thin_or_go():
    mask = _mask(300)
    straps = np.zeros_like(mask)
    # Thicker than what would be taken for a strap by itself.
    straps[270:300, 440:590] = True
    straps &= ~mask
    region = MaskRegion.from_mask(mask | straps, straps=straps)
    image = _picture(mask | straps)
    [kept] = MorphologyRefiner().refine(image, [region])
    [gone] = MorphologyRefiner(straps=False).refine(image, [region])
    bodied = MaskRegion.from_mask(mask, straps=np.zeros_like(mask))
    [bare] = MorphologyRefiner().refine(image, [bodied])
    assert kept[straps].all() and kept[mask].all()
    assert (gone == bare).mean() > 0.999 and gone[straps].mean() < 0.2
    assert not kept[240:262, 480:].any(), "the gap above the strap is no part of it"


def test_a_blurred_mask_gets_a_wider_rim_than_a_sharp_one():
    mask = _mask(300)
    refiner = MorphologyRefiner(growth=0.0, least_growth=0.0, snap=0.0, smoothing=0.0)
    sharp = _picture(mask)
    outside = cv2.distanceTransform((~mask).view(np.uint8), cv2.DIST_L2, 5)
    reaches = {}
    for deviation in (0.0, 1.5, 3.0):
        image = cv2.GaussianBlur(sharp, (0, 0), deviation) if deviation else sharp
        reaches[deviation] = outside[_one_hole(refiner, mask, image)].max()
        changed = np.abs(image.astype(int) - SKIN).max(2) > 0.08 * 110
        assert not (changed & ~_one_hole(refiner, mask, image)).any()
    assert reaches[0.0] < 2.5 < reaches[1.5] < reaches[3.0] <= 7.0


def test_straps_can_be_cut_off():
    mask, region, (x, _) = _with_loop(300)
    hole = _one_hole(MorphologyRefiner(straps=False, snap=0.0), region)
    assert not hole[:, x + 21 :].any()
    assert (hole & mask).sum() > 0.99 * mask.sum()


@pytest.mark.parametrize("edge", ["top", "bottom", "left", "right"])
def test_a_mask_cut_by_the_frame_fills_up_to_it(edge):
    mask = _mask(120)
    middle = 120
    cut = {
        "top": mask[middle:],
        "bottom": mask[:middle],
        "left": mask[:, middle:],
        "right": mask[:, :middle],
    }[edge]
    cut = np.ascontiguousarray(cut)
    hole = _one_hole(MorphologyRefiner(), cut)
    assert (hole | ~cut).all()


def test_scale_does_not_matter():
    small, large = _mask(150), _mask(600)
    first = _one_hole(MorphologyRefiner(least_growth=0.0), small)
    second = _one_hole(MorphologyRefiner(least_growth=0.0), large)
    second = cv2.resize(second.astype(np.float32), first.shape[::-1], interpolation=cv2.INTER_AREA)
    second = second >= 0.5
    assert (first & second).sum() / (first | second).sum() > 0.97


def test_regions_of_another_size_are_refused():
    region = MaskRegion.from_mask(disc((20, 20)))
    with pytest.raises(InputError, match="height and width"):
        MorphologyRefiner().refine(scene((21, 20)), [region])


@pytest.mark.parametrize("option", ["growth", "speck", "closing", "smoothing", "strap", "snap"])
@pytest.mark.parametrize("value", [-0.01, 1.5, float("nan")])
def test_options_out_of_range_are_refused(option, value):
    with pytest.raises(InputError, match=option):
        MorphologyRefiner(**{option: value})
