"""Distributes work over processes."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures.process import BrokenProcessPool
from typing import Any, TypeVar

from weights.base.errors import UnmaskError
from weights.base.worker_pool import WorkerPool

_Plan = TypeVar("_Plan")
_Task = TypeVar("_Task")
_Result = TypeVar("_Result")

_CHUNK = 4
"""Tasks given to a process at once."""


def available_cores() -> int:
    """The number of cores that this process may use."""
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:
        return os.cpu_count() or 1


def done_by_processes(
    prepare: Callable[[_Plan], Callable[[_Task], _Result]],
    plan: _Plan,
    tasks: Sequence[_Task],
    workers: int | None,
    *,
    here: Callable[[_Task], _Result] | None = None,
) -> Iterator[_Result]:
    """Run tasks in several processes; yields their results in order.

    Args:
        prepare: called in each process with `plan`; returns the function that does one task.
            Picklable.
        plan: data for every process; picklable.
        tasks: to run; too few for several processes are run in this one.
        workers: number of processes; None means one per core, 1 stays in this process.
        here: the function that `prepare` returned in this process, if called already.

    Raises:
        UnmaskError: a process ended early.
    """
    count = min(workers or available_cores(), max(1, len(tasks) // (2 * _CHUNK)))
    if count == 1:
        if tasks:
            yield from map(here or prepare(plan), tasks)
        return
    pool = WorkerPool(count, _start, prepare, plan)
    try:
        yield from pool.map(_do, tasks, chunksize=_CHUNK)
    except BrokenProcessPool as error:
        raise UnmaskError(
            "A process that builds the data set ended early, most likely because memory ran out: "
            "run the command again with fewer workers; it resumes where it stopped."
        ) from error
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


_prepared: Callable[[Any], Any] | None = None


def _start(prepare: Callable[[Any], Callable[[Any], Any]], plan: Any) -> None:
    global _prepared
    _prepared = prepare(plan)


def _do(task: Any) -> Any:
    assert _prepared is not None, "a process begins with _start"
    return _prepared(task)
