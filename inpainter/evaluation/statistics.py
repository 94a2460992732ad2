"""Means with confidence intervals, and paired comparison of systems."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np

_MOST_EXACT: Final = 50
"""Maximum cases for an exact signed-rank test; beyond, the normal approximation suffices."""


@dataclass(frozen=True)
class Estimate:
    """A mean with its 95 % bootstrap confidence interval.

    Attributes:
        mean: mean over the cases where the metric applies; nan if there are none.
        low: lower end of the interval.
        high: upper end of the interval.
        count: number of cases.
    """

    mean: float
    low: float
    high: float
    count: int

    def text(self, decimals: int) -> str:
        """Format as "1.2 (1.0 to 1.4)"; one case has no interval, none gives a dash."""
        if self.count < 2:
            return self.mean_text(decimals)
        # Adding 0.0 after rounding turns -0.0 into 0.0.
        low, high = (round(end, decimals) + 0.0 for end in (self.low, self.high))
        return f"{self.mean_text(decimals)} ({low:.{decimals}f} to {high:.{decimals}f})"

    def mean_text(self, decimals: int) -> str:
        """Format the mean alone; a dash if there is no case."""
        return f"{round(self.mean, decimals) + 0.0:.{decimals}f}" if self.count else "-"


@dataclass(frozen=True)
class Comparison:
    """The mean paired difference of two systems, and its p-value.

    Attributes:
        difference: the mean over cases of one value minus the other, with its interval.
        p: p-value of the two-sided Wilcoxon signed-rank test, not adjusted for multiple tests; 1 if
            no case differs, nan if there are none.
    """

    difference: Estimate
    p: float


def bootstrap_mean(
    values: Iterable[float], *, resamples: int = 1000, seed: int = 0, confidence: float = 0.95
) -> Estimate:
    """Estimate a mean and its percentile bootstrap interval.

    Args:
        values: one per case; nan and infinite ones are left out.
        resamples: number of resamples.
        seed: random seed.
        confidence: fraction of the resamples inside the interval.

    Source: Efron 1979, "Bootstrap Methods: Another Look at the Jackknife".

    Examples:
        >>> bootstrap_mean([1.0, 2.0, 3.0]).text(2)
        '2.00 (1.00 to 3.00)'
    """
    finite = np.array([value for value in values if math.isfinite(value)], np.float64)
    if finite.size == 0:
        return Estimate(math.nan, math.nan, math.nan, 0)
    random = np.random.default_rng(seed)
    # In chunks: all resamples of thousands of cases at once would fill memory.
    means = np.concatenate(
        [
            finite[random.integers(finite.size, size=(len(piece), finite.size))].mean(axis=1)
            for piece in np.array_split(np.arange(resamples), max(1, resamples // 50))
        ]
    )
    tail = (1.0 - confidence) / 2.0
    low, high = np.quantile(means, (tail, 1.0 - tail))
    return Estimate(float(finite.mean()), float(low), float(high), int(finite.size))


def compare_paired(
    values: Mapping[str, float],
    others: Mapping[str, float],
    *,
    resamples: int = 1000,
    seed: int = 0,
) -> Comparison:
    """Compare two systems on the cases that both have.

    Args:
        values: one system's values by case name.
        others: the other system's values by case name.
        resamples: number of bootstrap resamples.
        seed: random seed of the bootstrap.

    Source: Wilcoxon 1945, "Individual Comparisons by Ranking Methods"; SciPy's implementation.
    """
    pairs = [(values[case], others[case]) for case in values if case in others]
    differences = [one - other for one, other in pairs if math.isfinite(one - other)]
    estimate = bootstrap_mean(differences, resamples=resamples, seed=seed)
    return Comparison(estimate, _signed_rank(differences))


def _signed_rank(differences: list[float]) -> float:
    if not differences:
        return math.nan
    if not any(differences):
        return 1.0
    from scipy.stats import wilcoxon

    sizes = [abs(difference) for difference in differences]
    # With ties or zeros SciPy would enumerate all signs, which is slow.
    exact = len(sizes) <= _MOST_EXACT and len(set(sizes)) == len(sizes) and 0.0 not in sizes
    return float(wilcoxon(differences, method="exact" if exact else "asymptotic").pvalue)
