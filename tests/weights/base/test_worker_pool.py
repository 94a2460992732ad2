"""Processes that work for another one leave Ctrl-C to it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from weights.base.worker_pool import WorkerPool

ROOT = Path(__file__).parents[3]


@pytest.mark.skipif(sys.platform == "win32", reason="signals are not blocked there")
def test_a_process_hears_nothing_of_ctrl_c_from_its_first_moment_on() -> None:
    with WorkerPool(1, print) as pool:
        in_child = pool.submit(signal.pthread_sigmask, signal.SIG_BLOCK, []).result()
        handler = pool.submit(signal.getsignal, signal.SIGINT).result()
    assert signal.SIGINT in in_child
    assert handler == signal.SIG_IGN
    assert signal.SIGINT not in signal.pthread_sigmask(signal.SIG_BLOCK, [])


KILLED = """
import multiprocessing, multiprocessing.util, os, signal
from weights.base.worker_pool import WorkerPool, keep_sockets_together

def die():
    with open(os.path.join(multiprocessing.util.get_temp_dir(), "socket"), "w"):
        os.kill(os.getpid(), signal.SIGTERM)

def work():
    return multiprocessing.util.get_temp_dir()

if __name__ == "__main__":
    keep_sockets_together()
    process = multiprocessing.get_context("fork").Process(target=die)
    process.start()
    process.join()
    assert process.exitcode == -signal.SIGTERM
    assert os.listdir(multiprocessing.util.get_temp_dir()) == ["socket"]
    with WorkerPool(1, print) as pool:
        assert pool.submit(work).result() == multiprocessing.util.get_temp_dir()
"""


@pytest.mark.skipif(sys.platform == "win32", reason="processes are not forked there")
def test_a_process_that_a_signal_ends_leaves_no_folder_behind(tmp_path: Path) -> None:
    program, temporary = tmp_path / "program.py", tmp_path / "temporary"
    program.write_text(KILLED)
    temporary.mkdir()
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "TMPDIR": str(temporary)}
    done = subprocess.run(
        [sys.executable, program], env=environment, capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr
    assert list(temporary.iterdir()) == []
