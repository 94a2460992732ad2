"""Writes a report to its folder."""

from __future__ import annotations

import csv
import io
import json
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from inpainter.evaluation.picture_sheet import SheetRow, draw_sheet
from pipeline.evaluation.document import Document, Picture, to_markdown
from pipeline.evaluation.latex import to_latex
from pipeline.evaluation.page import to_html
from weights.base.atomic import write_whole
from weights.base.errors import OutputError
from weights.images.mark import make_mark, save_marked

DOCUMENT_FILES: Final = ("report.html", "report.md", "report.json", "tables.tex")
"""Files of every report; pictures and CSV files come in addition."""


def refuse_existing(folder: Path, names: Iterable[str], *, overwrite: bool) -> None:
    """Raise an error before the work, not after it, if a report exists.

    Raises:
        OutputError: one of the files exists and `overwrite` is False.
    """
    for name in names:
        if (folder / name).exists() and not overwrite:
            raise OutputError(f"{folder / name} exists already; --overwrite replaces it.")


def write_report(
    folder: str | Path,
    document: Document,
    summary: Mapping[str, Any],
    tables: Mapping[str, str],
    *,
    overwrite: bool = False,
) -> list[Path]:
    """Write report.html, report.md, report.json, tables.tex, CSV files, plots and sheets.

    Args:
        folder: of the report; created if missing.
        document: the report for people.
        summary: the report for machines, plain values.
        tables: names and contents of further text files, such as cases.csv.
        overwrite: whether existing files are replaced.

    Returns:
        The written files, the page first.

    Raises:
        OutputError: a file exists and `overwrite` is False (found before anything is written), or
            cannot be written.
    """
    root = Path(folder)
    contents: dict[str, bytes] = {
        "report.html": to_html(document).encode(),
        "report.md": to_markdown(document).encode(),
        "report.json": (json.dumps(summary, indent=1, ensure_ascii=False) + "\n").encode(),
        "tables.tex": to_latex(document).encode(),
    }
    contents |= {name: text.encode() for name, text in tables.items()}
    contents |= {picture.file: picture.data for picture in document.pictures}
    refuse_existing(root, contents, overwrite=overwrite)
    for name, content in contents.items():
        write_whole(root / name, content, overwrite=overwrite)
    return [root / name for name in contents]


def sheet_picture(
    title: str, file: str, rows: Sequence[SheetRow], *, cell: int = 224, note: str = ""
) -> Picture:
    """Draw a sheet, marked as made with a model.

    Args:
        title: of the picture.
        file: its name, ending in .jpg.
        rows: at least one.
        cell: side of the square that each picture is fitted into, in pixels.
        note: a sentence below it.
    """
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "sheet.jpg"
        save_marked(draw_sheet(rows, cell), path, make_mark(), quality=90)
        data = path.read_bytes()
    return Picture(title, file, data, note)


def csv_text(heading: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    """Format rows as CSV with Unix line endings."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(heading)
    writer.writerows(rows)
    return text.getvalue()
