from __future__ import annotations

import dataclasses
import math

import numpy as np
import pytest

from inpainter.evaluation.benchmark_cases import Case
from inpainter.evaluation.evaluate import METRICS, case_rows, evaluate_inpainter, sees_hole
from inpainter.evaluation.loop import Instruments
from inpainter.evaluation.picture_sheet import SheetRow, draw_sheet
from inpainter.metrics import FeatureExtractor
from weights.base.errors import ConfigurationError, InputError


def make_case(number, area=0.25, size=32, **groups):
    image = np.random.default_rng(number).integers(0, 200, (size, size, 3), np.uint8)
    hole = np.zeros((size, size), bool)
    hole[: round(area * size)] = True
    return Case(f"face{number}", image, hole, groups)


class Brighter:
    """Gives the truth, known to it beforehand, brighter by a constant; notes what it was given."""

    def __init__(self, cases, amount):
        self.truth = {case.image[-1].tobytes(): case.image for case in cases}
        self.amount, self.batches, self.seen = amount, [], []

    def complete(self, crops, holes):
        self.batches.append(len(crops))
        self.seen += [crop[hole] for crop, hole in zip(crops, holes, strict=True)]
        return [self.truth[crop[-1].tobytes()] + np.uint8(self.amount) for crop in crops]


@pytest.fixture
def cases():
    return [
        make_case(0, 0.05, kind="a"),
        make_case(1, 0.25, kind="a"),
        make_case(2, 0.25, kind="b"),
        make_case(3, 0.45, kind="b"),
        make_case(4, 0.65),
    ]


@pytest.fixture
def report(cases):
    systems = {"near": Brighter(cases, 10), "far": Brighter(cases, 40)}
    return evaluate_inpainter(systems, iter(cases), batch=2, configuration={"seed": 0})


def test_known_values_per_case_and_system(report):
    assert report.estimate("near", "psnr_hole").mean == pytest.approx(20 * math.log10(25.5))
    assert report.estimate("near", "l1_hole").mean == pytest.approx(10 / 255)
    assert report.estimate("far", "l1_hole").mean == pytest.approx(40 / 255)
    assert report.estimate("near", "sharpness").mean == pytest.approx(1.0)
    near = report.values("near", "psnr")
    assert near["face0"] > near["face4"] > report.values("near", "psnr_hole")["face4"]


def test_the_seam_lies_round_the_hole_and_counts_apart(report):
    for name in ("face1", "face3"):
        # The seam's ring holds brightened and true pixels; the hole brightened ones only.
        hole, seam = (report.values("near", f"l1_{where}")[name] for where in ("hole", "seam"))
        assert 0.3 * hole < seam < 0.7 * hole
        assert report.values("near", "psnr_seam")[name] > report.values("near", "psnr_hole")[name]


def test_rows_of_a_sheet_show_the_wanted_cases_with_known_pixels_of_their_own(cases):
    systems = {"near": Brighter(cases, 10), "far": Brighter(cases, 40)}
    rows = case_rows(systems, cases, ["face3", "face1"])
    assert sorted(rows) == ["face1", "face3"]
    for number in (1, 3):
        row, case = rows[f"face{number}"], cases[number]
        assert list(row.cells) == ["true", "with hole", "near", "far"]
        for system in ("near", "far"):
            np.testing.assert_array_equal(row.cells[system][~case.hole], case.image[~case.hole])
        assert (row.cells["with hole"][case.hole] == 127).all()


def test_no_truth_leaks_into_what_a_system_is_given(cases):
    system = Brighter(cases, 0)
    evaluate_inpainter({"one": system}, cases)
    assert all((pixels == 127).all() for pixels in system.seen)


def test_batches_are_bounded_and_all_cases_are_measured(cases):
    system = Brighter(cases, 5)
    done = []
    evaluate_inpainter({"one": system}, iter(cases), batch=2, progress=done.append)
    # The first picture goes through once more, to load what is loaded at first use.
    assert system.batches == [1, 2, 2, 1] and done == [2, 4, 5]


