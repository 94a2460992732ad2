from __future__ import annotations

import dataclasses
import json
import shutil

import numpy as np
import pytest

from detector.data.annotations import AnnotatedMask, AnnotatedPicture
from detector.evaluation.evaluate import evaluate_detector
from inpainter.evaluation.picture_sheet import SheetRow
from pipeline.evaluation.detection import (
    detection_document,
    detection_summary,
    masks_csv,
    pictures_csv,
)
from pipeline.evaluation.difference import compare_reports, read_report
from pipeline.evaluation.publishing import BEGIN, END, publish
from pipeline.evaluation.writing import sheet_picture
from tests.inpainter.evaluation.measured import measured
from weights.base.errors import ConfigurationError, InputError
from weights.base.regions import MaskRegion
from weights.catalog.lookup import RECORDS
from weights.catalog.record import read_record
from weights.images.mark import NOTICE
from weights.images.mark_reader import read_mark


def stored(folder, summary):
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "report.json"
    path.write_text(json.dumps(summary))
    return path


@pytest.fixture
def detection(tmp_path):
    """A detector that finds one of two masks and changes one of two pictures without masks."""
    corners = np.array([[10, 10], [109, 10], [109, 109], [10, 109]], float)
    pictures = [
        AnnotatedPicture(tmp_path / "a.png", (AnnotatedMask((corners,), "cloth"),), ("child",)),
        AnnotatedPicture(tmp_path / "b.png", (AnnotatedMask((corners,), "n95"),)),
        AnnotatedPicture(tmp_path / "c.png"),
        AnnotatedPicture(tmp_path / "d.png"),
    ]
    mask = np.zeros((200, 200), bool)
    mask[10:110, 10:90] = True
    answers = [[MaskRegion.from_mask(mask)], [], [MaskRegion.from_mask(mask)], []]

    class Scripted:
        def detect(self, images):
            return [answers.pop(0) for _ in images]

    return evaluate_detector(
        Scripted(),
        pictures,
        refinements={"same": lambda image, regions: [region.mask for region in regions]},
        load=lambda picture: np.zeros((200, 200, 3), np.uint8),
        sets=["masked", "masked", "bare", "bare"],
    )


class TestDetectionReport:
    def test_tables(self, detection):
        pytest.importorskip("matplotlib")
        document = detection_document(detection, {"seed": 0})
        tables = {table.title: table for table in document.tables}
        assert list(tables) == [
            "Masks found",
            "Before and after refinement",
            "Pictures without masks",
            "By kind of mask",
            "By tag",
        ]
        found = {row[0].text: row[1].text for row in tables["Masks found"].rows}
        assert found["recall at IoU 0.5"].startswith("0.500 (")
        assert found["precision at IoU 0.5"].startswith("0.500 (")
        refined = tables["Before and after refinement"]
        assert refined.heading == ("of the found masks", "before refinement", "same")
        assert refined.rows[0][1].text == refined.rows[0][2].text == "0.800"
        assert refined.rows[2][1].text == "0.2000"
        changed = tables["Pictures without masks"].rows[0]
        assert [cell.text for cell in changed[:2]] == ["bare", "2"]
        kinds = {row[0].text: row[2].text for row in tables["By kind of mask"].rows}
        assert kinds == {"cloth": "1.000", "n95": "0.000"}
        assert [picture.file for picture in document.pictures] == ["plots/precision_recall.png"]
        for table in document.tables:
            assert all(len(row) == len(table.heading) for row in table.rows)

    def test_sets_stand_below_all_of_them_whatever_they_are_called(self, detection):
        pytest.importorskip("matplotlib")
        outcomes = [
            dataclasses.replace(one, set_name=name)
            for one, name in zip(detection.outcomes, ("x", "x", "all", "other"), strict=True)
        ]
        document = detection_document(dataclasses.replace(detection, outcomes=outcomes), {})
        (table,) = (one for one in document.tables if one.title == "Pictures without masks")
        rows = [[cell.text for cell in row[:2]] for row in table.rows]
        assert rows == [["all", "2"], ["all", "1"], ["other", "1"]]

    def test_summary_and_csv(self, detection):
        summary = detection_summary(detection, {"seed": 0})
        plain = json.loads(json.dumps(summary, allow_nan=False))
        assert plain["stage"] == "detector" and plain["configuration"] == {"seed": 0}
        assert plain["groups"]["kind of mask"]["n95"]["same"]["iou"] is None
        assert plain["groups"]["kind of mask"]["cloth"]["detector"]["iou"] == pytest.approx(0.8)
        assert masks_csv(detection).splitlines()[0].startswith("set,file,mask,kind,width,found")
        assert len(masks_csv(detection).splitlines()) == 3
        assert pictures_csv(detection).splitlines()[3].startswith("bare,")


