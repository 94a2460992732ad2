"""The bounded queue: limits how many requests are in progress at once."""

from __future__ import annotations

import asyncio

from fastapi import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from pipeline.apps.server.body import RequestBody
from pipeline.apps.server.limits import ServerLimits
from pipeline.apps.server.refusal import RequestRefusedError
from pipeline.apps.server.worker import PipelineWorker

_SHARE_OF_TIME = 0.75
"""Maximum expected wait of an admitted request, as a fraction of its time limit."""


class Admission:
    """ASGI middleware: a POST holds a place from its first byte to the last byte of its response.

    There is one place for the running request and one for each that may wait; fewer if requests
    take so long that the last would not be done in time. When all are taken the response is 429 at
    once, with the seconds after which to retry; the body is discarded as it arrives. So the limits
    bound the memory in use, however many clients there are.

    Args:
        app: the application.
        limits: how many requests may wait, and how long sending a response may take.
        worker: knows how long requests take.
    """

    def __init__(self, app: ASGIApp, limits: ServerLimits, worker: PipelineWorker) -> None:
        self._app = app
        self._limits = limits
        self._worker = worker
        self._taken = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Admit a request, or respond that the queue is full."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        scope.setdefault("state", {})["requests"] = self._taken
        if scope["method"] != "POST":
            await self._app(scope, receive, send)
            return
        if self._is_full():
            seconds = self._worker.seconds_until_free(self._taken)
            await RequestBody(Request(scope, receive), self._limits).drain()
            message = (
                f"{self._taken} requests are being worked on or wait, and no more may: "
                f"try again in {seconds} s."
            )
            later = {"retry-after": str(seconds)}
            refusal = RequestRefusedError(429, "queue_full", message, later)
            await refusal.response()(scope, receive, send)
            return
        self._taken += 1
        try:
            await self._app(scope, receive, self._bounded(send))
        finally:
            self._taken -= 1

    def _is_full(self) -> bool:
        needed = self._worker.usual_seconds * (self._taken + 1)
        late = needed > _SHARE_OF_TIME * self._limits.seconds
        return self._taken > self._limits.waiting or (self._taken > 0 and late)

    def _bounded(self, send: Send) -> Send:
        """Bound the sending time: a client that reads no response must not keep its place."""

        async def send_in_time(message: Message) -> None:
            async with asyncio.timeout(self._limits.seconds):
                await send(message)

        return send_in_time
