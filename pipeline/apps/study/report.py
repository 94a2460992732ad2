"""Formats a study's result as Markdown, document and JSON."""

from __future__ import annotations

import dataclasses
import math
from typing import Any

from pipeline.apps.study.analysis import Interval, ModelJudgement, StudyResult
from pipeline.apps.study.exports import HIGHEST, LOWEST
from pipeline.apps.study.key import REAL
from pipeline.evaluation.document import Document, Picture, Table, cells, counted, markdown_table
from pipeline.evaluation.plots import NO_PLOTS, can_plot, plot_histograms
from weights.base.json_text import json_values
from weights.images.mark import unmask_version

_BAR = 24


def study_json(result: StudyResult) -> dict[str, Any]:
    """The result as JSON values; nan is None."""
    content: dict[str, Any] = json_values(dataclasses.asdict(result))
    return {"unmask": unmask_version(), "scale": [LOWEST, HIGHEST], **content}


def study_markdown(result: StudyResult) -> str:
    """The result as Markdown: figures of each model, then its text histogram."""
    blocks = [f"# {_line(result.title)}", *_lead(result), markdown_table(_ratings(result))]
    blocks.append(_ratings(result).note)
    for one in result.models:
        blocks += [f"## {_line(one.model)}", "\n".join(["```text", *_histogram(one), "```"])]
    return "\n\n".join(blocks) + "\n"


def study_document(result: StudyResult) -> Document:
    """The result as a document, for the page: figures, how often each rating was given, plots."""
    parts: list[Table | Picture] = [_ratings(result), _counts(result)]
    lead = _lead(result)
    if can_plot():
        counts = {_line(one.model): one.histogram for one in result.models}
        parts.append(Picture("Histograms", "plots/histograms.png", plot_histograms(counts, LOWEST)))
    else:
        lead.append(NO_PLOTS)
    facts = {
        "study": result.study,
        "raters": result.raters,
        "bootstrap": f"{result.resamples} resamples, seed {result.seed}",
        "unmask": unmask_version(),
    }
    return Document(_line(result.title), tuple(lead), facts, tuple(parts))


def _lead(result: StudyResult) -> list[str]:
    """Describe the study, and how the real photos were rated, as the baseline."""
    lead = [
        f"Study {result.study}; {counted(result.raters, 'rater')}"
        + (f", {result.unfinished} of them not finished" if result.unfinished else "")
        + f"; median time for an answer {_number(result.seconds, 1)} s. "
        f"Ratings from {LOWEST} (certainly generated) to {HIGHEST} (certainly a real photo)."
    ]
    real = next((one for one in result.models if one.model == REAL and one.ratings), None)
    if real is None:
        lead.append("No real photo was rated, so there is no baseline for the models.")
    else:
        high = sum(real.histogram[HIGHEST // 2 :])
        value, interval = _interval(real.mean)
        lead.append(
            f"Real photos were rated {value} on average (95 % interval {interval}); "
            f"{100 * high / real.ratings:.0f} % of their ratings were over {HIGHEST // 2}."
        )
    if result.left_out:
        lead.append(
            "Left out, as the same person saved a fuller export: "
            + ", ".join(map(_line, result.left_out))
            + "."
        )
    return lead


def _ratings(result: StudyResult) -> Table:
    rows = []
    for one in result.models:
        texts = [_line(one.model), str(one.ratings), str(one.raters), str(one.faces)]
        for figure in (one.mean, one.below_real, one.beside_real):
            texts += _interval(figure)
        rows.append(cells(*texts))
    heading = ("", "ratings", "raters", "faces", "mean", "95 %")
    return Table(
        "Ratings",
        (*heading, "below real", "95 %", "beside real", "95 %"),
        tuple(rows),
        note="Below real: how much lower the mean is than that of real photos. Beside real: "
        "probability that a person rates a picture higher than a real photo; 0.5 means that "
        "people cannot tell them apart. Intervals resample raters and faces "
        f"{result.resamples} times (pigeonhole bootstrap, seed {result.seed})"
        + ("; with one rater they say nothing about other people." if result.raters == 1 else "."),
    )


def _counts(result: StudyResult) -> Table:
    levels = tuple(str(level) for level in range(LOWEST, HIGHEST + 1))
    rows = (cells(_line(one.model), *map(str, one.histogram)) for one in result.models)
    return Table("How often each rating was given", ("", *levels), tuple(rows))


def _interval(figure: Interval | None) -> list[str]:
    if figure is None:
        return ["", ""]
    spread = f"{_number(figure.low, 2)} to {_number(figure.high, 2)}"
    return [_number(figure.value, 2), spread if math.isfinite(figure.low) else "-"]


def _histogram(one: ModelJudgement) -> list[str]:
    largest = max(*one.histogram, 1)
    width = len(str(largest))
    return [
        f"{level:>2} {count:>{width}} {'█' * round(_BAR * count / largest)}".rstrip()
        for level, count in enumerate(one.histogram, LOWEST)
    ]


def _number(value: float, digits: int) -> str:
    return f"{value:.{digits}f}" if math.isfinite(value) else "-"


def _line(text: str) -> str:
    return " ".join(text.split())
