from __future__ import annotations

import base64
import io
import re
import sys
from html.parser import HTMLParser

import numpy as np
import PIL.Image
import pytest

from detector.evaluation.matching import precision_recall_curve
from inpainter.evaluation.picture_sheet import SheetRow
from inpainter.evaluation.statistics import Estimate
from pipeline.evaluation.document import Cell, Document, Picture, Table, cells, to_markdown
from pipeline.evaluation.latex import escape, latex_table, to_latex
from pipeline.evaluation.page import to_html
from pipeline.evaluation.plots import (
    Panel,
    plot_bars,
    plot_curves,
    plot_histograms,
    plot_precision_recall,
)
from pipeline.evaluation.writing import csv_text, sheet_picture, write_report
from weights.base.errors import MissingDependencyError, OutputError
from weights.images.mark_reader import read_mark

DOT = (
    b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR\x00\x00\x00\x01\x00\x00\x00\x01\x08\x02\x00\x00\x00\x90wS"
    b"\xde\x00\x00\x00\x0cIDATx\x9cc\xf8\xcf\xc0\x00\x00\x03\x01\x01\x00\xc9\xfe\x92\xef\x00\x00"
    b"\x00\x00IEND\xaeB`\x82"
)


@pytest.fixture
def document():
    table = Table(
        "All & sundry",
        ("metric", "a_b", "c"),
        (cells("x|y", "1", "2"), (Cell("z <b>"), Cell("3", best=True), Cell("4"))),
        note="50 % of it.",
    )
    return Document(
        "Things, measured",
        ("A lead.",),
        {"seed": 0, "faces": "<here>"},
        (table, Picture("A plot", "plots/a.png", DOT)),
    )


def test_markdown_tables_are_well_formed(document):
    text = to_markdown(document)
    lines = [line for line in text.splitlines() if line.startswith("|")]
    assert lines == [
        "| metric | a_b | c |",
        "|---|---:|---:|",
        "| x\\|y | 1 | 2 |",
        "| z <b> | **3** | 4 |",
    ]
    assert "- seed: 0" in text and "![A plot](plots/a.png)" in text and "50 % of it." in text


def test_latex_is_escaped_and_balanced(document):
    text = to_latex(document)
    assert text.count(r"\begin{") == text.count(r"\end{") == 2
    assert r"\begin{tabular}{lrr}" in text and r"a\_b" in text and r"50 \%" in text
    assert r"z \textless{}b\textgreater{} & \textbf{3} & 4 \\" in text
    assert text.count("{") == text.count("}")
    assert escape("a\\b~^$#&{}") == (
        r"a\textbackslash{}b\textasciitilde{}\textasciicircum{}\$\#\&\{\}"
    )


def test_broad_tables_fit_the_page():
    heading = tuple(f"column {number}" for number in range(7))
    table = Table("Broad", heading, (cells("a b", *["1.0 (0.5 to 1.5)"] * 6),))
    narrow = Table("Narrow", heading[:3], (cells("a", "1.0 (0.5 to 1.5)", "2"),))
    latex = [latex_table(one) for one in (table, narrow)]
    assert r"\resizebox{\linewidth}{!}{%" in latex[0] and r"\end{tabular}}" in latex[0]
    assert latex[0].count("{") == latex[0].count("}") and "resizebox" not in latex[1]
    page = to_html(Document("x", (), {}, (table, narrow)))
    assert page.count('<table class="broad">') == 1
    assert "1.0 (0.5\u00a0to\u00a01.5)" in page, "intervals stay whole"


class Seen(HTMLParser):
    def __init__(self, text):
        super().__init__()
        self.tags, self.links, self.open = [], [], []
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        self.tags.append(tag)
        self.links += [value for name, value in attributes if name in ("src", "href")]
        if tag not in ("img", "meta", "br"):
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


