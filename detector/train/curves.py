"""Ultralytics' file of curves in a run's folder: its epochs and their times."""

from __future__ import annotations

import math
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from weights.base.atomic import write_whole

CURVES_NAME = "results.csv"
"""Ultralytics' file in a run's folder with a line per epoch: time, losses, metrics."""


def last_epoch(folder: Path) -> tuple[int, float]:
    """Number of epochs a run has trained so far, and seconds; zeros before the first."""
    _, rows = _curves(folder / CURVES_NAME)
    return (rows[-1].epoch, rows[-1].seconds) if rows else (0, 0.0)


def keep_epochs(path: Path, count: int) -> None:
    """Keep only the first epochs in the file of curves, one line each.

    A run killed after writing an epoch's line and before its checkpoint trains the epoch again. A
    file without any of them is removed, as its header may be damaged, too.
    """
    header, rows = _curves(path)
    kept = {row.epoch: row.line for row in rows if row.epoch <= count}
    if kept:
        write_whole(path, "\n".join([header, *kept.values()]) + "\n", overwrite=True)
    else:
        path.unlink(missing_ok=True)


class _Row(NamedTuple):
    epoch: int
    seconds: float
    line: str


def _curves(path: Path) -> tuple[str, list[_Row]]:
    """The header and complete lines of a file of curves; both empty if there is none."""
    if not path.is_file():
        return "", []
    header, *lines = path.read_text(encoding="utf-8", errors="replace").splitlines() or [""]
    names = [name.strip() for name in header.split(",")]
    rows = []
    for line in lines:
        cells = line.split(",")
        values = dict(zip(names, cells, strict=False))
        if len(cells) == len(names):
            with suppress(ValueError, KeyError, OverflowError):
                row = _Row(int(float(values["epoch"])), float(values["time"]), line)
                if row.epoch > 0 and 0.0 <= row.seconds < math.inf:
                    rows.append(row)
    return header, rows