class TestDifference:
    def test_two_reports_on_the_same_cases(self, tmp_path):
        one = stored(tmp_path / "a", measured(shift=5.0).summary())
        other = stored(tmp_path / "b", measured(shift=6.0).summary())
        document = compare_reports(read_report(one), read_report(other))
        assert [table.title for table in document.tables] == ["near", "far"]
        row = document.tables[0].rows[0]
        assert row[0].text == "PSNR hole, dB" and row[1].text.startswith("30.50 (28.")
        assert row[3].text == "1.00 (1.00 to 1.00)" and row[5].text == "12"
        same = document.tables[1].rows[0]
        assert same[3].text == "0.00 (0.00 to 0.00)" and same[4].text == "1"

    def test_differing_settings_are_told(self, tmp_path):
        summaries = [measured().summary(), measured().summary()]
        summaries[1]["configuration"]["weights of near"] = "other"
        paths = [stored(tmp_path / name, one) for name, one in zip("ab", summaries, strict=True)]
        document = compare_reports(*map(read_report, paths))
        assert document.lead[1] == "They differ in weights of near (none, other)."

    def test_systems_of_other_names_are_compared_first_with_first(self, tmp_path):
        summary = measured().summary()
        text = json.dumps(summary).replace('"near"', '"new"').replace('"far"', '"old"')
        paths = [stored(tmp_path / "a", summary), stored(tmp_path / "b", json.loads(text))]
        document = compare_reports(*map(read_report, paths))
        assert [table.title for table in document.tables] == ["near (A) and new (B)"]

    def test_what_does_not_compare_says_why(self, tmp_path, detection):
        one = stored(tmp_path / "a", measured().summary())
        summary = measured(checksum="cd" * 32).summary()
        summary["configuration"]["count"] = 99
        other = stored(tmp_path / "b", summary)
        with pytest.raises(InputError, match=r"cannot be compared.*count 12 and 99"):
            compare_reports(read_report(one), read_report(other))
        third = stored(tmp_path / "c", detection_summary(detection, {}))
        with pytest.raises(InputError, match=r"measured the inpainter.*the detector"):
            compare_reports(read_report(one), read_report(third))
        same = stored(tmp_path / "d", measured(checksum="cd" * 32).summary())
        with pytest.raises(InputError, match="settings agree"):
            compare_reports(read_report(one), read_report(same))

    def test_settings_of_masks_are_named_as_reasons(self, tmp_path):
        summaries = [measured().summary(), measured(checksum="cd" * 32).summary()]
        for summary, width in zip(summaries, (60.0, 30.0), strict=True):
            summary["configuration"]["min_width"] = width
        paths = [stored(tmp_path / name, one) for name, one in zip("ab", summaries, strict=True)]
        with pytest.raises(InputError, match=r"min_width 60\.0 and 30\.0"):
            compare_reports(*map(read_report, paths))

    def test_set_distances_stand_below_the_metrics_where_they_are_alike(self, tmp_path):
        summaries = [measured().summary(), measured().summary()]
        summaries[1]["sets"]["near"]["frechet"] = 1.25
        paths = [stored(tmp_path / name, one) for name, one in zip("ab", summaries, strict=True)]
        near, far = compare_reports(*map(read_report, paths)).tables
        rows = {row[0].text: [cell.text for cell in row[1:]] for row in near.rows}
        assert rows["Fréchet distance of sets"] == ["1.5000", "1.2500", "-0.2500", "-", "12"]
        assert "Kernel distance of sets" in rows and len(far.rows) == len(near.rows) - 2
        summaries[1]["configuration"]["features"] = "face"
        paths[1] = stored(tmp_path / "c", summaries[1])
        near, _ = compare_reports(*map(read_report, paths)).tables
        assert not any("sets" in row[0].text for row in near.rows), "other features"

    def test_detectors(self, tmp_path, detection):
        path = stored(tmp_path / "a", detection_summary(detection, {}))
        (table,) = compare_reports(read_report(path), read_report(path)).tables
        rows = {row[0].text: row for row in table.rows}
        assert rows["recall at IoU 0.5"][5].text == "2"
        assert rows["iou, same"][1].text == "0.800" and rows["precision"][1].text == "0.500"
        assert rows["pictures without masks changed, same"][5].text == "2"

    @pytest.mark.parametrize(
        ("text", "sentence"),
        [
            ("{", "not valid JSON"),
            ("[]", "not a report"),
            ('{"cases": 3}', "older version"),
            ("[" * 100_000, "nested too deeply"),
            (f'{{"stage": 1{"0" * 400}}}', "too large"),
        ],
    )
    def test_what_is_no_report(self, tmp_path, text, sentence):
        (tmp_path / "x.json").write_text(text)
        with pytest.raises(InputError, match=sentence):
            read_report(tmp_path / "x.json")
        with pytest.raises(InputError, match="Cannot read"):
            read_report(tmp_path / "y.json")


