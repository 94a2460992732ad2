"""Work that is begun ahead of its use, and used in its order."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from concurrent.futures import Future

_Result = TypeVar("_Result")


def prefetch(start: Callable[[int], Future[_Result]], count: int, makers: int) -> Iterator[_Result]:
    """Give results 0 to `count` - 1 as they are done, and keep their makers busy ahead of that.

    Args:
        start: begins the work of a number.
        count: how many results.
        makers: threads or processes that work; twice as many results are begun ahead.
    """
    waiting: deque[Future[_Result]] = deque()
    for number in range(count):
        waiting.append(start(number))
        if len(waiting) > 2 * makers:
            yield waiting.popleft().result()
    while waiting:
        yield waiting.popleft().result()
