from __future__ import annotations

import json
import math
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

from detector.data.annotations import AnnotatedMask, AnnotatedPicture
from detector.evaluation.evaluate import evaluate_detector
from detector.evaluation.outcomes import PictureMeasurement
from weights.base.errors import InputError
from weights.base.regions import MaskRegion

if TYPE_CHECKING:
    from collections.abc import Sequence

    from detector.evaluation.report import DetectionReport

SIZE = 200


def outline(x0: float, y0: float, x1: float, y1: float) -> AnnotatedMask:
    return AnnotatedMask((np.array([[x0, y0], [x1, y0], [x1, y1], [x0, y1]], np.float64),))


def region(x0: int, y0: int, x1: int, y1: int, score: float = 0.9) -> MaskRegion:
    mask = np.zeros((SIZE, SIZE), bool)
    mask[y0:y1, x0:x1] = True
    return MaskRegion(mask, (x0, y0, x1, y1), score)


class Scripted:
    """Gives out regions that were written down."""

    def __init__(self, *regions: list[MaskRegion]) -> None:
        self.regions = list(regions)

    def detect(self, images: Sequence[np.ndarray]) -> list[list[MaskRegion]]:
        given, self.regions = self.regions[: len(images)], self.regions[len(images) :]
        return given


def measure(
    pictures: Sequence[AnnotatedPicture], *regions: list[MaskRegion], **options: object
) -> DetectionReport:
    return evaluate_detector(
        Scripted(*regions),
        pictures,
        load=lambda _: np.zeros((SIZE, SIZE, 3), np.uint8),
        **options,  # type: ignore[arg-type]
    )


def picture(
    *masks: AnnotatedMask, name: str = "a.png", tags: tuple[str, ...] = ()
) -> AnnotatedPicture:
    return AnnotatedPicture(Path(name), masks, tags)


# Outlines include their border pixels, so a square from 10 to 109 covers 100 pixels a side.
BIG = outline(10, 10, 109, 109)


def test_a_perfect_detector() -> None:
    report = measure([picture(BIG), picture()], [region(10, 10, 110, 110)], [])
    for value in (
        report.precision,
        report.recall,
        report.ap50,
        report.ap,
        report.box_precision,
        report.box_recall,
        report.box_ap50,
    ):
        assert value == pytest.approx(1.0)
    quality = report.quality["detector"]
    assert (quality.iou, quality.boundary_f) == (1.0, 1.0)
    assert (quality.residual, quality.excess) == (0.0, 0.0)
    assert report.unmasked_pictures == 1
    assert report.unmasked_changed == {"detector": 0.0}


def test_figures_by_hand() -> None:
    found = [region(10, 10, 110, 90), region(150, 150, 190, 190, 0.4), region(0, 0, 9, 9, 0.1)]
    report = measure([picture(BIG)], found, confidence=0.25)
    assert report.precision == pytest.approx(0.5)
    assert report.recall == 1.0
    # IoU 0.8: right up to the threshold 0.8, seven of ten.
    assert report.ap == pytest.approx(0.7)
    assert report.quality["detector"].iou == pytest.approx(0.8)
    assert report.quality["detector"].residual == pytest.approx(0.2)
    assert report.quality["detector"].excess == 0.0
    assert report.outcomes[0].false == 1


def test_what_reaches_beyond_a_mask_near_and_far() -> None:
    # A twelfth of the outline's width is eight pixels and a quarter.
    quality = measure([picture(BIG)], [region(10, 10, 130, 110)]).quality["detector"]
    assert quality.excess == pytest.approx(20 * 100 / 10_000)
    assert quality.beyond == pytest.approx(8 * 100 / 10_000)
    assert (quality.residual, quality.worst_residual) == (0.0, 0.0)


def test_the_boundary_error_is_the_outlines_mean_distance() -> None:
    report = measure([picture(BIG)], [region(12, 12, 108, 108)])
    # Two pixels all round, but for the corners, which are a little farther off.
    error = report.quality["detector"].boundary_error
    assert error == pytest.approx(2.0 / 99.0, rel=0.02)
    rows = dict(report.table_rows())
    assert float(rows["boundary error in px at 142 px, detector"]) == pytest.approx(2.87, abs=0.06)