class TestPublishing:
    @pytest.fixture
    def records(self, tmp_path):
        folder = tmp_path / "records"
        folder.mkdir()
        for path in RECORDS.glob("*.yaml"):
            shutil.copy(path, folder)
        if not any(folder.iterdir()):
            pytest.skip("no weights ship")
        return folder

    def record_of(self, records, kind):
        for path in records.glob("*.yaml"):
            if read_record(path).kind == kind:
                return path
        pytest.skip(f"no {kind} ships")
        return None

    def report(self, folder, record):
        summary = json.loads(
            json.dumps(measured().summary()).replace('"near"', f'"{record.architecture}"')
        )
        summary["weights"] = {record.architecture: record.sha256}
        return stored(folder, summary)

    def test_the_readmes_table_is_replaced_and_nothing_else(self, tmp_path, records, detection):
        readme = tmp_path / "README.md"
        readme.write_text(f"# Title\n\n{BEGIN}\nstale\n{END}\n\nThe end.\n")
        record = read_record(self.record_of(records, "inpainter"))
        reports = {
            "val": self.report(tmp_path / "a", record),
            "gold": stored(tmp_path / "b", detection_summary(detection, {"sets": "x/gold.jsonl"})),
        }
        assert publish(reports, readme=readme) == [readme]
        text = readme.read_text()
        assert text.startswith(f"# Title\n\n{BEGIN}\n\n| what | command | figures |")
        assert text.endswith(f"\n\n{END}\n\nThe end.\n") and "stale" not in text
        assert "| gated on 12 faces of the part val |" in text and "PSNR hole 30.50 dB" in text
        assert "2 masks on 2 pictures, 2 pictures without masks (gold)" in text
        assert "50.0 % found at IoU 0.5" in text and "50.0 % of those without masks changed" in text
        publish(reports, readme=readme)
        assert readme.read_text() == text, "a second time changes nothing"

    def test_records_and_cards_get_the_figures_of_their_weights(self, tmp_path, records):
        path = self.record_of(records, "inpainter")
        before = read_record(path)
        written = publish({"test": self.report(tmp_path / "a", before)}, records=records)
        assert written == [path, path.with_suffix(".md")]
        after = read_record(path)
        assert after.metrics["test"]["psnr_hole"] == 30.5 and after.metrics["test"]["cases"] == 12
        assert "identity" not in after.metrics["test"]
        kept = {name: value for name, value in after.metrics.items() if name != "test"}
        assert kept == {name: one for name, one in before.metrics.items() if name != "test"}
        assert after.sha256 == before.sha256 and after.data == before.data
        assert "| test, psnr_hole | 30.5 |" in path.with_suffix(".md").read_text()

    def test_groups_of_people_are_published_with_counts(self, tmp_path, records):
        path = self.record_of(records, "inpainter")
        record = read_record(path)
        people = [{"gender": "FM"[index % 2], "ethnicity": "one"} for index in range(24)]
        measurements = measured(count=24)
        results = [
            dataclasses.replace(one, groups=people[int(one.case.removeprefix("face"))])
            for one in measurements.results
        ]
        summary = dataclasses.replace(measurements, results=tuple(results)).summary()
        text = json.dumps(summary).replace('"near"', f'"{record.architecture}"')
        content = {**json.loads(text), "weights": {record.architecture: record.sha256}}
        publish({"test": stored(tmp_path / "a", content)}, records=records)
        groups = read_record(path).metrics["test"]["groups"]
        assert list(groups) == ["gender", "ethnicity"] and list(groups["gender"]) == ["F", "M"]
        female = groups["gender"]["F"]
        assert female["cases"] == 12 and female["psnr_hole"] == 36.0
        assert female["psnr_hole_low"] < 36.0 < female["psnr_hole_high"]
        card = path.with_suffix(".md").read_text()
        assert "## By group of people, test" in card
        assert "The lowest group by PSNR inside the hole is gender F: 36.00 dB on 12 faces" in card
        figures = card[card.index("## Measured") : card.index("## By group of people")]
        assert "| test, psnr_hole | 36.5 |" in figures and "gender" not in figures

    def test_refusals(self, tmp_path, records):
        report = stored(tmp_path / "a", measured().summary())
        with pytest.raises(ConfigurationError, match="need a README"):
            publish({"x": report})
        with pytest.raises(ConfigurationError, match="no weights that have a record"):
            publish({"x": report}, records=records)
        readme = tmp_path / "README.md"
        readme.write_text("nothing")
        with pytest.raises(InputError, match="no place for figures"):
            publish({"x": report}, readme=readme)
        assert readme.read_text() == "nothing"


def test_a_sheet_says_that_a_model_filled_it():
    black = np.zeros((8, 8, 3), np.uint8)
    picture = sheet_picture("Faces", "faces.jpg", [SheetRow("a", {"gated": black})], cell=16)
    mark = read_mark(picture.data)
    assert mark is not None and mark.notice == NOTICE
