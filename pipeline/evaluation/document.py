"""A report as tables and pictures, to be formatted as Markdown, LaTeX or HTML."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

BROAD: Final = 6
"""Maximum columns of a table that fits a page unscaled."""


@dataclass(frozen=True)
class Cell:
    """One entry of a table.

    Attributes:
        text: its content.
        best: whether it is the best of its comparison.
    """

    text: str
    best: bool = False


@dataclass(frozen=True)
class Table:
    """A table with one line of headings.

    Attributes:
        title: its heading; unique in a document.
        heading: of the columns.
        rows: each as long as `heading`.
        labels: number of text columns at the left; the others are numbers.
        note: a sentence below it.
    """

    title: str
    heading: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]
    labels: int = 1
    note: str = ""

    @property
    def broad(self) -> bool:
        """Whether it has too many columns for a page with intervals on one line."""
        return len(self.heading) > BROAD


@dataclass(frozen=True)
class Picture:
    """A plot or a sheet of pictures.

    Attributes:
        title: its heading.
        file: name of its file in the report's folder, with forward slashes.
        data: the file's content, PNG or JPEG according to the suffix.
        note: a sentence below it.
    """

    title: str
    file: str
    data: bytes = field(repr=False)
    note: str = ""

    @property
    def media_type(self) -> str:
        """The media type of the suffix."""
        return "image/png" if self.file.endswith(".png") else "image/jpeg"


@dataclass(frozen=True)
class Document:
    """A report for people.

    Attributes:
        title: its heading.
        lead: paragraphs below the heading.
        facts: configuration, versions, seeds, checksums.
        parts: tables and pictures in their order.
    """

    title: str
    lead: tuple[str, ...]
    facts: Mapping[str, Any]
    parts: tuple[Table | Picture, ...]

    @property
    def tables(self) -> list[Table]:
        """The tables only."""
        return [part for part in self.parts if isinstance(part, Table)]

    @property
    def pictures(self) -> list[Picture]:
        """The pictures only."""
        return [part for part in self.parts if isinstance(part, Picture)]


def cells(*texts: str) -> tuple[Cell, ...]:
    """A row of plain entries."""
    return tuple(Cell(text) for text in texts)


def counted(number: int, noun: str) -> str:
    """Format a count, such as "1 case" and "2 cases"."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def to_markdown(document: Document) -> str:
    """Format a document as Markdown; pictures are linked files, best entries are bold."""
    blocks = [f"# {document.title}", *document.lead]
    if document.facts:
        blocks.append("\n".join(f"- {key}: {value}" for key, value in document.facts.items()))
    for part in document.parts:
        blocks.append(f"## {part.title}")
        if isinstance(part, Table):
            blocks.append(markdown_table(part))
        else:
            blocks.append(f"![{part.title}]({part.file})")
        if part.note:
            blocks.append(part.note)
    return "\n\n".join(blocks) + "\n"


def markdown_table(table: Table) -> str:
    """Format a table as Markdown."""
    numbers = len(table.heading) - table.labels
    lines = [
        _markdown_line(table.heading),
        "|" + "---|" * table.labels + "---:|" * numbers,
        *(
            _markdown_line([f"**{cell.text}**" if cell.best else cell.text for cell in row])
            for row in table.rows
        ),
    ]
    return "\n".join(lines)


def _markdown_line(texts: Any) -> str:
    return "| " + " | ".join(text.replace("|", "\\|") for text in texts) + " |"
