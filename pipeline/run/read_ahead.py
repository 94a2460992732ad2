"""Processing items on threads, in order and at most a bounded way ahead of the consumer."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Executor, Future
from typing import Generic, TypeVar

_Item = TypeVar("_Item")
_Made = TypeVar("_Made")


class ReadAhead(Generic[_Item, _Made]):
    """Iterates over a function's results for items, in the items' order.

    Threads work ahead while the consumer is busy, until `most` results wait or the waiting ones
    weigh `most_weight`; so at most that plus one result per thread is held. The results and their
    order do not depend on the number of threads.

    Args:
        function: called on each item; its error is raised when the item's turn comes.
        items: the items; taken one by one, under a lock.
        executor: provides the threads.
        threads: how many calls run at once.
        most: how many results wait at most.
        weigh: the weight of a result.
        most_weight: weight of waiting results from which no further call is begun.
    """

    def __init__(
        self,
        function: Callable[[_Item], _Made],
        items: Iterable[_Item],
        executor: Executor,
        *,
        threads: int,
        most: int,
        weigh: Callable[[_Made], int],
        most_weight: int,
    ) -> None:
        self._function, self._items, self._executor = function, iter(items), executor
        self._threads, self._most = threads, most
        self._weigh, self._most_weight = weigh, most_weight
        self._lock = threading.Lock()
        self._waiting: deque[Future[_Made]] = deque()
        self._running = 0
        self._weight = 0
        self._ended = False
        self._fill()

    def __iter__(self) -> Iterator[_Made]:
        return self

    def __next__(self) -> _Made:
        with self._lock:
            if not self._waiting:
                raise StopIteration
            future = self._waiting.popleft()
        try:
            made = future.result()
            with self._lock:
                self._weight -= self._weigh(made)
        finally:
            self._fill()
        return made

    def stop(self) -> None:
        """Begin no further call."""
        with self._lock:
            self._ended = True

    def _fill(self) -> None:
        with self._lock:
            while (
                not self._ended
                and self._running < self._threads
                and len(self._waiting) < self._most
                and self._weight < self._most_weight
            ):
                try:
                    item = next(self._items)
                except StopIteration:
                    self._ended = True
                    return
                self._running += 1
                self._waiting.append(self._executor.submit(self._work, item))

    def _work(self, item: _Item) -> _Made:
        # The counts must be right before the result can be taken: the consumer relies on them.
        try:
            made = self._function(item)
            with self._lock:
                self._weight += self._weigh(made)
            return made
        finally:
            with self._lock:
                self._running -= 1
            self._fill()
