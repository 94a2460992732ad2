"""A study's result as Markdown and as JSON."""

from __future__ import annotations

import dataclasses
import math
from typing import TYPE_CHECKING, Any

from pipeline.study.exports import HIGHEST, LOWEST
from weights.provenance import unmask_version

if TYPE_CHECKING:
    from pipeline.study.analysis import Interval, ModelJudgement, StudyResult

_BAR = 24


def study_json(result: StudyResult) -> dict[str, Any]:
    """The result as JSON values; nan is None."""

    def plain(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: plain(part) for key, part in value.items()}
        if isinstance(value, list | tuple):
            return [plain(part) for part in value]
        return None if isinstance(value, float) and not math.isfinite(value) else value

    content: dict[str, Any] = plain(dataclasses.asdict(result))
    return {"unmask": unmask_version(), "scale": [LOWEST, HIGHEST], **content}


def study_markdown(result: StudyResult) -> str:
    """The result as Markdown: figures of each model, then its histogram."""
    lines = [
        f"# {_cell(result.title)}",
        "",
        f"Study {result.study}; {_counted(result.raters, 'rater')}"
        + (f", {result.unfinished} of them not finished" if result.unfinished else "")
        + f"; median time for an answer {_number(result.seconds, 1)} s. "
        f"Ratings from {LOWEST} (surely painted) to {HIGHEST} (surely a real photo).",
        "",
        "| | ratings | raters | faces | mean | 95 % | below real | 95 % | beside real | 95 % |",
        "|---|---:|---:|---:|---:|---|---:|---|---:|---|",
    ]
    lines += [_row(one) for one in result.models]
    lines += [
        "",
        "Below real: how much lower the mean is than that of real photos. Beside real: chance that "
        "of one picture and one real photo, seen by the same person, the picture is rated higher; "
        "0.5 means that people cannot tell them apart. Intervals draw raters and faces again "
        f"{result.resamples} times (pigeonhole bootstrap, seed {result.seed})"
        + ("; with one rater they say nothing about other people." if result.raters == 1 else "."),
        "",
    ]
    for one in result.models:
        lines += [f"## {_cell(one.model)}", "", "```text", *_histogram(one), "```", ""]
    if result.left_out:
        lines += [
            "Left out, as the same person saved a fuller export: "
            + ", ".join(map(_cell, result.left_out))
            + ".",
            "",
        ]
    return "\n".join(lines)


def _row(one: ModelJudgement) -> str:
    cells = [_cell(one.model), str(one.ratings), str(one.raters), str(one.faces)]
    for figure in (one.mean, one.below_real, one.beside_real):
        cells += _interval(figure)
    return "| " + " | ".join(cells) + " |"


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


def _counted(count: int, noun: str) -> str:
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def _cell(text: str) -> str:
    return " ".join(text.replace("|", "\\|").split())
