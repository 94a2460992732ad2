"""Compares all networks, each on its fastest backend, with the machine's peak arithmetic rate."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from functools import partial
from typing import Any, Final

from pipeline.apps.bench.networks import BACKENDS, SIDES, ModelFigures
from pipeline.apps.bench.own_process import answer, measure_alone
from pipeline.apps.bench.pipeline import timed_runs
from pipeline.evaluation.document import Table, cells, markdown_table

_SIDE: Final = 2048
"""Side of the multiplied matrices: large enough to make the start-up cost negligible."""


def measure_multiplication(threads: int, runs: int = 5) -> dict[str, float]:
    """Measure how fast this machine multiplies matrices, in a separate process.

    Args:
        threads: CPU threads.
        runs: number of runs, of which the fastest counts, after a warm-up run.

    Returns:
        Multiply-adds a second, by "fp32" and "bf16".

    Raises:
        MeasurementError: the process returned no result.
    """
    task = {"threads": threads, "runs": runs}
    rates: dict[str, float] = measure_alone("pipeline.apps.bench.peers", task, 600.0)
    return rates


def measure_here(task: Mapping[str, Any]) -> dict[str, float]:
    """Measure multiply-adds a second in this process.

    Args:
        task: `threads` and `runs`.
    """
    import torch

    torch.set_num_threads(task["threads"])
    rates = {}
    for name, kind in (("fp32", torch.float32), ("bf16", torch.bfloat16)):
        matrix = torch.rand(_SIDE, _SIDE).to(kind)
        matrix @ matrix
        rates[name] = (
            _SIDE**3 / timed_runs(partial(torch.matmul, matrix, matrix), task["runs"]).fastest
        )
    return rates


def best_backend(figures: ModelFigures) -> str | None:
    """The backend on which a network is fastest; None if none could run it."""
    timed = figures.milliseconds
    return min(timed, key=lambda name: timed[name].median) if timed else None


def peers_table(
    figures: Sequence[ModelFigures],
    rates: Mapping[str, float],
    side: int,
    shipped: Collection[str],
) -> str:
    """Format networks as a Markdown table, fastest first.

    The share is the network's multiply-adds per second over the machine's, the faster of fp32 and
    bf16: how much of the machine its layers can use. A dash means that a network could not be run.

    Args:
        figures: of each network; multiply-adds not counted at `side` are scaled by area.
        rates: from `measure_multiplication`.
        side: of the timed pictures, pixels.
        shipped: names of networks with weights here, set in bold.
    """
    headings = ("network", "best backend", "ms a face", f"GMACs at {side}", "GMACs a second")
    rows = []

    def milliseconds(one: ModelFigures) -> float:
        best = best_backend(one)
        return float("inf") if best is None else one.milliseconds[best].median

    for one in sorted(figures, key=milliseconds):
        name = f"**{one.name}**" if one.name in shipped else one.name
        counted = one.multiply_adds.get(side)
        if counted is None:
            counted = round(one.multiply_adds[SIDES[0]] * (side / SIDES[0]) ** 2)
        texts = [name, "-", "-", f"{counted / 1e9:.2f}", "-", "-"]
        best = best_backend(one)
        if best is not None:
            rate = counted / (one.milliseconds[best].median / 1000.0)
            texts[1:3] = [BACKENDS[best], f"{one.milliseconds[best].median:.1f}"]
            texts[4:] = [f"{rate / 1e9:.1f}", f"{rate / max(rates.values()):.0%}"]
        rows.append(cells(*texts))
    table = Table("", (*headings, "share of the machine"), tuple(rows), labels=2)
    return markdown_table(table) + "\n"


if __name__ == "__main__":
    answer(measure_here)
