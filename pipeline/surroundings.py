"""Shielding the pipeline from global torch settings, forks and threads of the calling program."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

_process = os.getpid()
_ready_for_forks = False


@contextmanager
def own_arithmetic() -> Iterator[None]:
    """Shield networks from the calling program's global settings.

    Networks run without automatic mixed precision, on the stages' devices rather than on torch's
    default device, and with one thread in a forked process: the parent's threads do not exist in
    the child, which would wait for them forever.
    """
    global _process
    torch: Any = sys.modules.get("torch")
    _prepare_for_forks()
    if os.getpid() != _process:
        _process = os.getpid()
        if torch is not None:
            torch.set_num_threads(1)
    with ExitStack() as stack:
        if torch is not None:
            for kind in ("cpu", "cuda"):
                if torch.is_autocast_enabled(kind):
                    stack.enter_context(torch.autocast(kind, enabled=False))
            if torch.get_default_device().type != "cpu":
                stack.enter_context(torch.device("cpu"))
        yield


@contextmanager
def shared_cores(threads: int) -> Iterator[None]:
    """Give each of several threads of a program its part of the cores.

    Threads that each use all cores mostly wait for one another.

    Args:
        threads: how many compute at once; a single one gets all cores.
    """
    if threads == 1:
        yield
        return
    import cv2
    import torch

    before = torch.get_num_threads(), cv2.getNumThreads()
    torch.set_num_threads(max(1, before[0] // threads))
    cv2.setNumThreads(max(1, before[1] // threads))
    try:
        yield
    finally:
        torch.set_num_threads(before[0])
        cv2.setNumThreads(before[1])


def _prepare_for_forks() -> None:
    """Make OpenCV end its threads before a fork: a child cannot even reduce their number."""
    global _ready_for_forks
    if _ready_for_forks or not hasattr(os, "register_at_fork"):
        return
    # First, as several threads may come here at once.
    _ready_for_forks = True
    import cv2

    threads = cv2.getNumThreads()

    def end_threads() -> None:
        nonlocal threads
        threads = cv2.getNumThreads()
        cv2.setNumThreads(1)

    os.register_at_fork(before=end_threads, after_in_parent=lambda: cv2.setNumThreads(threads))
