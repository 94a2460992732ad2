from __future__ import annotations

import dataclasses
import json
import math

import numpy as np
import pytest

from inpainter.evaluation.realism_figures import REALISM_METRICS
from inpainter.evaluation.results import AREA_KIND, TOGETHER, CaseResult, Measurements, Part
from inpainter.metrics.realism import distance_figure, realism_distance
from tests.inpainter.evaluation.measured import METRICS, measured
from weights.base.errors import ConfigurationError


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


class TestFiguresOfSets:
    """What is told of all cases together, of 70 faces of three kinds: 40, 20 and 10."""

    @pytest.fixture
    def report(self):
        random = np.random.default_rng(0)
        true = random.normal(0.0, 1.0, (70, 6))
        results = []
        for number, row in enumerate(true):
            groups = {"kind": "many" if number < 40 else "some" if number < 60 else "few"}
            for system, shift in (("near", 0.2), ("far", 2.0)):
                pair = (row + shift + random.normal(0.0, 0.1, 6), row)
                case = CaseResult(f"face{number}", system, 0.3, groups, {}, hole_features=pair)
                results.append(case)
        return Measurements("inpainter", ("near", "far"), tuple(results), REALISM_METRICS, "ab")

    def rows(self, report, system, kinds):
        chosen = [
            one.hole_features
            for one in report.results
            if one.system == system and one.groups["kind"] in kinds
        ]
        return tuple(np.stack(column) for column in zip(*chosen, strict=True))

    def test_they_are_of_all_cases_and_of_parts_on_one_scale(self, report):
        everything = self.rows(report, "far", {"many", "some", "few"})
        estimate = report.estimate("far", "realism_distance")
        assert estimate.mean == pytest.approx(realism_distance(*everything))
        assert estimate.low < estimate.mean < estimate.high and estimate.count == 70
        parts = {part.name: part for part in report.parts() if part.kind == "kind"}
        many = report.estimate("far", "realism_distance", parts["many"])
        filled, true = self.rows(report, "far", {"many"})
        expected = distance_figure(filled, true, scale=everything[1]).estimate
        assert many.mean == pytest.approx(expected.mean) and many.count == 40
        assert report.estimate("near", "realism_floor").mean == pytest.approx(
            report.estimate("far", "realism_floor").mean
        )
        told = [report.estimate(one, "detectability").mean for one in ("near", "far")]
        assert 0.5 < told[0] < told[1] < 1.0

    def test_small_parts_are_left_out_and_put_together(self, report):
        parts = {part.name: part for part in report.parts() if part.kind == "kind"}
        assert list(parts) == ["few", "many", "some", TOGETHER]
        counts = [report.estimate("far", "detectability", part).count for part in parts.values()]
        assert counts == [0, 40, 0, 30]
        assert not any(part.name == TOGETHER for part in measured().parts())

    def test_systems_are_compared_on_the_same_halves(self, report):
        comparison = report.compare("near", "far", "realism_distance")
        near, far = (report.estimate(one, "realism_distance") for one in ("near", "far"))
        assert comparison.difference.mean == pytest.approx(near.mean - far.mean)
        assert comparison.difference.high < 0 and math.isnan(comparison.p)
        metrics = {metric.name: metric for metric in REALISM_METRICS}
        assert report.best_system(metrics["realism_distance"]) == "near"
        assert report.best_system(metrics["realism_floor"]) is None

    def test_the_summary_has_them_beside_the_means(self, report):
        summary = json.loads(json.dumps(report.summary(), allow_nan=False))
        assert summary["overall"]["far"]["detectability"]["count"] == 70
        assert summary["parts"]["kind"]["few"]["far"]["realism_distance"]["mean"] is None
        assert summary["results"][0]["values"] == {}
        (differences,) = summary["differences"].values()
        assert list(differences) == ["realism_distance", "detectability"]
        with pytest.raises(ConfigurationError, match="cannot be ranked by 'detectability'"):
            report.ranked("detectability")

    def test_faces_with_several_holes_count_once(self, report):
        some = [
            dataclasses.replace(one, case=f"{one.case} [{kind}]", groups={"holes": kind})
            for one in report.results
            if int(one.case.removeprefix("face")) < 20
            for kind in ("box", "line")
        ]
        assert {one.face for one in some} == {f"face{number}" for number in range(20)}
        twenty = dataclasses.replace(report, results=tuple(some))
        assert twenty.estimate("far", "realism_distance").count == 0 and not twenty.metrics