def test_the_worst_tenth_is_of_the_masks_with_most_left() -> None:
    pictures = [picture(BIG, name=f"{number}.png") for number in range(20)]
    found = [[region(10, 10, 110, 110)] for _ in range(17)]
    found += [[region(10, 10, 110, 100)], [region(10, 10, 110, 90)], [region(10, 10, 110, 70)]]
    quality = measure(pictures, *found).quality["detector"]
    assert quality.residual == pytest.approx((0.1 + 0.2 + 0.4) / 20)
    assert quality.worst_residual == pytest.approx(0.3)


def test_straps_are_measured_apart_by_their_length() -> None:
    strap = np.array([[110, 40], [189, 40], [189, 43], [110, 43]], np.float64)
    strapped = AnnotatedMask(BIG.pieces, straps=(strap,))
    half = np.zeros((SIZE, SIZE), bool)
    half[40:44, 110:150] = True
    body = region(10, 10, 110, 110)
    found = MaskRegion.from_mask(body.mask | half, 0.9, straps=half)
    quality = measure([picture(strapped)], [found]).quality["detector"]
    assert (quality.iou, quality.excess, quality.beyond) == (1.0, 0.0, 0.0)
    assert quality.straps == pytest.approx(0.5, abs=0.05)
    assert measure([picture(strapped)], [body]).quality["detector"].straps < 0.05
    assert math.isnan(measure([picture(BIG)], [found]).quality["detector"].straps)


def test_scores_below_the_least_count_for_average_precision_only() -> None:
    report = measure([picture(BIG)], [region(10, 10, 110, 110, 0.1)], confidence=0.25)
    assert report.ap50 == pytest.approx(1.0)
    assert report.recall == 0.0
    assert math.isnan(report.precision)
    assert not report.masks[0].found
    assert report.outcomes[0].changed == {"detector": False}


def test_small_masks_count_neither_way() -> None:
    small = outline(150, 150, 189, 189)
    found = [region(10, 10, 110, 110), region(150, 150, 190, 190)]
    report = measure([picture(BIG, small)], found, min_width=60)
    assert (report.drawn, report.ignored) == (1, 1)
    assert (report.precision, report.recall) == (1.0, 1.0)
    assert measure([picture(small)], [], min_width=60).drawn == 0
    assert not measure([picture(small)], [region(150, 150, 190, 190)]).unmasked_pictures
    narrow = measure([picture(BIG, small)], found, min_width=10)
    assert (narrow.drawn, narrow.precision) == (2, 1.0)


def test_pictures_without_masks_are_changed_by_any_region() -> None:
    pictures = [picture(name=f"{index}.png") for index in range(4)]
    report = measure(pictures, [region(0, 0, 5, 5)], [], [], [region(0, 0, 5, 5, 0.1)], batch=3)
    assert report.unmasked_pictures == 4
    assert report.unmasked_changed["detector"] == pytest.approx(0.25)
    assert math.isnan(report.recall)
    assert math.isnan(report.quality["detector"].iou)


def test_refinements_stand_beside_the_detector() -> None:
    def grow(image: np.ndarray, regions: Sequence[MaskRegion]) -> list[np.ndarray]:
        grown = []
        for entry in regions:
            hole = np.zeros(entry.size, bool)
            x0, y0, x1, y1 = (round(value) for value in entry.box)
            hole[max(0, y0 - 10) : y1 + 20, max(0, x0 - 10) : x1 + 20] = True
            grown.append(hole)
        return grown

    def drop(image: np.ndarray, regions: Sequence[MaskRegion]) -> list[np.ndarray]:
        return []

    report = measure(
        [picture(BIG), picture()],
        [region(10, 10, 110, 90)],
        [region(0, 0, 4, 4)],
        refinements={"grown": grow, "dropped": drop},
    )
    assert list(report.quality) == ["detector", "grown", "dropped"]
    assert report.quality["grown"].residual == 0.0
    assert report.quality["grown"].excess == pytest.approx((130 * 110 - 10_000) / 10_000)
    assert report.quality["dropped"].residual == 1.0
    assert report.quality["dropped"].iou == 0.0
    assert report.unmasked_changed == {"detector": 1.0, "grown": 1.0, "dropped": 0.0}
    assert report.masks[0].iou["detector"] == pytest.approx(0.8)


