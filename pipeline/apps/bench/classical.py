"""Benchmarks the classical inpainting methods: time, its growth, memory."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final

import numpy as np

from inpainter.registry import CLASSICAL
from pipeline.apps.bench.own_process import MeasurementError, answer, measure_alone
from pipeline.apps.bench.pipeline import Timing, benchmark_picture, memory_growth, timed_runs
from pipeline.evaluation.document import Table, cells, markdown_table
from pipeline.stages.registry import create_stage
from weights.base.contracts import Hole, Image
from weights.base.names import unknown_name

LARGE: Final = 4
"""Side of the large picture relative to that of the timed one: 16 times its area."""

_PROGRAM: Final = "pipeline.apps.bench.classical"


@dataclass(frozen=True)
class ClassicalFigures:
    """Cost of one method.

    Attributes:
        name: the method's registered name.
        milliseconds: per picture; None if it could not be measured.
        growth: time at four times the side, relative to this one: 16 is proportional to area; None
            if not measured.
        peak_memory: peak growth of the process while completing one picture, in bytes.
        failure: why a figure is missing, else None.
    """

    name: str
    milliseconds: Timing | None = None
    growth: float | None = None
    peak_memory: int | None = None
    failure: str | None = None


def measure_classical(
    names: Sequence[str],
    *,
    side: int = 256,
    threads: int = 2,
    runs: int = 5,
    time_limit: float = 600.0,
) -> Iterator[ClassicalFigures]:
    """Measure classical methods, each in its own process.

    Args:
        names: of `inpainter.registry.CLASSICAL`.
        side: of the timed pictures, pixels.
        threads: CPU threads, for methods that use several.
        runs: timed runs of each, after a warm-up run. The large picture is timed once.
        time_limit: seconds after which a measurement at either size is abandoned.

    Yields:
        Each method's figures as soon as they are measured.

    Raises:
        ConfigurationError: a name is unknown.
    """
    for name in names:
        if name not in CLASSICAL:
            raise unknown_name("classical method", name, CLASSICAL)
    for name in names:
        task = {"name": name, "side": side, "threads": threads, "runs": runs}
        try:
            found = measure_alone(_PROGRAM, task, time_limit)
        except MeasurementError as reason:
            yield ClassicalFigures(name, failure=str(reason))
            continue
        timing = Timing(**found["milliseconds"])
        growth, failure = None, None
        try:
            large = measure_alone(_PROGRAM, {**task, "side": LARGE * side, "runs": 1}, time_limit)
            growth = large["milliseconds"]["median"] / timing.median
        except MeasurementError as reason:
            failure = f"at {LARGE * side} pixels: {reason}"
        yield ClassicalFigures(name, timing, growth, found["peak_memory"], failure)


def classical_table(figures: Sequence[ClassicalFigures], side: int) -> str:
    """Format figures as a Markdown table, with a dash for what could not be measured."""
    headings = ("method", "ms", f"time at {LARGE * side} over {side}", "peak memory, MiB")
    rows = (
        cells(
            one.name,
            "-" if one.milliseconds is None else f"{one.milliseconds.median:.0f}",
            "-" if one.growth is None else f"{one.growth:.1f}",
            "-" if one.peak_memory is None else f"{one.peak_memory / 2**20:.0f}",
        )
        for one in figures
    )
    return markdown_table(Table("", headings, tuple(rows))) + "\n"


def face_and_hole(side: int) -> tuple[Image, Hole]:
    """Draw a face, uint8 RGB `(side, side, 3)`, and a hole, bool `(side, side)`, of 30 % of it."""
    drawn = benchmark_picture(4 * side, 3 * side)
    top, left = (3 * side - side) // 2, (4 * side - side) // 2
    hole = np.zeros((side, side), np.bool_)
    hole[side // 3 : 5 * side // 6, side // 5 : 4 * side // 5] = True
    return drawn[top : top + side, left : left + side].copy(), hole


def measure_here(task: Mapping[str, Any]) -> dict[str, Any]:
    """Measure one method in this process.

    Args:
        task: `name`, `side`, `threads` and `runs`; a warm-up run comes first.
    """
    import cv2

    cv2.setNumThreads(task["threads"])
    image, hole = face_and_hole(task["side"])
    method: Any = create_stage("inpainter", task["name"])

    def complete() -> None:
        method.complete([image], [hole])

    grown = memory_growth(complete)
    timing = timed_runs(complete, task["runs"], unit=1e-3)
    return {"milliseconds": asdict(timing), "peak_memory": grown}


if __name__ == "__main__":
    answer(measure_here)