def test_batch_size_does_not_change_the_figures(cases):
    one, five = (
        evaluate_inpainter({"x": Brighter(cases, 7)}, cases, batch=size) for size in (1, 5)
    )
    assert one.checksum == five.checksum
    for metric in METRICS[:-1]:
        assert one.values("x", metric.name) == pytest.approx(
            five.values("x", metric.name), nan_ok=True
        )


def test_pixels_past_the_frame_do_not_count():
    case = make_case(1, 0.5)
    inside = np.ones_like(case.hole)
    inside[:8] = False
    framed = Case("framed", case.image, case.hole, {}, inside)
    fill = case.image.copy()
    fill[:8] = 255
    fill[8:16] += 10

    class Fill:
        def complete(self, crops, holes):
            return [fill]

    report = evaluate_inpainter({"x": Fill()}, [framed])
    assert report.estimate("x", "psnr_hole").mean == pytest.approx(20 * math.log10(25.5))


def test_landmarks_count_only_where_the_true_face_is_found(cases):
    points = np.random.default_rng(0).uniform(0, 30, (68, 2))
    eyes = float(np.linalg.norm(points[45] - points[36]))
    truths = {case.image.tobytes(): number for number, case in enumerate(cases)}

    def finder(image):
        number = truths.get(image.tobytes())
        if number is None:
            return points + np.array([3.0, 4.0]) if image[0, 0, 0] % 2 else None
        return None if number == 0 else points

    def identity(result, truth, landmarks):
        assert landmarks is points
        return float(np.abs(result.astype(int) - truth).max())

    instruments = Instruments(finder, identity)
    report = evaluate_inpainter({"x": Brighter(cases, 1)}, cases, instruments=instruments)
    found = report.values("x", "face_found")
    expected = [float((case.image[0, 0, 0] + 1) % 2) for case in cases]
    assert math.isnan(found["face0"])
    assert [found[f"face{number}"] for number in range(1, 5)] == expected[1:]
    assert report.estimate("x", "landmark_error").mean == pytest.approx(5 / eyes)
    compared = report.values("x", "identity")
    assert math.isnan(compared["face0"]) and compared["face1"] == 1.0
    assert any("information only" in note for note in report.notes)


def test_without_a_finder_there_are_no_face_columns(report):
    names = [metric.name for metric in report.metrics]
    assert "face_found" not in names and "seconds" in names
    assert not report.notes and not report.sets


def test_multi_scale_similarity_needs_larger_pictures(report):
    assert "ms_ssim" not in [metric.name for metric in report.metrics]
    case = make_case(0, 0.3, size=192)
    large = evaluate_inpainter({"x": Brighter([case], 40)}, [case])
    values = [large.values("x", name)["face0"] for name in ("ms_ssim", "ms_ssim_hole")]
    assert 0.5 < values[1] < values[0] < 1.0


def test_perceptual_distance_and_set_features_are_asked_for(cases):
    def perceptual(results, truths):
        return [
            float(np.abs(a.astype(int) - b).mean()) for a, b in zip(results, truths, strict=True)
        ]

    def average(pictures):
        return pictures.float().mean(dim=(2, 3))

    instruments = Instruments(perceptual=perceptual, features=FeatureExtractor(average, "cpu"))
    report = evaluate_inpainter({"x": Brighter(cases, 9)}, cases, batch=2, instruments=instruments)
    assert report.values("x", "lpips")["face3"] == pytest.approx(9 * round(0.45 * 32) / 32)
    assert report.sets["x"]["count"] == 5 and report.sets["x"]["frechet"] > 0
    first = report.results[0].features
    assert np.allclose(first[1], cases[0].image.mean(axis=(0, 1)), atol=1e-3)


