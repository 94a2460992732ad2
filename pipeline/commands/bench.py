"""`unmask bench`: what each stage takes here, and how fast the program starts."""

from __future__ import annotations

import json
from pathlib import Path  # noqa: TC003 - typer reads the annotations at run time
from typing import Annotated, Any, Optional

import typer


def bench(
    picture: Annotated[
        Optional[Path],  # noqa: UP045 - typer reads the annotation at run time
        typer.Argument(help="A photo of your own; a drawn 1280 x 960 head with a mask without it."),
    ] = None,
    runs: Annotated[int, typer.Option(min=1, help="Timed runs; one more goes before.")] = 7,
    threads: Annotated[
        Optional[int],  # noqa: UP045 - likewise
        typer.Option(min=1, help="Threads of a CPU's arithmetic; torch's choice without it."),
    ] = None,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda, cuda:N or mps.")] = "auto",
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Time a warm `unmask()` stage by stage on one picture, its memory, and the program's start.

    Times depend on the machine and what else it does: compare side by side, in one run.
    """
    from pipeline.benchmark import benchmark_picture, measure_pipeline, time_program
    from pipeline.core import Pipeline
    from pipeline.pictures import read_picture

    if threads is not None:
        import torch

        torch.set_num_threads(threads)
    pixels = benchmark_picture() if picture is None else read_picture(picture).pixels
    found = measure_pipeline(Pipeline(device=device), pixels, runs)
    bare = time_program(["-c", "pass"])
    starts = {
        "python -c pass": bare,
        "import pipeline": time_program(["-c", "from pipeline import unmask"]),
        "unmask --help": time_program(["-m", "pipeline", "--help"]),
    }
    height, width = pixels.shape[:2]
    if as_json:
        report: dict[str, Any] = {
            "picture": [width, height],
            "faces": found.faces,
            "runs": runs,
            "stages": {name: vars(timing) for name, timing in found.stages.items()},
            "starts": {name: vars(timing) for name, timing in starts.items()},
            "peak_memory": found.peak_memory,
        }
        typer.echo(json.dumps(report, indent=2))
        return
    from rich.console import Console
    from rich.table import Table

    table = Table(title=f"{width} x {height}, {found.faces} face(s), {runs} runs")
    for heading in ("", "median ms", "fastest", "slowest"):
        table.add_column(heading, justify="left" if not heading else "right")
    for name, timing in {**found.stages, **starts}.items():
        figures = (timing.median, timing.fastest, timing.slowest)
        table.add_row(name, *(f"{1000 * one:.1f}" for one in figures))
    console = Console()
    console.print(table)
    console.print(f"Peak memory of the process: {found.peak_memory / 2**20:.0f} MiB")