def test_the_page_stands_alone(document):
    text = to_html(document)
    seen = Seen(text)
    assert seen.open == [] and seen.tags.count("tr") == 3 and "script" not in seen.tags
    assert all(link.startswith(("data:", "#")) for link in seen.links)
    assert "<here>" not in text and "&lt;here&gt;" in text and "z &lt;b&gt;" in text
    data = re.search(r'src="data:image/png;base64,([^"]+)"', text).group(1)
    assert base64.b64decode(data) == DOT
    assert '<td class="best">3</td>' in text


def panels(count, places=("a", "b")):
    estimate = Estimate(1.0, 0.5, 1.5, 9)
    nothing = Estimate(float("nan"), float("nan"), float("nan"), 0)
    series = {"first": [estimate] * len(places), "second": [nothing] * len(places)}
    return [Panel(f"panel {number}", places, series) for number in range(count)]


@pytest.mark.parametrize("draw", [plot_bars, plot_curves])
def test_plots_are_pictures_that_grow_with_their_panels(draw):
    pytest.importorskip("matplotlib")
    sizes = []
    for count in (1, 3, 4):
        with PIL.Image.open(io.BytesIO(draw(panels(count)))) as picture:
            sizes.append(picture.size)
            colours = np.unique(np.asarray(picture.convert("RGB")).reshape(-1, 3), axis=0)
            assert len(colours) > 10
    assert sizes[0][0] < sizes[1][0] == sizes[2][0] and sizes[1][1] < sizes[2][1]


def test_drawing_leaves_matplotlib_as_it_was():
    matplotlib = pytest.importorskip("matplotlib")
    before = dict(matplotlib.rcParams)
    plot_bars(panels(2, ("a rather long name", "another long name", "more")))
    assert dict(matplotlib.rcParams) == before


def test_histograms_have_a_panel_each():
    pytest.importorskip("matplotlib")
    sizes = []
    for names in ("a", "abc", "abcd"):
        counts = {name: [0, 3, 1] for name in names}
        with PIL.Image.open(io.BytesIO(plot_histograms(counts, 1))) as picture:
            sizes.append(picture.size)
    assert sizes[0][0] < sizes[1][0] and sizes[1][1] < sizes[2][1]


def test_precision_recall_plots():
    pytest.importorskip("matplotlib")
    curve = precision_recall_curve([0.9, 0.8, 0.3], [0, -1, 1], 2)
    empty = precision_recall_curve([], [], 2)
    data = plot_precision_recall({"mask": curve, "box": empty}, {"mask": (0.5, 1.0)})
    with PIL.Image.open(io.BytesIO(data)) as picture:
        assert picture.format == "PNG" and picture.width > 300


def test_without_matplotlib_the_error_names_the_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    with pytest.raises(MissingDependencyError, match=r"unmask\[evaluate\]"):
        plot_bars(panels(1))


def test_a_report_is_written_whole_or_not_at_all(document, tmp_path):
    (tmp_path / "cases.csv").write_text("mine")
    with pytest.raises(OutputError, match=r"cases\.csv exists"):
        write_report(tmp_path, document, {}, {"cases.csv": "theirs"})
    assert [path.name for path in tmp_path.iterdir()] == ["cases.csv"]
    written = write_report(tmp_path, document, {"a": 1}, {"cases.csv": "x"}, overwrite=True)
    names = [path.relative_to(tmp_path).as_posix() for path in written]
    assert names == [
        "report.html",
        "report.md",
        "report.json",
        "tables.tex",
        "cases.csv",
        "plots/a.png",
    ]
    assert (tmp_path / "plots" / "a.png").read_bytes() == DOT
    assert (tmp_path / "cases.csv").read_text() == "x"


def test_sheets_carry_the_mark_of_filled_pictures():
    row = SheetRow("a", {"x": np.zeros((8, 8, 3), np.uint8)}, "caption")
    picture = sheet_picture("Best", "best.jpg", [row], cell=32)
    assert picture.media_type == "image/jpeg" and read_mark(picture.data) is not None


def test_csv_quotes_what_needs_it():
    assert csv_text(["a", "b"], [["x,y", 1]]) == 'a,b\n"x,y",1\n'
