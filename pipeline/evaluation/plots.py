"""Plots of reports, drawn with matplotlib without its global state."""

from __future__ import annotations

import importlib.util
import io
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from detector.evaluation.matching import PrecisionRecallCurve
from inpainter.evaluation.statistics import Estimate
from weights.base.optional_libraries import imported_for

COLOURS: Final = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#000000")
"""Colour-blind-safe colours of the systems (Okabe and Ito 2008)."""

NO_PLOTS: Final = "Plots need matplotlib: pip install 'unmask[evaluate]'."
"""Text of a report instead of its plots."""

_ACROSS: Final = 3
_RESOLUTION: Final = 110


@dataclass(frozen=True)
class Panel:
    """One small plot: an estimate with its interval for each system and place.

    Attributes:
        title: above it.
        places: labels along the bottom.
        series: system to one estimate per place.
    """

    title: str
    places: tuple[str, ...]
    series: Mapping[str, Sequence[Estimate]]


def can_plot() -> bool:
    """Whether matplotlib is installed; it is in the extra `evaluate`."""
    return importlib.util.find_spec("matplotlib") is not None


def plot_bars(panels: Sequence[Panel]) -> bytes:
    """Draw bars with their 95 % intervals, one panel per figure, as PNG.

    Raises:
        MissingDependencyError: matplotlib is not installed.
    """
    figure, axes = _grid(panels)
    for axis, panel in zip(axes, panels, strict=False):
        count = len(panel.series)
        width = 0.8 / max(1, count)
        for number, (name, estimates) in enumerate(panel.series.items()):
            offsets = [at + (number - (count - 1) / 2) * width for at in range(len(estimates))]
            means = [estimate.mean for estimate in estimates]
            look = {"color": _colour(number), "edgecolor": "white", "linewidth": 0.6}
            axis.bar(offsets, means, width, label=name, **look)
            lines = {"fmt": "none", "ecolor": "#333333", "elinewidth": 1.0, "capsize": 2.5}
            axis.errorbar(offsets, means, yerr=_reach(estimates), **lines)
    return _finished(figure, axes, panels)


def plot_curves(panels: Sequence[Panel]) -> bytes:
    """Draw curves with bands for their 95 % intervals, one panel per figure, as PNG.

    Raises:
        MissingDependencyError: matplotlib is not installed.
    """
    figure, axes = _grid(panels)
    for axis, panel in zip(axes, panels, strict=False):
        for number, (name, estimates) in enumerate(panel.series.items()):
            places = range(len(estimates))
            means = [estimate.mean for estimate in estimates]
            low = [estimate.low for estimate in estimates]
            high = [estimate.high for estimate in estimates]
            colour = _colour(number)
            axis.plot(places, means, marker="o", markersize=3.5, label=name, color=colour)
            axis.fill_between(places, low, high, color=colour, alpha=0.15, linewidth=0)
    return _finished(figure, axes, panels)


def plot_precision_recall(
    curves: Mapping[str, PrecisionRecallCurve], points: Mapping[str, tuple[float, float]]
) -> bytes:
    """Draw precision over recall as PNG.

    Args:
        curves: name to curve.
        points: name to (recall, precision) at the confidence threshold, drawn as a dot.

    Raises:
        MissingDependencyError: matplotlib is not installed.
    """
    figure = _figure(5.2, 4.4)
    axis = figure.add_subplot()
    for number, (name, curve) in enumerate(curves.items()):
        label = f"{name}, AP {curve.average_precision:.3f}"
        # The curve begins at recall 0 with the precision of its highest-scoring detection.
        recall = [0.0, *curve.recall.tolist()]
        precision = [*curve.precision[:1].tolist(), *curve.precision.tolist()]
        if len(recall) == len(precision):
            # Curves of masks and boxes often coincide: dashes leave the first visible.
            dashes = (0, (3, 3)) if number else "-"
            axis.plot(
                recall, precision, color=_colour(number), label=label, linewidth=2, linestyle=dashes
            )
        if name in points and not any(math.isnan(value) for value in points[name]):
            axis.plot(*points[name], "o", color=_colour(number), markersize=9 - 4 * number)
    axis.set(xlim=(0, 1.02), ylim=(0, 1.02), xlabel="recall", ylabel="precision")
    _plain(axis)
    if curves:
        axis.legend(frameon=False, fontsize=9, loc="lower left")
    return _encoded(figure)


