"""One thread that works on requests one after the other."""

from __future__ import annotations

import asyncio
import math
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, TypeVar

from pipeline.server.refusal import RequestRefusedError

if TYPE_CHECKING:
    from collections.abc import Callable

    from fastapi import Request

    from pipeline.server.limits import ServerLimits

Answer = TypeVar("Answer")

_WEIGHT_OF_NEWEST = 0.3


class PipelineWorker:
    """Runs the pipeline for requests, so that only one picture is decoded at any time.

    Args:
        limits: how long a request may take.

    Attributes:
        usual_seconds: how long a request is worked on; a moving average, 0 before the first.
    """

    def __init__(self, limits: ServerLimits) -> None:
        self._limits = limits
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="unmask-worker")
        self.usual_seconds = 0.0

    def seconds_until_free(self, requests: int) -> int:
        """When a client may try again that finds this many requests before it; at least 1."""
        return max(1, math.ceil(self.usual_seconds * requests))

    async def answer(self, request: Request, work: Callable[[], Answer]) -> Answer:
        """Wait for the thread, then for the work.

        Work that nobody waits for any more is not begun; work that was begun cannot be stopped.

        Raises:
            RequestRefusedError: it took too long (503), or the client went away.
        """
        future = self._thread.submit(self._timed, work)
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
        raise RequestRefusedError(
            503,
            "too_slow",
            f"The request was not done within {self._limits.seconds:g} seconds: "
            "try again later, or send a smaller picture.",
            {"retry-after": str(self.seconds_until_free(1))},
        )

    def close(self) -> None:
        """Finish what was begun and forget what waits."""
        self._thread.shutdown(wait=True, cancel_futures=True)

    def _timed(self, work: Callable[[], Answer]) -> Answer:
        began = time.perf_counter()
        try:
            return work()
        finally:
            taken = time.perf_counter() - began
            usual = self.usual_seconds or taken
            self.usual_seconds = usual + _WEIGHT_OF_NEWEST * (taken - usual)


async def _disconnected(request: Request) -> None:
    """Return when the client goes away; its body must have been read before."""
    while (await request.receive())["type"] != "http.disconnect":
        pass
