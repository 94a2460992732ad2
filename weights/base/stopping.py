"""Handling SIGINT and SIGTERM in every command: stop gracefully, with exit code 130 or 143.

A signal raises an exception, so that temporary files are removed. Within `at_safe_points` it is
deferred until the next `stop_if_asked`: libraries that hold locks of other threads must not be
interrupted. A second signal then ends the process at once. Within `held` it is deferred to the end
of the block.

A process that was forked ignores Ctrl-C, which the terminal sends to it too: its parent ends it.
"""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from types import FrameType
from typing import Any

GOES_ON = "unmask: stopped; run the same command to resume."
"""Message of a stopped training."""

RESTARTED_GOES_ON = "unmask: stopped; run the same command without --restart to resume."
"""The same for one that was begun with that option."""

_SIGNALS = (signal.SIGINT, signal.SIGTERM)


class Stopped(KeyboardInterrupt):
    """A signal requested the command to end."""


class _AtSafePoint(BaseException):
    """Exits a library that would end the process itself on a `KeyboardInterrupt`."""


class _State:
    asked: int | None = None
    waits = False
    holds = False
    held_back = False
    handled: tuple[int, ...] = ()
    message = GOES_ON
    process = 0


_state = _State()


def install(message: str = GOES_ON) -> dict[int, Any]:
    """Install the signal handlers, in the main thread; return the previous ones.

    Args:
        message: printed if a second signal ends the process.
    """
    replaced: dict[int, Any] = {}
    if threading.current_thread() is threading.main_thread():
        _state.asked, _state.held_back = None, False
        _state.message, _state.process = message, os.getpid()
        for number in _SIGNALS:
            if signal.getsignal(number) in (signal.SIG_DFL, signal.default_int_handler):
                replaced[number] = signal.signal(number, _handle)
        # Inside another command the handlers are already installed.
        _state.handled = tuple(one for one in _SIGNALS if signal.getsignal(one) is _handle)
    return replaced


def take_signals_back() -> None:
    """Reinstall our signal handlers after a library has replaced them."""
    for number in _state.handled:
        signal.signal(number, _handle)


def restore(replaced: dict[int, Any]) -> None:
    """Restore the handlers that `install` returned, and forget signals seen."""
    _state.asked, _state.handled = None, ()
    for number, handler in replaced.items():
        signal.signal(number, handler)


def end_at_once() -> None:
    """Make signals end the process at once: there is nothing left to do but to exit."""
    for number in _SIGNALS:
        if signal.getsignal(number) is _handle:
            signal.signal(number, _exit)


def leave_to_parent() -> None:
    """Ignore Ctrl-C, which the terminal sends to this worker process too: its parent ends it."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def exit_code() -> int:
    """The exit code of a stopped command: 143 after SIGTERM, else 130."""
    return 128 + (_state.asked or signal.SIGINT)


@contextmanager
def at_safe_points() -> Iterator[None]:
    """Defer signals until the next `stop_if_asked`, or the end of the block.

    Raises:
        Stopped: a signal came.
    """
    # An earlier signal may have been swallowed by a library.
    stop_if_asked()
    _state.waits = True
    try:
        yield
    except (_AtSafePoint, SystemExit):
        # Lightning ends the process itself on a SIGTERM before training begins.
        if _state.asked is None:
            raise
        raise Stopped from None
    finally:
        _state.waits = False
    stop_if_asked()


@contextmanager
def held() -> Iterator[None]:
    """Defer signals until the end of the block, for a few quick operations that belong together.

    Raises:
        Stopped: a signal came, and not within `at_safe_points`; at the end of the block.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    _state.holds = True
    try:
        yield
    finally:
        _state.holds = False
    if _state.held_back:
        _state.held_back = False
        raise Stopped


def stop_asked() -> bool:
    """Whether a signal has come, for code with its own way of ending."""
    return _state.asked is not None


def stop_if_asked() -> None:
    """Stop here if a signal has come.

    Raises:
        Stopped: a signal has come; within `at_safe_points`, raised at the end of the block.
    """
    if _state.asked is not None:
        raise _AtSafePoint if _state.waits else Stopped


def _exit(number: int, frame: FrameType | None) -> None:  # noqa: ARG001
    os._exit(128 + number)


def _handle(number: int, frame: FrameType | None) -> None:  # noqa: ARG001
    if os.getpid() != _state.process:
        if number == signal.SIGTERM:
            raise Stopped
        return
    if _state.waits and _state.asked is not None:
        # The interrupted code may hold the locks of streams.
        with suppress(OSError):
            os.write(2, f"{_state.message}\n".encode())
        os._exit(128 + number)
    _state.asked = number
    if _state.holds:
        _state.held_back = not _state.waits
    elif not _state.waits:
        raise Stopped