def plot_histograms(counts: Mapping[str, Sequence[int]], first: int = 0) -> bytes:
    """Draw histograms, one panel per name on a common scale, as PNG.

    Args:
        counts: name to the number of times for each value.
        first: the value of the first number.

    Raises:
        MissingDependencyError: matplotlib is not installed.
    """
    panels = [Panel(name, (), {}) for name in counts]
    figure, axes = _grid(panels)
    for number, (axis, own) in enumerate(zip(axes, counts.values(), strict=False)):
        values = range(first, first + len(own))
        axis.bar(values, own, 0.85, color=_colour(number))
        axis.set_xticks(values)
        axis.set_ylim(0, 1.05 * max(map(max, counts.values()), default=0) or 1)
        axis.yaxis.get_major_locator().set_params(integer=True)
    return _finished(figure, axes, panels)


def _figure(width: float, height: float) -> Any:
    with imported_for("Plotting", "matplotlib", "evaluate"):
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure
    figure = Figure(figsize=(width, height), dpi=_RESOLUTION, layout="constrained")
    FigureCanvasAgg(figure)
    return figure


def _grid(panels: Sequence[Panel]) -> tuple[Any, list[Any]]:
    across = min(_ACROSS, max(1, len(panels)))
    down = math.ceil(len(panels) / across)
    slanted = any(_is_long(panel) for panel in panels)
    figure = _figure(3.6 * across, (3.1 if slanted else 2.6) * down + 0.3)
    axes = figure.subplots(down, across, squeeze=False).ravel().tolist()
    for axis in axes[len(panels) :]:
        axis.set_visible(False)
    return figure, axes


def _finished(figure: Any, axes: list[Any], panels: Sequence[Panel]) -> bytes:
    for axis, panel in zip(axes, panels, strict=False):
        axis.set_title(panel.title, fontsize=10)
        if panel.places:
            slant = {"rotation": 35, "ha": "right", "rotation_mode": "anchor"}
            look = slant if _is_long(panel) else {}
            axis.set_xticks(range(len(panel.places)), panel.places, **look)
        axis.tick_params(labelsize=8)
        _plain(axis, lines="y")
    handles, labels = axes[0].get_legend_handles_labels()
    if handles:
        look = {"loc": "outside lower center", "fontsize": 9, "frameon": False}
        figure.legend(handles, labels, ncols=min(3, len(labels)), **look)
    return _encoded(figure)


def _encoded(figure: Any) -> bytes:
    stream = io.BytesIO()
    figure.savefig(stream, format="png", metadata={"Software": None})
    return stream.getvalue()


def _plain(axis: Any, lines: str = "both") -> None:
    axis.grid(axis=lines, alpha=0.3, linewidth=0.6)
    axis.set_axisbelow(True)
    axis.spines[["top", "right"]].set_visible(False)


def _is_long(panel: Panel) -> bool:
    return sum(len(place) + 1 for place in panel.places) > 34


def _colour(number: int) -> str:
    return COLOURS[number % len(COLOURS)]


def _reach(estimates: Sequence[Estimate]) -> list[list[float]]:
    """Distances of the intervals' ends below and above the means; 0 without an interval."""
    pairs = [
        (estimate.mean - estimate.low, estimate.high - estimate.mean) if estimate.count else (0, 0)
        for estimate in estimates
    ]
    return [[max(0.0, low) for low, _ in pairs], [max(0.0, high) for _, high in pairs]]
