"""Connections of the server: limits their number and closes silent ones."""

from __future__ import annotations

import asyncio
import logging
import time
from types import FrameType
from typing import Any

import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

SILENCE = 10.0
"""Seconds within which a request's head must arrive once its connection is idle."""

MOST_CONNECTIONS = 256
"""Maximum simultaneous connections; further ones are closed at once."""

BACKLOG = 64
"""Connections that the system queues until accepted."""

_DESCRIPTORS_OF_OTHERS = 64


class BoundedProtocol(H11Protocol):
    """HTTP on one connection, which is closed if no request arrives in time."""

    most = MOST_CONNECTIONS

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Accept a connection, or close it if there are too many."""
        super().connection_made(transport)
        self._ended = False
        self._free_since = time.monotonic()
        self._watch = self.loop.call_later(SILENCE, self._close_if_silent)
        if len(self.connections) > self.most:
            transport.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the connection."""
        self._watch.cancel()
        super().connection_lost(exc)

    def on_response_complete(self) -> None:
        """Start waiting for the next request."""
        self._free_since = time.monotonic()
        super().on_response_complete()
        if self._ended:
            self.transport.close()

    def eof_received(self) -> bool:  # type: ignore[override]
        """Keep a half-closed connection open until the client has its response."""
        self._ended = True
        return self._is_busy()

    def _is_busy(self) -> bool:
        cycle: Any = self.cycle
        return cycle is not None and not cycle.response_complete

    def _close_if_silent(self) -> None:
        left = self._free_since + SILENCE - time.monotonic()
        if self._is_busy():
            left = SILENCE
        elif left <= 0:
            self.transport.abort()
            return
        self._watch = self.loop.call_later(max(left, 0.05), self._close_if_silent)


class Server(uvicorn.Server):
    """A server that any second signal stops at once."""

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Stop gracefully on the first signal, at once on the second."""
        if self.should_exit:
            self.force_exit = True
        super().handle_exit(sig, frame)


def most_connections() -> int:
    """Maximum number of connections, well below the process's limit of open files."""
    try:
        import resource
    except ImportError:
        return MOST_CONNECTIONS
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY:
        return MOST_CONNECTIONS
    return max(4, min(MOST_CONNECTIONS, soft - BACKLOG - _DESCRIPTORS_OF_OTHERS))


class OncePerMinute(logging.Filter):
    """Passes each log message once a minute, so that clients cannot fill the log."""

    def __init__(self) -> None:
        super().__init__()
        self._last: dict[str, float] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether to log a record."""
        text, now = record.getMessage().partition("\n")[0], time.monotonic()
        if now - self._last.get(text, -60.0) < 60.0:
            return False
        if len(self._last) > 100:
            self._last.clear()
        self._last[text] = now
        return True