def test_realism_looks_inside_the_holes_of_truths_and_results():
    cases = [make_case(number) for number in range(32)]
    looked = []

    def inside(pictures, holes):
        looked.append(len(pictures))
        pixels = [picture[hole] / 255 for picture, hole in zip(pictures, holes, strict=True)]
        return np.array([[*one.mean(axis=0), one.std()] for one in pixels], np.float32)

    systems = {"near": Brighter(cases, 1), "far": Brighter(cases, 40)}
    report = evaluate_inpainter(systems, cases, instruments=Instruments(realism=inside))
    assert looked == [8, 8, 8] * 4, "truths once, then each system"
    filled, true = report.results[0].hole_features
    assert filled[:3] - true[:3] == pytest.approx([1 / 255] * 3, abs=1e-6)
    names = [metric.name for metric in report.metrics]
    assert names[:3] == ["realism_distance", "realism_floor", "detectability"]
    distances = [report.estimate(one, "realism_distance").mean for one in systems]
    assert 10 * abs(distances[0]) < distances[1]
    assert report.estimate("far", "detectability").mean > 0.95
    assert any("Realism distance" in note for note in report.notes)
    rest = evaluate_inpainter(
        systems, cases, instruments=Instruments(realism=inside), known=report.results[:40]
    )
    assert rest.estimate("far", "detectability") == report.estimate("far", "detectability")
    few = evaluate_inpainter(systems, cases[:29], instruments=Instruments(realism=inside))
    assert "realism_distance" not in [metric.name for metric in few.metrics]


def test_detail_is_kept_and_the_grid_is_the_truths_where_the_fill_is_the_truth():
    case = make_case(0, 0.7, size=64)
    report = evaluate_inpainter({"x": Brighter([case], 0)}, [case])
    for name in ("detail_1", "detail_2", "detail_4", "detail_8", "grid", "alternation"):
        assert report.values("x", name)["face0"] == 1.0
    lines = case.image.copy()
    lines[::8] = 255

    class Lined:
        def complete(self, crops, holes):
            return [lines]

    report = evaluate_inpainter({"x": Lined()}, [case])
    assert report.values("x", "grid")["face0"] > 1.1


def test_results_that_are_known_are_not_measured_again(cases):
    kept = []
    whole = evaluate_inpainter({"x": Brighter(cases, 3)}, cases, batch=2, keep=kept.append)
    assert kept == list(whole.results)
    system = Brighter(cases, 3)
    fresh = []
    rest = evaluate_inpainter({"x": system}, cases, batch=2, known=kept[:3], keep=fresh.append)
    assert system.batches == [1, 1, 1], "one to load, and the two that were left"
    assert [result.case for result in fresh] == ["face3", "face4"]
    assert rest.checksum == whole.checksum
    assert rest.values("x", "psnr") == whole.values("x", "psnr")


class TestSystemsThatLookAtTheMask:
    class Seeing:
        """Gives back what it was given, and keeps it."""

        sees_hole = True

        def __init__(self):
            self.given = []

        def complete(self, crops, holes):
            self.given += crops
            return list(crops)

    def masked(self, case):
        worn = case.image.copy()
        worn[case.hole] = (10, 90, 200)
        return dataclasses.replace(case, masked=worn)

    def test_they_are_given_the_masked_picture_and_others_a_hole(self, cases):
        blank, seeing = Brighter(cases, 10), self.Seeing()
        worn = [self.masked(case) for case in cases]
        report = evaluate_inpainter({"blank": blank, "seeing": seeing}, worn, batch=2)
        assert all((pixels == 127).all() for pixels in blank.seen)
        for given, case in zip(seeing.given[1:], worn, strict=True):
            np.testing.assert_array_equal(given, case.masked)
        assert any("seeing sees the mask" in note for note in report.notes)
        names = [worn[0].name]
        (row,) = case_rows({"blank": blank, "seeing": seeing}, worn, names).values()
        assert list(row.cells) == ["true", "masked", "with hole", "blank", "seeing"]

    def test_a_network_says_it_for_its_system(self, cases):
        class Wrapped:
            network = self.Seeing()

        assert sees_hole(Wrapped()) and sees_hole(self.Seeing())
        assert not sees_hole(Brighter(cases, 1))

    def test_without_masks_the_error_names_the_holes_to_use(self, cases):
        with pytest.raises(ConfigurationError, match=r"'s' sees the mask.*'drawn-mask'"):
            evaluate_inpainter({"s": self.Seeing()}, cases)


