"""Formats a report as one self-contained HTML file."""

from __future__ import annotations

import base64
import re
from html import escape
from typing import Final

from pipeline.evaluation.document import Document, Picture, Table

_STYLE: Final = """
:root { color-scheme: light dark; --line: #8884; --soft: #8881; --best: #0a7d3322; }
body { font: 16px/1.5 system-ui, sans-serif; }
body { margin: 0 auto; max-width: 75rem; padding: 1rem 1.5rem; }
h1 { font-size: 1.7rem; margin: 1rem 0 .3rem; }
h2 { font-size: 1.15rem; margin: 2.2rem 0 .6rem; }
nav { columns: 16rem; font-size: .9rem; margin: 1rem 0; }
nav a { display: block; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; font-size: .88rem; font-variant-numeric: tabular-nums; }
th, td { border-bottom: 1px solid var(--line); padding: .3rem .7rem; }
th, td { text-align: right; white-space: nowrap; }
th { background: var(--soft); }
th.label, td.label { text-align: left; }
.broad { font-size: .8rem; }
.broad th, .broad td { padding: .25rem .4rem; white-space: normal; }
.broad td.label { white-space: nowrap; }
td.best { background: var(--best); font-weight: 600; }
img { background: #fff; border: 1px solid var(--line); height: auto; max-width: 100%; }
.note { color: GrayText; font-size: .88rem; max-width: 60rem; }
dl { display: grid; font-size: .85rem; gap: .15rem 1rem; grid-template-columns: max-content 1fr; }
dt { font-weight: 600; } dd { margin: 0; overflow-wrap: anywhere; }
"""


def to_html(document: Document) -> str:
    """Format a document as one page; pictures are embedded as data, best entries are marked."""
    title = escape(document.title)
    links = "".join(
        f'<a href="#part{number}">{escape(part.title)}</a>'
        for number, part in enumerate(document.parts)
    )
    sections = "".join(
        f'<section id="part{number}"><h2>{escape(part.title)}</h2>'
        f"{_table(part) if isinstance(part, Table) else _picture(part)}"
        + (f'<p class="note">{escape(part.note)}</p>' if part.note else "")
        + "</section>\n"
        for number, part in enumerate(document.parts)
    )
    facts = "".join(
        f"<dt>{escape(str(key))}</dt><dd>{escape(str(value))}</dd>"
        for key, value in document.facts.items()
    )
    lead = "".join(f"<p>{escape(text)}</p>" for text in document.lead)
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{title}</title><style>{_STYLE}</style></head>\n<body>\n<h1>{title}</h1>\n{lead}"
        f'<nav>{links}<a href="#facts">How it was measured</a></nav>\n{sections}'
        f'<section id="facts"><h2>How it was measured</h2><dl>{facts}</dl></section>\n'
        "</body>\n</html>\n"
    )


def _table(table: Table) -> str:
    def entry(tag: str, text: str, column: int, best: bool = False) -> str:
        names = [name for name, on in (("label", column < table.labels), ("best", best)) if on]
        kind = f' class="{" ".join(names)}"' if names else ""
        # Intervals are not broken; in a broad table they go below the mean.
        shown = re.sub(r"\([^()]*\)", lambda match: match[0].replace(" ", "\u00a0"), text)
        return f"<{tag}{kind}>{escape(shown if tag == 'td' else text)}</{tag}>"

    head = "".join(entry("th", text, column) for column, text in enumerate(table.heading))
    rows = "".join(
        "<tr>"
        + "".join(entry("td", cell.text, at, cell.best) for at, cell in enumerate(row))
        + "</tr>"
        for row in table.rows
    )
    body = f"<thead><tr>{head}</tr></thead><tbody>{rows}</tbody>"
    kind = ' class="broad"' if table.broad else ""
    return f'<div class="wide"><table{kind}>{body}</table></div>'


def _picture(picture: Picture) -> str:
    data = base64.b64encode(picture.data).decode("ascii")
    return f'<img alt="{escape(picture.title)}" src="data:{picture.media_type};base64,{data}">'
