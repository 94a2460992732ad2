"""What SIGINT and SIGTERM do to every command: stop gracefully, with exit code 130 or 143.

A signal ends a command by an exception, so that temporary files go. Within `at_safe_points` it is
kept until the next `stop_if_asked`: libraries that hold locks of other threads must not be left
half-way. A second signal then ends the process at once.
"""

from __future__ import annotations

import os
import signal
import threading
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import FrameType

GOES_ON = "stopped: the same command goes on from the last checkpoint."
"""What a training that was stopped says."""

_SIGNALS = (signal.SIGINT, signal.SIGTERM)


class Stopped(KeyboardInterrupt):
    """A signal asked the command to end."""


class _AtSafePoint(BaseException):
    """Leaves a library, which would end the process by itself at a `KeyboardInterrupt`."""


class _State:
    asked: int | None = None
    waits = False
    handled: tuple[int, ...] = ()


_state = _State()


def install() -> dict[int, Any]:
    """Have signals handled as said above, in the main thread; gives what handled them before."""
    replaced: dict[int, Any] = {}
    if threading.current_thread() is threading.main_thread():
        _state.asked = None
        for number in _SIGNALS:
            if signal.getsignal(number) in (signal.SIG_DFL, signal.default_int_handler):
                replaced[number] = signal.signal(number, _handle)
        # A command within a command finds them handled already.
        _state.handled = tuple(one for one in _SIGNALS if signal.getsignal(one) is _handle)
    return replaced


def take_signals_back() -> None:
    """Have signals handled as since `install`, where a library has put a handler before ours."""
    for number in _state.handled:
        signal.signal(number, _handle)


def restore(replaced: dict[int, Any]) -> None:
    """Have signals handled as before `install`, which gave what is handed in; forget those seen."""
    _state.asked, _state.handled = None, ()
    for number, handler in replaced.items():
        signal.signal(number, handler)


def leave_to_parent() -> None:
    """Pass over Ctrl-C, which the terminal sends to this worker process too: its parent ends it."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def exit_code() -> int:
    """The exit code of a command that was stopped: 143 after SIGTERM, else 130."""
    return 128 + (_state.asked or signal.SIGINT)


@contextmanager
def at_safe_points() -> Iterator[None]:
    """Keep signals until the next `stop_if_asked`, or the end.

    Raises:
        Stopped: a signal came.
    """
    # One that came before may have been lost in a library.
    stop_if_asked()
    _state.waits = True
    try:
        yield
    except (_AtSafePoint, SystemExit):
        # Lightning ends the process by itself at a SIGTERM that comes before it begins to train.
        if _state.asked is None:
            raise
        raise Stopped from None
    finally:
        _state.waits = False
    stop_if_asked()


def stop_asked() -> bool:
    """Say whether a signal has come, for what has an end of its own to come to."""
    return _state.asked is not None


def stop_if_asked() -> None:
    """End here if a signal has come.

    Raises:
        Stopped: it has; within `at_safe_points` at their end.
    """
    if _state.asked is not None:
        raise _AtSafePoint if _state.waits else Stopped


def _handle(number: int, frame: FrameType | None) -> None:  # noqa: ARG001
    if _state.waits and _state.asked is not None:
        # Whatever is going on may hold the locks of streams.
        with suppress(OSError):
            os.write(2, f"{GOES_ON}\n".encode())
        os._exit(128 + number)
    _state.asked = number
    if not _state.waits:
        raise Stopped
