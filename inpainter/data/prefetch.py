"""Prefetching: work started ahead and consumed in order."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from typing import TypeVar

_Result = TypeVar("_Result")


def prefetch(start: Callable[[int], Future[_Result]], count: int, makers: int) -> Iterator[_Result]:
    """Yield results 0 to `count` - 1 in order, while keeping the workers busy.

    Args:
        start: starts the work on a result.
        count: number of results.
        makers: number of threads or processes; twice as many results are started ahead.
    """
    waiting: deque[Future[_Result]] = deque()
    for number in range(count):
        waiting.append(start(number))
        if len(waiting) > 2 * makers:
            yield waiting.popleft().result()
    while waiting:
        yield waiting.popleft().result()
