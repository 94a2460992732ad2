"""Signals at any moment of a write, in forked processes, and what is said of them."""

from __future__ import annotations

import contextlib
import os
import signal
import sys

import pytest

from weights.base import atomic, stopping
from weights.base.atomic import write_whole
from weights.base.training_command import exit_status

pytestmark = pytest.mark.skipif(os.name != "posix", reason="signals between processes")


@pytest.fixture(autouse=True)
def handlers():
    before = {
        signal.SIGINT: signal.signal(signal.SIGINT, signal.default_int_handler),
        signal.SIGTERM: signal.signal(signal.SIGTERM, signal.SIG_DFL),
    }
    yield
    for one, handler in before.items():
        signal.signal(one, handler)


class SignalAtCall:
    """Sends a signal at the n-th call in some files: Python handles signals at the beginning of its
    own functions, and behind others."""

    def __init__(self, files, number):
        self.files, self.left, self.reached = files, number, False

    def __enter__(self):
        self.before = sys.getprofile()
        sys.setprofile(self.count)

    def __exit__(self, *_):
        sys.setprofile(self.before)

    def count(self, frame, event, argument):
        del argument
        handled = event in ("call", "c_return") and not self.reached
        if handled and frame.f_code.co_filename in self.files:
            self.left -= 1
            if self.left == 0:
                self.reached = True
                signal.raise_signal(signal.SIGTERM)


@pytest.mark.parametrize("overwrite", [False, True])
def test_a_signal_at_any_call_of_a_write_leaves_no_file_behind(tmp_path, overwrite):
    files = {atomic.__file__, stopping.__file__, contextlib.__file__}
    outcomes = set()
    for number in range(1, 1000):
        folder = tmp_path / str(number)
        target = folder / "file.txt"
        if overwrite:
            folder.mkdir()
            target.write_text("old")
        interrupted = SignalAtCall(files, number)

        def run(interrupted=interrupted, target=target):
            with interrupted:
                write_whole(target, "new", overwrite=overwrite)

        status = exit_status(run)
        names = [path.name for path in folder.iterdir()] if folder.exists() else []
        assert names in ([], ["file.txt"]), number
        content = target.read_text() if names else None
        assert content in ({"old", "new"} if overwrite else {None, "new"}), number
        outcomes.add((status, content))
        if not interrupted.reached:
            break
    assert number > 30
    assert outcomes >= {(143, "old" if overwrite else None), (143, "new"), (0, "new")}


def test_a_signal_waits_for_the_end_of_a_block():
    reached = []

    def run():
        with stopping.held():
            signal.raise_signal(signal.SIGINT)
            reached.append("in the block")
        reached.append("behind it")

    assert exit_status(run) == 130
    assert reached == ["in the block"]
    with stopping.held():
        reached.append("later")
    assert reached[-1] == "later", "what came before is forgotten"


def test_a_signal_in_a_block_at_safe_points_waits_for_one():
    reached = []

    def run():
        with stopping.at_safe_points():
            with stopping.held():
                signal.raise_signal(signal.SIGINT)
            reached.append("behind the block")
            stopping.stop_if_asked()
            reached.append("behind the safe point")

    assert exit_status(run) == 130
    assert reached == ["behind the block"]


@pytest.mark.parametrize("waits", [False, True])
@pytest.mark.parametrize(("number", "expected"), [(signal.SIGINT, 0), (signal.SIGTERM, 7)])
def test_a_forked_process_leaves_ctrl_c_to_its_parent(number, expected, waits):
    replaced = stopping.install()
    try:
        with stopping.at_safe_points() if waits else contextlib.nullcontext():
            child = os.fork()
            if child == 0:
                with contextlib.suppress(BaseException):
                    signal.raise_signal(number)
                    signal.raise_signal(number)
                    os._exit(0)
                os._exit(7)
            _, status = os.waitpid(child, 0)
    finally:
        stopping.restore(replaced)
    assert os.waitstatus_to_exitcode(status) == expected


def test_a_run_that_started_over_is_not_resumed_by_starting_over_again(capfd):
    assert exit_status(lambda: signal.raise_signal(signal.SIGINT), restarted=True) == 130
    said = "unmask: stopped; run the same command without --restart to resume.\n"
    assert capfd.readouterr().err == said

    def twice():
        with stopping.at_safe_points():
            signal.raise_signal(signal.SIGTERM)
            signal.raise_signal(signal.SIGTERM)

    child = os.fork()
    if child == 0:
        exit_status(twice, restarted=True)
        os._exit(0)
    _, status = os.waitpid(child, 0)
    assert os.waitstatus_to_exitcode(status) == 143 and capfd.readouterr().err == said
