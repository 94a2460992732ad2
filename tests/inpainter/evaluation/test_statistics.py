from __future__ import annotations

import math

import numpy as np
import pytest

from inpainter.evaluation.statistics import Estimate, bootstrap_mean, compare_paired


def test_bootstrap_has_the_width_of_the_normal_interval():
    assert bootstrap_mean([2.0] * 9) == bootstrap_mean([2.0] * 9 + [math.nan, math.inf])
    values = np.random.default_rng(0).normal(5.0, 2.0, 400)
    estimate = bootstrap_mean(values)
    assert estimate.mean == pytest.approx(values.mean()) and estimate.count == 400
    expected = 1.96 * values.std() / 20
    assert estimate.high - estimate.mean == pytest.approx(expected, rel=0.15)
    assert estimate.mean - estimate.low == pytest.approx(expected, rel=0.15)
    assert bootstrap_mean(values) == estimate
    assert bootstrap_mean([]).count == 0 and math.isnan(bootstrap_mean([]).mean)


def test_estimates_as_text():
    assert Estimate(1.234, 1.0, 1.5, 9).text(2) == "1.23 (1.00 to 1.50)"
    assert Estimate(1.234, 1.234, 1.234, 1).text(1) == "1.2"
    assert bootstrap_mean([]).text(2) == bootstrap_mean([]).mean_text(2) == "-"
    assert Estimate(-0.001, -0.1, -0.002, 9).text(2) == "0.00 (-0.10 to 0.00)"
    assert Estimate(1.234, 1.0, 1.5, 9).mean_text(1) == "1.2"


def test_a_paired_comparison_is_the_librarys_on_the_shared_cases():
    from scipy.stats import wilcoxon

    random = np.random.default_rng(1)
    one = {f"c{number}": value for number, value in enumerate(random.normal(0.4, 1, 30))}
    other = {f"c{number}": value for number, value in enumerate(random.normal(0.0, 1, 28))}
    comparison = compare_paired(one, other)
    differences = [one[case] - other[case] for case in other]
    assert comparison.difference.count == 28
    assert comparison.difference.mean == pytest.approx(np.mean(differences))
    assert comparison.p == pytest.approx(wilcoxon(differences).pvalue)


def test_ties_take_the_normal_limit():
    from scipy.stats import wilcoxon

    differences = [1.0, 1.0, 2.0, -1.0, 3.0, 0.0, 1.0, 2.0, 2.0, 4.0]
    mine = {str(number): value for number, value in enumerate(differences)}
    expected = wilcoxon(differences, method="asymptotic").pvalue
    assert compare_paired(mine, dict.fromkeys(mine, 0.0)).p == pytest.approx(expected)


def test_limits_of_a_comparison():
    assert compare_paired({"a": 1.0, "b": 2.0}, {"a": 1.0, "b": 2.0}).p == 1.0
    nothing = compare_paired({"a": math.nan}, {"a": 1.0})
    assert math.isnan(nothing.p) and nothing.difference.count == 0
