"""The final report of `unmask run`, as text and as JSON."""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import typer

from pipeline.commands.columns import print_columns
from pipeline.run.outcome import Outcome, ReportedFace
from weights.base.atomic import atomic_path
from weights.base.errors import InputError, OutputError
from weights.base.printable import printable
from weights.images.mark import NOTICE, unmask_version

_MOST_ROWS = 40
"""Maximum number of files listed, not counting failures."""
_COLUMNS = (
    "input", "output", "status", "reason", "face", "x0", "y0", "x1", "y1", "filled_pixels", "score",
    "concerns", "chance", "seconds",
)  # fmt: skip
_EXPLANATIONS = {
    "to do": "would be worked on",
    "done": "what was filled in is a guess, not evidence of who the person is",
    "no mask found": "written as they were",
    "skipped": "the result exists; --overwrite replaces it",
    "failed": "named above",
    "no picture": "skipped: by its suffix neither a picture nor a video",
}


def count_outcomes(outcomes: Sequence[Outcome], passed_over: Sequence[Path]) -> dict[str, int]:
    """Count outcomes by status, and ignored files, in the order of the table."""
    counts = Counter[str](outcome.status for outcome in outcomes)
    counts["no picture"] = len(passed_over)
    order = ["done", "no mask found", "skipped", "failed", "no picture"]
    return {status: counts[status] for status in order + ["to do"] * bool(counts["to do"])}


def make_report(
    outcomes: Sequence[Outcome], passed_over: Sequence[Path], *, complete: bool
) -> dict[str, Any]:
    """Make the report of a whole run: strings, numbers, lists and mappings."""
    return {
        "unmask": unmask_version(),
        "notice": NOTICE,
        "complete": complete,
        "counts": count_outcomes(outcomes, passed_over),
        "pictures": [outcome.to_mapping() for outcome in outcomes if not outcome.job.video],
        "videos": [outcome.to_mapping() for outcome in outcomes if outcome.job.video],
        "no_pictures": [str(path) for path in passed_over],
    }


def check_table(path: Path, *, overwrite: bool) -> None:
    """Refuse, before any work, a table that could not be written.

    Raises:
        InputError: its name does not end in .csv.
        OutputError: it exists and may not be replaced.
    """
    if path.suffix.lower() != ".csv":
        raise InputError(f"--report must name a .csv file, but is {path}.")
    if path.exists() and not overwrite and not _is_empty_table(path):
        raise OutputError(f"{path} exists already: --overwrite or --resume replaces it.")


def _is_empty_table(path: Path) -> bool:
    """Whether a file is an empty table, left by a run that was stopped at once."""
    header = f"{','.join(_COLUMNS)}\r\n".encode()
    if not path.is_file():
        return False
    with path.open("rb") as file:
        return file.read(len(header) + 1) in (b"", header)


def write_table(path: Path, outcomes: Sequence[Outcome]) -> None:
    """Write a CSV line for each face of each file, and one for each file without faces.

    Raises:
        OutputError: it cannot be written.
    """
    with (
        atomic_path(path, overwrite=True) as temporary,
        temporary.open("w", encoding="utf-8", newline="") as file,
    ):
        table = csv.DictWriter(file, _COLUMNS)
        table.writeheader()
        for outcome in outcomes:
            of_file = {
                "input": outcome.job.source,
                "output": outcome.job.output,
                "status": outcome.status,
                "reason": outcome.reason,
                "seconds": round(sum(outcome.timings.values()), 3) if outcome.timings else "",
            }
            faces = [_cells(number, face) for number, face in enumerate(outcome.faces, 1)]
            table.writerows({**of_file, **face} for face in faces or [{}])


def _cells(number: int, face: ReportedFace) -> dict[str, Any]:
    """The columns of one face."""
    chance = face.get("chance")
    return {
        "face": number,
        **dict(zip(("x0", "y0", "x1", "y1"), face["box"], strict=True)),
        "filled_pixels": face["filled_pixels"],
        "score": face["score"],
        "concerns": " ".join(face.get("concerns", ())),
        "chance": "" if chance is None else f"{chance:.2f}",
    }


def print_summary(
    outcomes: Sequence[Outcome],
    passed_over: Sequence[Path],
    *,
    output: Path | str,
    seconds: float,
    resumed: bool,
    filled: bool = True,
) -> None:
    """Print the notable files, a table of counts, and where the results are.

    Args:
        outcomes: of all files, in order.
        passed_over: files in folders that are neither pictures nor videos.
        output: file, folder or URI of the results.
        seconds: how long the work took.
        resumed: whether the run resumed a stopped one, so that skipped files are done.
        filled: whether holes were filled, rather than only found.
    """
    ranks = {"failed": 0, "to do": 1, "no mask found": 2, "done": 3}
    notable = sorted(
        (
            outcome
            for outcome in outcomes
            if outcome.status in ("failed", "to do", "no mask found")
            or (outcome.status == "done" and outcome.reason)
        ),
        key=lambda outcome: ranks[outcome.status],
    )
    if notable:
        # Every failure is listed.
        failures = sum(outcome.status == "failed" for outcome in notable)
        shown = notable[: max(failures, _MOST_ROWS)]
        rows = [(str(one.job.source), one.status, one.reason) for one in shown]
        _print_rows([tuple(map(printable, row)) for row in rows])
        if len(notable) > len(shown):
            typer.echo(f"... and {len(notable) - len(shown)} more; --json lists all.")
        typer.echo()
    counts = count_outcomes(outcomes, passed_over)
    skipped = "finished before" if resumed else _EXPLANATIONS["skipped"]
    explanations = _EXPLANATIONS | {"skipped": skipped}
    if not filled:
        explanations |= {"done": "what would be filled is white", "no mask found": "all black"}
    _print_rows(
        [(status, str(count), explanations[status]) for status, count in counts.items() if count],
        right=1,
    )
    written = [one.job for one in outcomes if one.status in ("done", "no mask found")]
    if len(written) == 1:
        [job] = written
        more = f" and {len(job.others)} more next to it" if job.others else ""
        typer.echo(f"Written to {printable(str(job.output))}{more} in {_duration(seconds)}.")
    elif written:
        each = seconds / len(written)
        speed = f"{each:.1f} s each" if each > 1 else f"{1 / max(each, 1e-9):.1f} a second"
        place = printable(str(output))
        typer.echo(f"{len(written)} written to {place} in {_duration(seconds)}, {speed}.")
    elif resumed and not counts.get("to do"):
        rest = "There was nothing else to do" if counts["failed"] else "Nothing was left to do"
        typer.echo(f"{rest}: the results are in {printable(str(output))}.")


def _print_rows(rows: Sequence[tuple[str, ...]], right: int | None = None) -> None:
    """Print rows in columns: wrapped to fit a terminal, one line each in a pipe or a log."""
    import sys

    if not sys.stdout.isatty():
        print_columns(rows, right)
        return

    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False, show_header=False)
    for index in range(len(rows[0])):
        table.add_column(justify="right" if index == right else "left", overflow="fold")
    for row in rows:
        style = "red" if "failed" in row[:2] else ""
        table.add_row(*(Text(cell, style=style if cell == "failed" else "") for cell in row))
    Console().print(table)


def _duration(seconds: float) -> str:
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {rest} s"
