"""What the methods that complete without learning cost: their time, its growth, their memory."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from inpainter.registry import CLASSICAL
from pipeline.apps.bench.own_process import MeasurementError, answer, measure_alone
from pipeline.apps.bench.pipeline import Timing, benchmark_picture, memory_growth, timed_runs
from pipeline.evaluation.document import Table, cells, markdown_table
from weights.base.names import unknown_name

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from weights.base.contracts import Hole, Image

LARGE: Final = 4
"""Side of the large picture over that of the timed one: its area is 16 times as large."""

_PROGRAM: Final = "pipeline.apps.bench.classical"


@dataclass(frozen=True)
class ClassicalFigures:
    """What one method costs.

    Attributes:
        name: the method's registered name.
        milliseconds: of one picture; None where it could not be measured.
        growth: time of a picture of four times the side over that of this one: 16 is in step with
            area; None where that was not measured.
        peak_memory: bytes that the process grew by, at its largest, when it completed one picture.
        failure: why something is missing, else None.
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
    """Measure methods without a network, each in a process of its own.

    Args:
        names: of `inpainter.registry.CLASSICAL`.
        side: of the pictures that are timed, pixels.
        threads: of the arithmetic, where a method uses several.
        runs: timed runs of each; one more goes before. The large picture is timed once.
        time_limit: seconds after which either size is given up.

    Yields:
        Each method's figures as they are there.

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
    """Write figures as a Markdown table; a dash stands where something could not be measured."""
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
    """A drawn face, uint8 RGB `(side, side, 3)`, and a hole bool `(side, side)` that hides 30 %."""
    drawn = benchmark_picture(4 * side, 3 * side)
    top, left = (3 * side - side) // 2, (4 * side - side) // 2
    hole = np.zeros((side, side), np.bool_)
    hole[side // 3 : 5 * side // 6, side // 5 : 4 * side // 5] = True
    return drawn[top : top + side, left : left + side].copy(), hole


def measure_here(task: Mapping[str, Any]) -> dict[str, Any]:
    """Measure one method in this process.

    Args:
        task: `name`, `side`, `threads` and `runs`; one run more goes before.
    """
    import cv2

    from pipeline.stages.registry import create_stage

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
