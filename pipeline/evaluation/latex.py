"""Formats a report's tables as LaTeX, for papers."""

from __future__ import annotations

from typing import Final

from pipeline.evaluation.document import Cell, Document, Table

_ESCAPES: Final = str.maketrans(
    {character: f"\\{character}" for character in "&%$#_{}"}
    | {
        "\\": r"\textbackslash{}",
        "~": r"\textasciitilde{}",
        "^": r"\textasciicircum{}",
        "<": r"\textless{}",
        ">": r"\textgreater{}",
        "|": r"\textbar{}",
    }
)


def to_latex(document: Document) -> str:
    """Format all tables of a document; best entries are bold.

    They need the packages that the first line names.
    """
    head = f"% {' '.join(document.title.split())}\n% \\usepackage{{booktabs,graphicx}}\n"
    return head + "".join("\n" + latex_table(table) for table in document.tables)


def latex_table(table: Table) -> str:
    """Format one table with its caption; a broad one is scaled to the text width."""
    columns = "l" * table.labels + "r" * (len(table.heading) - table.labels)
    caption = f"{table.title}. {table.note}" if table.note else f"{table.title}."
    lines = [
        r"\begin{table}",
        r"  \centering",
        rf"  \caption{{{escape(caption)}}}",
        *([r"  \resizebox{\linewidth}{!}{%"] if table.broad else []),
        rf"  \begin{{tabular}}{{{columns}}}",
        r"    \toprule",
        "    " + " & ".join(escape(text) for text in table.heading) + r" \\",
        r"    \midrule",
        *("    " + " & ".join(_cell(cell) for cell in row) + r" \\" for row in table.rows),
        r"    \bottomrule",
        r"  \end{tabular}" + ("}" if table.broad else ""),
        r"\end{table}",
    ]
    return "\n".join(lines) + "\n"


def escape(text: str) -> str:
    """Escape a text for LaTeX."""
    return text.translate(_ESCAPES)


def _cell(cell: Cell) -> str:
    return rf"\textbf{{{escape(cell.text)}}}" if cell.best else escape(cell.text)
