from __future__ import annotations

import csv
import io

import numpy as np
import PIL.Image
import pytest

from inpainter.evaluation.picture_sheet import SheetRow
from pipeline.evaluation import comparison
from pipeline.evaluation.comparison import (
    cases_csv,
    comparison_document,
    extreme_sheets,
    p_text,
    tables_csv,
)
from tests.inpainter.evaluation.measured import measured


def test_tables_of_all_cases_sets_pairs_and_parts():
    pytest.importorskip("matplotlib")
    document = comparison_document(measured(), facts={"measured in": "3 s"})
    tables = {table.title: table for table in document.tables}
    assert list(tables) == [
        "All cases",
        "Distance from the set of true pictures",
        "near less far, on the same cases",
        "By hole area",
        "By kind",
        "By size",
        "By tag",
    ]
    overall = tables["All cases"]
    assert overall.heading == ("metric", "near", "far")
    first = overall.rows[0]
    assert first[0].text == "PSNR hole, dB" and first[1].text.startswith("30.50 (")
    assert first[1].best and not first[2].best
    sharpness = next(row for row in overall.rows if row[0].text == "Sharpness")
    assert sharpness[2].best
    difference = tables["near less far, on the same cases"].rows[0]
    assert difference[1].text == "5.00 (5.00 to 5.00)" and difference[3].text == "12"
    assert 0.0001 < float(difference[2].text) < 0.001
    by_kind = tables["By kind"]
    assert by_kind.heading == ("kind", "system", "cases", "PSNR hole, dB", "L1 hole")
    assert [cell.text for cell in by_kind.rows[0][:3]] == ["a", "near", "6"]
    assert "(" in by_kind.rows[0][3].text, "parts have intervals too"
    assert document.lead[1] == "A note." and document.facts["measured in"] == "3 s"
    assert document.facts["checksum of the holes"] == "ab" * 32
    plots = [picture.file for picture in document.pictures]
    assert plots == [
        "plots/all_cases.png",
        "plots/by_hole_area.png",
        "plots/by_kind.png",
        "plots/by_size.png",
        "plots/by_tag.png",
    ]


def test_every_row_is_as_long_as_its_heading():
    for table in comparison_document(measured()).tables:
        assert all(len(row) == len(table.heading) for row in table.rows)


def test_what_was_not_measured_is_listed():
    lead = comparison_document(measured()).lead
    assert "Not measured, or meaningless on every case: LPIPS." in lead
    assert lead[0].startswith("12 cases, 2 systems. Means")


def test_several_kinds_of_holes_on_one_face_are_told():
    assert not any("several kinds" in text for text in comparison_document(measured()).lead)
    report = measured()
    for result in report.results:
        result.groups["holes"] = "box"
    assert any("several kinds" in text for text in comparison_document(report).lead)


def test_without_matplotlib_the_report_says_so(monkeypatch):
    monkeypatch.setattr(comparison, "can_plot", lambda: False)
    document = comparison_document(measured())
    assert not document.pictures and "unmask[evaluate]" in document.lead[-1]


def test_sheets_of_best_median_and_worst():
    asked = []

    def rows_of(names):
        asked.extend(names)
        return {name: SheetRow(name, {"x": np.zeros((8, 8, 3), np.uint8)}) for name in names}

    sheets = extreme_sheets(measured(), "psnr_hole", 2, rows_of)
    assert [sheet.file for sheet in sheets] == ["best.jpg", "median.jpg", "worst.jpg"]
    assert asked == ["face11", "face10", "face6", "face5", "face0", "face1"]
    with PIL.Image.open(io.BytesIO(sheets[0].data)) as sheet:
        assert sheet.height == 22 + 2 * (18 + 224 + 4)
    assert sheets[2].title == "Worst cases by PSNR hole, dB of near"
    assert extreme_sheets(measured(), "lpips", 2, rows_of) == []


def test_csv_of_cases_and_of_estimates():
    rows = list(csv.DictReader(io.StringIO(cases_csv(measured()))))
    assert len(rows) == 24 and rows[0]["kind"] == "a" and rows[0]["tag"] == "one; two"
    assert float(rows[0]["psnr_hole"]) == 25 and "lpips" not in rows[0]
    rows = list(csv.DictReader(io.StringIO(tables_csv(measured()))))
    found = [
        row
        for row in rows
        if (row["kind"], row["part"], row["system"], row["metric"])
        == ("kind", "a", "far", "l1_hole")
    ]
    assert len(found) == 1 and float(found[0]["mean"]) == pytest.approx(0.1)
    difference = [row for row in rows if row["kind"] == "difference"]
    assert float(difference[0]["p"]) < 0.01 and difference[0]["system"] == "near less far"


def test_p_values_as_text():
    assert [p_text(p) for p in (float("nan"), 1e-6, 0.0123, 1.0)] == ["-", "< 0.0001", "0.012", "1"]
