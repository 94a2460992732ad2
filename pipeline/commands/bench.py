"""`unmask bench`: what the stages take here, what each network costs, how the program starts."""

from __future__ import annotations

import fnmatch
import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer
import typer.core

from pipeline.commands.command_options import command_options
from pipeline.commands.stage_options import Device

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from pipeline.apps.bench.classical import ClassicalFigures
    from pipeline.apps.bench.networks import ModelFigures


_Figures = TypeVar("_Figures", "ModelFigures", "ClassicalFigures")


class _PipelineByDefault(typer.core.TyperGroup):
    """Treats anything but a command as arguments of `pipeline`, and --peers as `peers`."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        if args[:1] == ["--peers"]:
            args = ["peers", *args[1:]]
        if not args or args[0] not in (*self.commands, "--help"):
            args = ["pipeline", *args]
        return super().parse_args(ctx, args)


app = typer.Typer(
    cls=_PipelineByDefault,
    help="Time the stages of unmasking (`pipeline`, the default), or the networks, each "
    "on every backend (`models`) or on its fastest (`peers`, also as --peers).",
    add_completion=False,
)

Count = Annotated[int, typer.Option(min=1)]
Side = Annotated[int, typer.Option(min=16)]
TimeLimit = Annotated[float, typer.Option(min=1.0, max=1e6)]
AsJson = Annotated[bool, typer.Option("--json")]


@app.command()
@command_options
def pipeline(
    picture: Annotated[Path | None, typer.Argument()] = None,
    runs: Count = 7,
    threads: Annotated[int | None, typer.Option(min=1)] = None,
    device: Device = "auto",
    as_json: AsJson = False,
) -> None:
    """Measure a warm `unmask()` on one picture, stage by stage, its memory, and the start-up time.

    Times depend on the machine and its load: compare within one run.

    Args:
        picture: A photo of your own; by default a drawn 1280 x 960 masked head.
        runs: Timed runs, after a warm-up run.
        threads: CPU threads; torch's choice by default.
        device: auto, cpu, cuda, cuda:N or mps.
        as_json: Print one JSON object instead of a table.
    """
    from pipeline.apps.bench.pipeline import benchmark_picture, measure_pipeline, time_program
    from pipeline.core import Pipeline
    from pipeline.evaluation.document import counted
    from weights.images import read_picture

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

    faces, often = counted(found.faces, "face"), counted(runs, "run")
    table = Table(title=f"{width} x {height}, {faces}, {often}")
    for heading in ("", "median ms", "fastest", "slowest"):
        table.add_column(heading, justify="left" if not heading else "right")
    for name, timing in {**found.stages, **starts}.items():
        figures = (timing.median, timing.fastest, timing.slowest)
        table.add_row(name, *(f"{1000 * one:.1f}" for one in figures))
    console = Console()
    console.print(table)
    console.print(f"Peak memory of the process: {found.peak_memory / 2**20:.0f} MiB")


@app.command()
@command_options
def models(
    names: Annotated[list[str] | None, typer.Argument()] = None,
    backends: str = "fp32,bf16,onnxruntime,openvino",
    side: Side = 256,
    threads: Count = 2,
    runs: Count = 5,
    time_limit: TimeLimit = 600.0,
    as_json: AsJson = False,
) -> None:
    """Print what each inpainter costs: parameters, multiply-adds, time per face, memory.

    Networks have random weights and run on the CPU. Each network and each classical method runs in
    its own process.

    Args:
        names: Networks and classical methods, or globs of their names; all by default.
        backends: Which of fp32, bf16, onnxruntime and openvino are timed; '' times nothing.
        side: Side of the timed pictures, pixels.
        threads: CPU threads.
        runs: Timed runs, after a warm-up run.
        time_limit: Seconds after which a network is given up.
        as_json: Print one JSON object instead of a table.
    """
    from inpainter.registry import CLASSICAL, list_models
    from pipeline.apps.bench.classical import classical_table, measure_classical
    from pipeline.apps.bench.networks import measure_models, models_table

    asked = [name for name in backends.split(",") if name]
    networks: list[str] = []
    methods: list[str] = []
    for pattern in names or ["*"]:
        found = fnmatch.filter(CLASSICAL, pattern)
        methods += [name for name in found if name not in methods]
        # A name without a match is passed on; its error suggests the nearest.
        matching = list_models(pattern) or ([] if found else [pattern])
        networks += [name for name in matching if name not in networks]
    if not asked:
        methods = []
    settings: dict[str, Any] = {"side": side, "threads": threads, "runs": runs}
    limited = {**settings, "time_limit": time_limit}
    total = len(networks) + len(methods)
    figures = _counted(measure_models(networks, backends=asked, **limited), total)
    classical = _counted(measure_classical(methods, **limited), total, len(figures))
    if as_json:
        report = {
            **settings,
            "models": [{**asdict(one), "growth": one.growth} for one in figures],
            "classical": [asdict(one) for one in classical],
        }
        typer.echo(json.dumps(report, indent=2))
        return
    timed = [name for name in asked if any(name in one.milliseconds for one in figures)]
    if figures:
        typer.echo(models_table(figures, timed))
    if classical:
        typer.echo(classical_table(classical, side))
    if asked:
        typer.echo(f"A face of {side} pixels on {threads} threads, median of {runs} runs.")
    for line in _failures(figures, classical, asked, timed):
        typer.echo(line)


def _counted(measured: Iterable[_Figures], total: int, before: int = 0) -> list[_Figures]:
    """Collect figures as they arrive, and report progress."""
    found = []
    for number, one in enumerate(measured, before + 1):
        found.append(one)
        typer.echo(f"{number}/{total} {one.name}", err=True)
    return found


def _failures(
    figures: Sequence[ModelFigures],
    classical: Sequence[ClassicalFigures],
    asked: Sequence[str],
    timed: Sequence[str],
) -> Iterator[str]:
    """Say what could not be measured and why; `timed` are the backends asked for that worked."""
    for one in figures:
        for backend, reason in one.failures.items():
            if backend in timed:
                yield f"- {one.name}, {backend}: {reason}"
    for method in classical:
        if method.failure is not None:
            yield f"- {method.name}: {method.failure}"
    missing = [name for name in asked if name not in timed]
    if figures and missing:
        causes = {one.failures[name] for one in figures for name in missing if name in one.failures}
        yield f"- {', '.join(missing)}: {'; '.join(sorted(causes))}"


@app.command()
@command_options
def peers(
    names: Annotated[list[str] | None, typer.Argument()] = None,
    side: Side = 256,
    threads: Count = 2,
    runs: Count = 5,
    time_limit: TimeLimit = 600.0,
    as_json: AsJson = False,
) -> None:
    """Print each network on its fastest backend, next to the machine's matrix multiplication rate.

    All are measured in one run, with random weights on the CPU; networks with shipped weights are
    in bold. Compare on an otherwise idle machine.

    Args:
        names: Networks, or globs of their names; all by default.
        side: Side of the timed pictures, pixels.
        threads: CPU threads.
        runs: Timed runs, after a warm-up run.
        time_limit: Seconds after which a network is given up.
        as_json: Print one JSON object instead of a table.
    """
    from inpainter.registry import list_models
    from pipeline.apps.bench.networks import BACKENDS, measure_models
    from pipeline.apps.bench.peers import best_backend, measure_multiplication, peers_table

    chosen = [name for pattern in names or ["*"] for name in list_models(pattern) or [pattern]]
    chosen = list(dict.fromkeys(chosen))
    rates = measure_multiplication(threads, runs)
    settings: dict[str, Any] = {"side": side, "threads": threads, "runs": runs}
    figures = _counted(measure_models(chosen, **settings, time_limit=time_limit), len(chosen))
    if as_json:
        networks = [{**asdict(one), "best_backend": best_backend(one)} for one in figures]
        report = {**settings, "multiply_adds_a_second": rates, "models": networks}
        typer.echo(json.dumps(report, indent=2))
        return
    typer.echo(peers_table(figures, rates, side, list_models(pretrained=True)))
    measured = ", ".join(f"{rate / 1e9:.0f} in {name}" for name, rate in rates.items())
    typer.echo(
        f"A face of {side} pixels on {threads} threads, median of {runs} runs; the fastest of "
        f"{', '.join(BACKENDS.values())}. Matrices are multiplied here at {measured}, GMACs a "
        "second; the share is that of the larger."
    )
