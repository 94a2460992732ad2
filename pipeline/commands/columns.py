"""Rows printed in columns."""

from __future__ import annotations

from collections.abc import Sequence

import typer


def print_columns(rows: Sequence[tuple[str, ...]], right: int | None = None) -> None:
    """Print rows, one line each, in columns as wide as their longest cell.

    Args:
        rows: all of the same length.
        right: index of a column to right-align.
    """
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        cells = (
            cell.rjust(width) if index == right else cell.ljust(width)
            for index, (cell, width) in enumerate(zip(row, widths, strict=True))
        )
        typer.echo("  ".join(cells).rstrip())
