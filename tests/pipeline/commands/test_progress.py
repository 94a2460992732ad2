"""The progress bar: shown to people alone."""

import io
import re
from types import SimpleNamespace

import pytest

from pipeline.commands.progress import progress_bar


class Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.fixture
def terminal(monkeypatch):
    """Make standard error a terminal; called in the test, as pytest sets its own before."""
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "120")
    for name in ("NO_COLOR", "FORCE_COLOR", "TTY_COMPATIBLE", "TTY_INTERACTIVE"):
        monkeypatch.delenv(name, raising=False)

    def show():
        screen = Terminal()
        monkeypatch.setattr("sys.stderr", screen)
        return screen

    return show


@pytest.fixture
def clock(monkeypatch):
    """A clock that the test sets, in place of the bar's own."""
    clock = SimpleNamespace(now=1000.0, perf_counter=lambda: clock.now)
    monkeypatch.setattr("pipeline.commands.progress.time", clock)
    return clock


def test_it_shows_count_speed_and_time_left(terminal, clock):
    screen = terminal()
    with progress_bar("Unmasking [x]", 4) as show:
        for done in range(1, 4):
            clock.now += 0.4
            show(done)
    text = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", screen.getvalue())
    assert "Unmasking [x]" in text
    assert "3/4" in text
    assert "2.5 pictures/s" in text
    assert "left" in text


def test_a_total_may_come_later_and_the_unit_be_another(terminal):
    screen = terminal()
    with progress_bar("clip.mp4", unit="frames") as show:
        show(5, None)
        show(6, 10)
    assert "6/10" in screen.getvalue()
    assert "frames/s" in screen.getvalue()


def test_what_an_earlier_run_did_is_no_speed(terminal, clock):
    screen = terminal()
    with progress_bar("clip.mp4", unit="frames") as show:
        show(50_000, 50_100)
        clock.now += 0.5
        show(50_001, 50_100)
    text = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", screen.getvalue())
    assert "50001/50100" in text
    assert set(re.findall(r"[\d.]+ frames/s", text)) == {"2.0 frames/s"}


def test_nothing_is_written_where_nobody_looks(capsys):
    with progress_bar("Unmasking", 2) as show:
        show(1)
        show(2)
    assert capsys.readouterr() == ("", "")


def test_nothing_is_written_where_nobody_wants_it(terminal):
    screen = terminal()
    with progress_bar("Unmasking", 2, shown=False) as show:
        show(2)
    assert screen.getvalue() == ""
