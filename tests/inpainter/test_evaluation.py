from __future__ import annotations

import csv
import io
import json
import math

import numpy as np
import PIL.Image
import pytest

from inpainter.evaluation import METRICS, bootstrap_mean, evaluate_inpainter
from inpainter.frozen import Case, HoleChecksum
from inpainter.picture_sheet import SheetRow, draw_sheet
from weights.errors import ConfigurationError, InputError, OutputError


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


def test_known_pixels_are_the_pictures_own(report, cases):
    for case, row in zip(cases, report.sheet, strict=True):
        for system in ("near", "far"):
            np.testing.assert_array_equal(row.cells[system][~case.hole], case.image[~case.hole])


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


def test_only_the_sheet_is_kept(cases):
    report = evaluate_inpainter({"x": Brighter(cases, 1)}, cases, batch=3, sheet_rows=2)
    assert [row.name for row in report.sheet] == ["face0", "face1"]


def test_parts_by_band_and_group(report):
    parts = {(kind, part): where for kind, part, where in report.parts()}
    assert list(parts) == [
        ("hole area", "0 to 0.1"),
        ("hole area", "0.2 to 0.3"),
        ("hole area", "0.4 to 0.5"),
        ("hole area", "0.6 to 1"),
        ("kind", "a"),
        ("kind", "b"),
    ]
    assert report.estimate("far", "psnr", parts["hole area", "0.2 to 0.3"]).count == 2
    assert set(report.values("far", "psnr", parts["kind", "b"])) == {"face2", "face3"}


def test_a_hole_over_everything_is_in_the_last_band():
    case = make_case(0, 1.0)
    system = Brighter([case], 3)
    system.complete = lambda crops, holes: [case.image + np.uint8(3)]
    report = evaluate_inpainter({"x": system}, [case])
    assert [part for _, part, _ in report.parts()] == ["0.6 to 1"]


def test_paired_differences(report):
    difference = report.difference("near", "far", "l1_hole")
    assert difference.mean == pytest.approx(-30 / 255) and difference.count == 5
    assert difference.low == pytest.approx(difference.high)


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

    report = evaluate_inpainter({"x": Brighter(cases, 1)}, cases, finder=finder)
    found = report.values("x", "face_found")
    expected = [float((case.image[0, 0, 0] + 1) % 2) for case in cases]
    assert math.isnan(found["face0"])
    assert [found[f"face{number}"] for number in range(1, 5)] == expected[1:]
    assert report.estimate("x", "landmark_error").mean == pytest.approx(5 / eyes)
    assert "4 cases" in report.to_markdown()
    first = next(csv.DictReader(io.StringIO(report.to_csv())))
    assert first["face_found"] == "" and first["psnr"] != ""


def test_without_a_finder_there_are_no_face_columns(report):
    names = [metric.name for metric in report.metrics]
    assert "face_found" not in names and "seconds" in names
    assert "Face found" not in report.to_markdown()


def test_bootstrap():
    assert bootstrap_mean([2.0] * 9) == bootstrap_mean([2.0] * 9 + [math.nan, math.inf])
    values = np.random.default_rng(0).normal(5.0, 2.0, 400)
    estimate = bootstrap_mean(values)
    assert estimate.mean == pytest.approx(values.mean()) and estimate.count == 400
    expected = 1.96 * values.std() / 20
    assert estimate.high - estimate.mean == pytest.approx(expected, rel=0.15)
    assert estimate.mean - estimate.low == pytest.approx(expected, rel=0.15)
    assert bootstrap_mean(values) == estimate
    assert bootstrap_mean([]).count == 0 and math.isnan(bootstrap_mean([]).mean)


def test_files_hold_what_the_report_says(report, cases, tmp_path):
    written = report.write(tmp_path / "out")
    assert [path.name for path in written] == ["report.md", "report.json", "cases.csv", "sheet.png"]
    summary = json.loads((tmp_path / "out" / "report.json").read_text())
    digest = HoleChecksum()
    for case in cases:
        digest.add(case)
    assert summary["checksum_of_holes"] == digest.hex() and summary["cases"] == 5
    assert summary["configuration"] == {"seed": 0}
    assert summary["overall"]["near"]["l1_hole"]["mean"] == pytest.approx(10 / 255)
    assert summary["parts"]["kind"]["a"]["near"]["psnr"]["count"] == 2
    assert "near less far" in summary["differences"]
    rows = list(csv.DictReader(io.StringIO((tmp_path / "out" / "cases.csv").read_text())))
    assert len(rows) == 10 and rows[0]["kind"] == "a" and rows[-1]["kind"] == ""
    assert float(rows[0]["l1_hole"]) == pytest.approx(10 / 255, rel=1e-4)
    assert "face_found" not in rows[0]
    markdown = (tmp_path / "out" / "report.md").read_text()
    tables = [line for line in markdown.splitlines() if line.startswith("|")]
    assert any(line.startswith("| near | 28.13 (28.13 to 28.13)") for line in tables)
    with PIL.Image.open(tmp_path / "out" / "sheet.png") as sheet:
        assert sheet.width > sheet.height / 2


def test_every_table_is_well_formed(report):
    block: set[int] = set()
    for line in [*report.to_markdown().splitlines(), ""]:
        if line.startswith("|"):
            block.add(line.count("|"))
        else:
            assert len(block) <= 1
            block = set()


def test_nothing_is_overwritten_unless_asked(report, tmp_path):
    (tmp_path / "cases.csv").write_text("mine")
    with pytest.raises(OutputError, match=r"cases\.csv exists"):
        report.write(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["cases.csv"]
    report.write(tmp_path, overwrite=True)
    assert (tmp_path / "cases.csv").read_text() != "mine"


def test_wrong_systems_and_cases_get_one_clear_sentence(cases):
    class Wrong:
        def __init__(self, answer):
            self.answer = answer

        def complete(self, crops, holes):
            return self.answer

    with pytest.raises(ConfigurationError, match="at least one inpainter"):
        evaluate_inpainter({}, cases)
    with pytest.raises(InputError, match="'w' gave 0 pictures for 5"):
        evaluate_inpainter({"w": Wrong([])}, cases)
    with pytest.raises(InputError, match="uint8 picture"):
        evaluate_inpainter({"w": Wrong([np.zeros((8, 8, 3), np.uint8)] * 5)}, cases)
    with pytest.raises(InputError, match="no case"):
        evaluate_inpainter({"w": Wrong([])}, [])
    with pytest.raises(InputError, match="there twice"):
        evaluate_inpainter({"w": Brighter(cases, 1)}, [cases[0], cases[0]])
    with pytest.raises(InputError, match="no hole to measure"):
        evaluate_inpainter({"w": Brighter(cases, 1)}, [make_case(9, 0.0)])


def test_a_report_knows_its_systems_and_metrics(report):
    with pytest.raises(ConfigurationError, match="no metric"):
        report.values("near", "beauty")
    with pytest.raises(ConfigurationError, match="no metric"):
        report.values("other", "psnr")


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