def test_truths_are_looked_at_once_for_all_systems(cases):
    looked = {"faces": 0, "pictures": 0}

    def finder(image):
        looked["faces"] += 1

    def features(pictures):
        looked["pictures"] += len(pictures)
        return pictures.float().mean(dim=(2, 3))

    tools = Instruments(finder, features=FeatureExtractor(features, "cpu"))
    systems = {"near": Brighter(cases, 10), "far": Brighter(cases, 40)}
    report = evaluate_inpainter(systems, cases, batch=2, instruments=tools)
    assert looked == {"faces": 5, "pictures": 5 + 2 * 5}
    assert report.sets["near"]["frechet"] < report.sets["far"]["frechet"]
    true = {id(result.features[1]) for result in report.results}
    assert len(true) == 5, "systems share the rows of the truths"


def test_wrong_systems_and_cases_get_one_clear_sentence(cases):
    class Wrong:
        def __init__(self, answer):
            self.answer = answer

        def complete(self, crops, holes):
            return self.answer

    with pytest.raises(ConfigurationError, match="at least one inpainter"):
        evaluate_inpainter({}, cases)
    with pytest.raises(InputError, match="'w' gave 0 pictures for 1 crop"):
        evaluate_inpainter({"w": Wrong([])}, cases)
    with pytest.raises(InputError, match="uint8 picture"):
        evaluate_inpainter({"w": Wrong([np.zeros((8, 8, 3), np.uint8)])}, cases)
    with pytest.raises(InputError, match="no case"):
        evaluate_inpainter({"w": Wrong([])}, [])
    with pytest.raises(InputError, match="occurs twice"):
        evaluate_inpainter({"w": Brighter(cases, 1)}, [cases[0], cases[0]])
    with pytest.raises(InputError, match="no hole to measure"):
        evaluate_inpainter({"w": Brighter(cases, 1)}, [make_case(9, 0.0)])


def test_a_sheet_puts_pictures_under_their_headings():
    red, wide = np.full((8, 8, 3), (255, 0, 0), np.uint8), np.full((4, 8, 3), (0, 0, 255), np.uint8)
    rows = [SheetRow("a", {"one": red, "two": wide}), SheetRow("b", {"one": wide, "two": wide})]
    sheet = draw_sheet(rows, cell=16)
    assert (sheet[22:38, 4:20] == (255, 0, 0)).all()
    assert (sheet[22:30, 24:40] == (0, 0, 255)).all() and (sheet[30:38, 24:40] == 255).all()
    assert (sheet[42:50, 4:20] == (0, 0, 255)).all() and sheet.shape[0] == 22 + 16 + 8 + 2 * 4
    with pytest.raises(InputError, match="at least one row"):
        draw_sheet([])
    with pytest.raises(InputError, match="same columns"):
        draw_sheet([SheetRow("a", {"x": red}), SheetRow("b", {"y": red})])


def test_long_headings_stay_in_their_column():
    white = np.full((8, 8, 3), 255, np.uint8)
    sheet = draw_sheet([SheetRow("a", {"a very long name of a system" * 3: white, "x": white})], 64)
    assert (sheet[:22, 68:72] == 255).all() and (sheet[:22, :68] < 255).any()


def test_captions_stand_above_their_rows():
    black = np.zeros((8, 8, 3), np.uint8)
    sheet = draw_sheet([SheetRow("a", {"x": black}, "first"), SheetRow("b", {"x": black})], 16)
    assert sheet.shape[0] == 22 + 18 + 16 + 4 + 16 + 4
    assert (sheet[40:56, 4:20] == 0).all() and (sheet[60:76, 4:20] == 0).all()
    assert (sheet[22:40] < 255).any()
