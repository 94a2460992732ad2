"""`unmask evaluate`: how good a stage is, on which pictures, for whom, next to what."""

from __future__ import annotations

import typer

from pipeline.commands.evaluate_detector import evaluate_detector
from pipeline.commands.evaluate_inpainter import evaluate_inpainter, freeze
from pipeline.commands.evaluate_pipeline import evaluate_pipeline
from pipeline.commands.evaluate_references import evaluate_references
from pipeline.commands.evaluate_reports import compare_two_reports, publish_figures

app = typer.Typer(
    name="evaluate",
    add_completion=False,
    no_args_is_help=True,
)


@app.callback()
def evaluate() -> None:
    """Measure a stage, or all of them, on pictures for which the truth is known.

    Every report is a folder with report.html, which stands alone, and the same
    as Markdown, JSON, CSV and LaTeX. A measurement that was broken off goes on
    by the same command again.
    """


app.command("inpainter")(evaluate_inpainter)
app.command("detector")(evaluate_detector)
app.command("pipeline")(evaluate_pipeline)
app.command("references")(evaluate_references)
app.command("freeze")(freeze)
app.command("diff")(compare_two_reports)
app.command("publish")(publish_figures)
