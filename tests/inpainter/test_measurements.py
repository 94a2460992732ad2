from __future__ import annotations

import json
import math

import pytest

from inpainter.measurements import AREA_KIND, CaseResult, Measurements, Part
from tests.inpainter.measured import METRICS, measured
from weights.errors import ConfigurationError


def test_only_what_was_measured_is_a_metric():
    names = [metric.name for metric in measured().metrics]
    assert names == ["psnr_hole", "l1_hole", "sharpness", "identity"]


def test_estimates_overall_and_of_parts():
    report = measured()
    assert report.cases == 12
    assert report.estimate("near", "psnr_hole").mean == pytest.approx(30.5)
    parts = {(part.kind, part.name): part for part in report.parts()}
    assert [name for kind, name in parts if kind == AREA_KIND] == [
        "0.01 to 0.1",
        "0.1 to 0.2",
        "0.2 to 0.3",
    ]
    assert report.estimate("far", "psnr_hole", parts["kind", "a"]).mean == pytest.approx(25.0)
    assert report.estimate("far", "psnr_hole", parts[AREA_KIND, "0.1 to 0.2"]).count == 4


def test_labels_are_in_their_natural_order_and_may_be_several():
    parts = measured().parts()
    assert [part.name for part in parts if part.kind == "size"] == ["60 px", "120 px"]
    tags = {part.name: part for part in parts if part.kind == "tag"}
    assert list(tags) == ["one", "two"]
    assert measured().estimate("near", "psnr_hole", tags["one"]).count == 1
    assert measured().estimate("near", "psnr_hole", tags["two"]).count == 12


def test_a_hole_over_everything_is_in_the_last_band():
    result = CaseResult("a", "x", 1.0, {}, {"psnr_hole": 1.0})
    report = Measurements("inpainter", ("x",), (result,), METRICS, "")
    assert [part.name for part in report.parts()] == ["0.6 to 1"]


def test_bands_are_the_literatures_and_hold_their_upper_end():
    areas = (0.0, 0.01, 0.1, 0.2, 0.55, 0.6)
    results = tuple(CaseResult(str(area), "x", area, {}, {"psnr_hole": area}) for area in areas)
    report = Measurements("inpainter", ("x",), results, METRICS, "")
    held = {part.name: list(report.values("x", "psnr_hole", part)) for part in report.parts()}
    assert held == {
        "0 to 0.01": ["0.01"],
        "0.01 to 0.1": ["0.1"],
        "0.1 to 0.2": ["0.2"],
        "0.5 to 0.6": ["0.55", "0.6"],
    }, "a picture without a hole is in no band"


def test_means_over_different_cases_have_no_best():
    results = [
        CaseResult(case, system, 0.2, {}, {"l1_hole": value})
        for case, system, value in (("a", "x", 0.1), ("b", "x", 0.1), ("a", "y", 0.3))
    ]
    results.append(CaseResult("b", "y", 0.2, {}, {"l1_hole": math.nan}))
    report = Measurements("inpainter", ("x", "y"), tuple(results), METRICS, "")
    assert report.best_system(METRICS[1]) is None
    only_a = Part("case", "a", lambda result: result.case == "a")
    assert report.best_system(METRICS[1], only_a) == "x"


def test_cases_are_ranked_by_the_first_system():
    report = measured()
    assert report.ranked("psnr_hole")[0] == "face11" and report.ranked("psnr_hole")[-1] == "face0"
    assert report.ranked("l1_hole") == sorted(report.ranked("l1_hole")), "ties by name"
    assert report.ranked("lpips") == []
    with pytest.raises(ConfigurationError, match="cannot be ranked"):
        report.ranked("identity")


def test_the_best_system_is_that_with_the_best_mean():
    report = measured()
    best = {metric.name: report.best_system(metric) for metric in METRICS}
    assert best["psnr_hole"] == best["l1_hole"] == "near"
    assert best["sharpness"] == "far", "1.2 is nearer to 1 than 0.5"
    assert best["identity"] is None and best["lpips"] is None
    assert measured(shift=0.0).best_system(METRICS[0]) is None, "equal means"


def test_pairs_are_compared_on_the_same_cases():
    comparison = measured().compare("near", "far", "psnr_hole")
    assert comparison.difference.mean == pytest.approx(5.0)
    assert comparison.difference.low == pytest.approx(comparison.difference.high)
    assert comparison.p < 0.01


def test_the_summary_is_plain_and_holds_every_result():
    summary = json.loads(json.dumps(measured().summary(), allow_nan=False))
    assert summary["stage"] == "inpainter" and summary["cases"] == 12
    assert summary["overall"]["near"]["psnr_hole"]["mean"] == pytest.approx(30.5)
    assert summary["differences"]["near less far"]["psnr_hole"]["p"] < 0.01
    assert summary["parts"]["kind"]["b"]["far"]["psnr_hole"]["count"] == 6
    assert summary["metrics"]["l1_hole"] == {"title": "L1 hole", "better": "lower", "decimals": 4}
    assert len(summary["results"]) == 24
    assert summary["results"][0]["values"]["psnr_hole"] == 25.0
    assert summary["sets"]["near"]["frechet"] == 1.5


def test_unknown_names_are_refused():
    with pytest.raises(ConfigurationError, match="no metric"):
        measured().values("near", "beauty")
    with pytest.raises(ConfigurationError, match="no metric"):
        measured().values("other", "psnr_hole")
    assert math.isnan(measured().values("near", "lpips")["face0"])
    assert measured().values("near", "psnr_hole", Part("x", "y", lambda result: False)) == {}
