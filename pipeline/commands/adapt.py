"""`unmask adapt`: fine-tune the detector and the inpainter on your own faces."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from pipeline.commands.command_options import command_options
from pipeline.commands.stage_options import Device


@command_options
def adapt(
    folder: Path,
    output: Annotated[Path, typer.Option("--output", "-o")],
    time_budget: Annotated[float, typer.Option(min=0.0, max=1000000.0, metavar="MINUTES")] = 60.0,
    device: Device = "auto",
    threads: Annotated[int | None, typer.Option(min=1, show_default="all")] = None,
    seed: Annotated[int, typer.Option(min=0)] = 0,
) -> None:
    """Fine-tune the shipped detector and inpainter on your own faces.

    Finds landmarks, draws masks, trains both networks within the time budget,
    and measures before and after on held-out faces. If stopped, the same
    command resumes.

    OUTPUT/pipeline.yaml names the new weights where they measured better, else
    the shipped ones. Needs the extras 'train' and 'evaluate'.

    unmask adapt my-faces -o adapted --time-budget 120

    unmask run photo.jpg -o out.jpg --config adapted/pipeline.yaml

    Args:
        folder: A few hundred photos of faces without masks. Without a faces.jsonl the shipped
            network finds the landmarks.
        output: Folder for everything that is made.
        time_budget: Time the whole command may take.
        device: auto, cpu, cuda, cuda:N or mps.
        threads: CPU threads.
        seed: Seeds all random choices.
    """
    from pipeline.apps.adaptation import AdaptationSettings, adapt_to_faces

    settings = AdaptationSettings(time_budget, device, threads, seed)
    made = adapt_to_faces(folder, output, settings, tell=lambda said: typer.echo(said, err=True))
    for kind, figures in made.figures.items():
        use = "the new weights are used" if kind in made.adapted else "the shipped weights stay"
        typer.echo(f"{kind}: {use}")
        for name, before in figures["before"].items():
            typer.echo(f"  {name}: {before:.4f} before, {figures['after'][name]:.4f} after")
    if not made.finished:
        typer.echo(
            "The time budget ended before the inpainter's schedule; run the same command to resume."
        )
    typer.echo(f"Use it: unmask run photo.jpg -o out.jpg --config {made.pipeline}")