def test_groups_by_set_width_kind_and_tag() -> None:
    odd = AnnotatedMask(BIG.pieces, "cloth")
    pictures = [picture(BIG, odd, tags=("cloth", "child")), picture(BIG, tags=("cloth",))]
    report = measure(pictures, [region(10, 10, 110, 110)], [], sets=["first", "second"])
    groups = {(group.kind, group.name): group for group in report.groups((50, 150))}
    assert list(groups) == [
        ("set", "first"),
        ("set", "second"),
        ("kind of mask", "cloth"),
        ("kind of mask", "mask"),
        ("tag", "child"),
        ("tag", "cloth"),
    ]
    assert groups["tag", "cloth"].recall == pytest.approx(1 / 3)
    assert groups["tag", "child"].recall == groups["set", "first"].recall == 0.5
    assert groups["tag", "child"].iou("detector") == 1.0
    assert groups["tag", "child"].residual("detector") == 0.0
    assert math.isnan(groups["set", "second"].iou("detector"))
    wide = AnnotatedMask((2 * BIG.pieces[0],))
    by_width = measure([picture(BIG), picture(wide)], [], []).groups((50, 150))
    names = [group.name for group in by_width]
    assert names == ["50 to 150 px", "150 px and more"]


def test_changed_pictures_without_masks() -> None:
    pictures = [picture(name=f"{index}.png") for index in range(3)]
    report = measure(pictures, [region(0, 0, 5, 5)], [], [], sets=["a", "a", "b"])
    assert report.unmasked_changed == {"detector": pytest.approx(1 / 3)}
    with pytest.raises(InputError, match="names of sets"):
        measure(pictures, [], [], [], sets=["a"])


def test_measurements_that_are_known_are_not_made_again() -> None:
    pictures = [picture(BIG, tags=("cloth",)), picture(BIG, name="b.png"), picture(name="c.png")]
    found = [region(10, 10, 110, 90)], [], [region(0, 0, 5, 5)]
    kept: dict[int, PictureMeasurement] = {}
    whole = measure(pictures, *found, keep=kept.__setitem__)
    assert sorted(kept) == [0, 1, 2]
    stored = {
        index: PictureMeasurement.from_dict(json.loads(json.dumps(one.to_dict())))
        for index, one in kept.items()
        if index != 1
    }
    assert stored[0] == kept[0]
    done: list[int] = []
    rest = measure(pictures, [], known=stored, progress=lambda now, _: done.append(now))
    assert done == [3]
    assert rest.to_dict() == whole.to_dict()


def test_the_checksum_is_of_names_and_outlines() -> None:
    first = measure([picture(BIG)], []).checksum
    assert first == measure([picture(BIG, tags=("x",))], [region(1, 1, 9, 9)]).checksum
    assert first != measure([picture(BIG, name="b.png")], []).checksum
    assert first != measure([picture(outline(10, 10, 109, 108))], []).checksum


def test_report_is_plain_and_tabular() -> None:
    report = measure([picture()], [])
    values = json.loads(json.dumps(report.to_dict(), allow_nan=False))
    assert values["recall"] is None
    assert values["unmasked_changed"] == {"detector": 0.0}
    rows = dict(report.table_rows())
    assert rows["AP50 mask"] == "-"
    assert rows["of them changed, detector"] == "0.000"


def test_progress_and_refusals() -> None:
    done: list[tuple[int, int]] = []
    measure(
        [picture()] * 3, [], [], [], batch=2, progress=lambda now, all_: done.append((now, all_))
    )
    assert done == [(2, 3), (3, 3)]
    with pytest.raises(InputError, match="no pictures"):
        measure([])
    with pytest.raises(InputError, match="cannot be named"):
        measure([picture()], [], refinements={"detector": lambda image, regions: []})
    with pytest.raises(InputError, match="hole of refinement 'bad'"):
        measure(
            [picture()],
            [],
            refinements={"bad": lambda image, regions: [np.zeros((3, 3), bool)]},
        )
