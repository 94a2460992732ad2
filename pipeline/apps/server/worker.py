"""One thread that processes requests one after another."""

from __future__ import annotations

import asyncio
import math
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from queue import SimpleQueue
from typing import Any, TypeVar

from fastapi import Request

from pipeline.apps.server.limits import ServerLimits
from pipeline.apps.server.refusal import RequestRefusedError

Answer = TypeVar("Answer")

_WEIGHT_OF_NEWEST = 0.3

_HANGING = 2.0
"""Multiple of the time limit after which a stage counts as hanging."""

_PATIENCE = 2.0
"""Seconds that the server waits at shutdown for the running request."""


class PipelineWorker:
    """Runs the pipeline for requests, so that only one picture is decoded at any time.

    Args:
        limits: how long a request may take.

    Attributes:
        usual_seconds: processing time of a request; a moving average, 0 before the first.
    """

    def __init__(self, limits: ServerLimits) -> None:
        self._limits = limits
        self._waiting: SimpleQueue[tuple[Future[Any], Callable[[], Any]] | None] = SimpleQueue()
        # A stage that hangs must not keep the process from ending, so the thread is a daemon.
        self._thread = threading.Thread(target=self._work, name="unmask-worker", daemon=True)
        self._thread.start()
        self._began: float | None = None
        self.usual_seconds = 0.0

    @property
    def hangs(self) -> bool:
        """Whether the running request has far exceeded its time limit."""
        began = self._began
        return began is not None and time.monotonic() - began > _HANGING * self._limits.seconds

    def seconds_until_free(self, requests: int) -> int:
        """Seconds after which a client may retry with this many requests before it; at least 1."""
        return max(1, math.ceil(self.usual_seconds * requests))

    async def answer(self, request: Request, work: Callable[[], Answer]) -> Answer:
        """Wait for the thread, then for the result.

        Abandoned work is not started; started work cannot be stopped.

        Raises:
            RequestRefusedError: it took too long (503), or the client went away.
        """
        future: Future[Answer] = Future()
        self._waiting.put((future, work))
        waited = asyncio.wrap_future(future)
        left = asyncio.create_task(_disconnected(request))
        try:
            either: set[asyncio.Future[Any]] = {waited, left}
            await asyncio.wait(
                either, timeout=self._limits.seconds, return_when=asyncio.FIRST_COMPLETED
            )
            if waited.done():
                return waited.result()
            gone = left.done()
        finally:
            left.cancel()
            waited.cancel()
        if gone:
            raise RequestRefusedError(400, "client_gone", "The client went away.")
        message = (
            f"The request was not done within {self._limits.seconds:g} seconds: "
            "try again later, or send a smaller picture."
        )
        later = {"retry-after": str(self.seconds_until_free(1))}
        raise RequestRefusedError(503, "too_slow", message, later)

    def close(self) -> None:
        """Finish the running work if that is soon, and drop the queue."""
        while not self._waiting.empty():
            waiting = self._waiting.get()
            if waiting is not None:
                waiting[0].cancel()
        self._waiting.put(None)
        self._thread.join(_PATIENCE)

    def _work(self) -> None:
        while (waiting := self._waiting.get()) is not None:
            future, work = waiting
            if not future.set_running_or_notify_cancel():
                continue
            began = self._began = time.monotonic()
            try:
                answer = work()
            except BaseException as error:
                future.set_exception(error)
            else:
                future.set_result(answer)
            finally:
                self._began = None
                taken = time.monotonic() - began
                usual = self.usual_seconds or taken
                self.usual_seconds = usual + _WEIGHT_OF_NEWEST * (taken - usual)
            del waiting, future, work


async def _disconnected(request: Request) -> None:
    """Return when the client disconnects; its body must have been read before."""
    while (await request.receive())["type"] != "http.disconnect":
        pass
