"""`unmask evaluate`: measures stages and compares reports."""

from __future__ import annotations

import typer

from pipeline.commands.evaluate_detector import evaluate_detector
from pipeline.commands.evaluate_inpainter import evaluate_inpainter, freeze
from pipeline.commands.evaluate_pipeline import evaluate_pipeline
from pipeline.commands.evaluate_references import evaluate_references
from pipeline.commands.evaluate_reports import compare_two_reports, publish_figures

app = typer.Typer(no_args_is_help=True, add_completion=False)


@app.callback()
def evaluate() -> None:
    """Measure one stage, or all of them, on pictures with known ground truth.

    Every report is a folder with a self-contained report.html, and the same as
    Markdown, JSON, CSV and LaTeX. After an interruption the same command
    resumes.
    """


app.command("inpainter")(evaluate_inpainter)
app.command("detector")(evaluate_detector)
app.command("pipeline")(evaluate_pipeline)
app.command("references")(evaluate_references)
app.command("freeze")(freeze)
app.command("diff")(compare_two_reports)
app.command("publish")(publish_figures)
