"""Connections of the server: so many, and none that says nothing."""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING, Any

import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

if TYPE_CHECKING:
    import asyncio
    from types import FrameType

SILENCE = 10.0
"""Seconds within which the head of a request must be in, from when its connection is free."""

MOST_CONNECTIONS = 256
"""Connections at once; a further one is closed as it comes."""

BACKLOG = 64
"""Connections that the system holds until they are taken."""

_DESCRIPTORS_OF_OTHERS = 64


class BoundedProtocol(H11Protocol):
    """HTTP on one connection, which is closed where no request comes in time."""

    most = MOST_CONNECTIONS

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Take a connection, or close it where there are too many."""
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
        """Begin to wait for the next request."""
        self._free_since = time.monotonic()
        super().on_response_complete()
        if self._ended:
            self.transport.close()

    def eof_received(self) -> bool:  # type: ignore[override]
        """Keep a connection open whose client has ended its part, until it has its answer."""
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
    """A server that a second signal, whichever, ends at once."""

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Ask to stop gracefully; where that was asked before, end now."""
        if self.should_exit:
            self.force_exit = True
        super().handle_exit(sig, frame)


def most_connections() -> int:
    """How many connections there may be, well below the process's limit of open files."""
    try:
        import resource
    except ImportError:
        return MOST_CONNECTIONS
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY:
        return MOST_CONNECTIONS
    return max(4, min(MOST_CONNECTIONS, soft - BACKLOG - _DESCRIPTORS_OF_OTHERS))


class OncePerMinute(logging.Filter):
    """Lets each text of a log through once in a minute: what clients can cause must not fill it."""

    def __init__(self) -> None:
        super().__init__()
        self._last: dict[str, float] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether a record is written."""
        text, now = record.getMessage().partition("\n")[0], time.monotonic()
        if now - self._last.get(text, -60.0) < 60.0:
            return False
        if len(self._last) > 100:
            self._last.clear()
        self._last[text] = now
        return True
