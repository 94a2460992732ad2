"""Processes that work for another one leave Ctrl-C to it."""

from __future__ import annotations

import signal
import sys

import pytest

from weights.base.worker_pool import WorkerPool


@pytest.mark.skipif(sys.platform == "win32", reason="signals are not blocked there")
def test_a_process_hears_nothing_of_ctrl_c_from_its_first_moment_on() -> None:
    with WorkerPool(1, print) as pool:
        in_child = pool.submit(signal.pthread_sigmask, signal.SIG_BLOCK, []).result()
        handler = pool.submit(signal.getsignal, signal.SIGINT).result()
    assert signal.SIGINT in in_child
    assert handler == signal.SIG_IGN
    assert signal.SIGINT not in signal.pthread_sigmask(signal.SIG_BLOCK, [])
