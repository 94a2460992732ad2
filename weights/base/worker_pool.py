"""A pool of worker processes."""

from __future__ import annotations

import multiprocessing
import multiprocessing.util
import signal
import sys
from collections.abc import Callable
from concurrent.futures import Future, ProcessPoolExecutor
from typing import Any, ParamSpec, TypeVar

from weights.base.stopping import leave_to_parent

_Result = TypeVar("_Result")
_Arguments = ParamSpec("_Arguments")


class WorkerPool(ProcessPoolExecutor):
    """Processes on one core each, which ignore Ctrl-C: their parent ends them.

    They are spawned, not forked, so they inherit no state of this process.

    Args:
        count: how many.
        prepare: called in each with `arguments` before its work; it must be picklable.
        arguments: likewise.
    """

    def __init__(self, count: int, prepare: Callable[..., object], *arguments: Any) -> None:
        keep_sockets_together()
        super().__init__(
            count,
            multiprocessing.get_context("spawn"),
            initializer=_begin,
            initargs=(prepare, *arguments),
        )

    def submit(
        self,
        fn: Callable[_Arguments, _Result],
        /,
        *args: _Arguments.args,
        **kwargs: _Arguments.kwargs,
    ) -> Future[_Result]:
        """Submit a call to a process, starting one if necessary."""
        if sys.platform == "win32":
            return super().submit(fn, *args, **kwargs)
        # A terminal sends Ctrl-C also to processes that are just starting.
        before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
        try:
            return super().submit(fn, *args, **kwargs)
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)


def keep_sockets_together() -> None:
    """Make processes that are started later keep their sockets in a folder of this one.

    It is removed when this process exits; one of their own would stay if a signal ended them.
    """
    multiprocessing.util.get_temp_dir()


def _begin(prepare: Callable[..., object], *arguments: Any) -> None:
    leave_to_parent()
    import cv2

    # There is one process per core.
    cv2.setNumThreads(1)
    prepare(*arguments)
