"""The folder next to an unfinished video, from which a killed call resumes."""

from __future__ import annotations

import json
import os
import shutil
import sys
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import IO, Any, Self

import numpy as np
from numpy.typing import NDArray

from pipeline.video.segment_writer import SEGMENT_SUFFIX
from weights.base.atomic import atomic_path
from weights.base.errors import OutputError

_ARRAY = "array"
"""Key of a JSON reference to an array stored next to it."""


class WorkFolder:
    """Holds the finished segments of a video and the state needed to resume after them.

    A segment counts once the state that names it is written; both are written atomically, so a kill
    at any moment leaves either the old or the new state.

    While the folder is open no other process can open it; use it as a context manager. A folder
    without finished segments is removed at the end.

    Args:
        target: the video to write; the folder lies next to it, hidden.
        job: identifies the job, as plain values; a folder of another job is emptied.
        resume: resume from the folder's content; otherwise it is emptied.

    Attributes:
        path: the folder.
        state: what an earlier call saved last; None if it finished nothing.

    Raises:
        OutputError: the folder cannot be created, or another call is working on the target.
    """

    def __init__(self, target: Path, job: Mapping[str, Any], *, resume: bool) -> None:
        self.path = target.parent / f".{target.name}.unmask"
        self.state: dict[str, Any] | None = None
        self._finished = 0
        self._job = json.loads(json.dumps(job))
        self._lock: int | None = None
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            self._lock = _locked(self.path)
            if resume:
                self._read()
            kept = {*self.segments, self._state} if self._finished else set()
            for file in self.path.iterdir():
                if file not in kept:
                    file.unlink()
        except BlockingIOError as error:
            raise OutputError(
                f"Another run is writing {target}: let it finish, or choose another target."
            ) from error
        except OSError as error:
            self._unlock()
            raise OutputError(f"Cannot write {self.path}: {error.strerror or error}.") from error

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if not self._finished:
            self.remove()
        self._unlock()

    @property
    def segments(self) -> list[Path]:
        """The finished segments, in order."""
        return [self._segment(index) for index in range(self._finished)]

    @property
    def next_segment(self) -> Path:
        """Path of the next segment."""
        return self._segment(self._finished)

    def save(self, state: Mapping[str, Any]) -> None:
        """Mark the next segment, already written, as finished, with the state after it.

        Args:
            state: plain values and arrays, nested as in JSON.

        Raises:
            OutputError: the state cannot be written.
        """
        with atomic_path(self._state, overwrite=True) as temporary, temporary.open("wb") as file:
            write_state(file, {**state, "segments": self._finished + 1, "job": self._job})
        self._finished += 1

    def remove(self) -> None:
        """Remove the folder and its content."""
        shutil.rmtree(self.path, ignore_errors=True)

    def _unlock(self) -> None:
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    @property
    def _state(self) -> Path:
        return self.path / "state.npz"

    def _segment(self, index: int) -> Path:
        return self.path / f"{index:06d}{SEGMENT_SUFFIX}"

    def _read(self) -> None:
        try:
            with self._state.open("rb") as file:
                state = read_state(file)
        except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
            return
        finished = int(state["segments"])
        if state["job"] == self._job and all(self._segment(i).is_file() for i in range(finished)):
            self.state, self._finished = state, finished


def write_state(file: IO[bytes], state: Mapping[str, Any]) -> None:
    """Write plain values as JSON, and arrays next to it."""
    arrays: list[NDArray[Any]] = []

    def set_beside(array: NDArray[Any]) -> dict[str, str]:
        arrays.append(array)
        return {_ARRAY: f"arr_{len(arrays) - 1}"}

    text = json.dumps(state, default=set_beside)
    np.savez(file, *arrays, allow_pickle=False, values=np.array(text))


def read_state(file: IO[bytes]) -> dict[str, Any]:
    """Read what `write_state` wrote; tuples become lists."""
    with np.load(file, allow_pickle=False) as saved:

        def filled_in(plain: dict[str, Any]) -> Any:
            return saved[plain[_ARRAY]] if _ARRAY in plain else plain

        return json.loads(str(saved["values"]), object_hook=filled_in)


def _locked(folder: Path) -> int | None:
    """Lock a folder for this call; the system releases it when the process ends, however it ends.

    Returns:
        The descriptor to close at the end; None if such locks are not supported.

    Raises:
        BlockingIOError: another call holds the lock.
        OSError: the folder cannot be opened.
    """
    if sys.platform == "win32":
        return None
    import fcntl

    descriptor = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        os.close(descriptor)
        if isinstance(error, BlockingIOError):
            raise
        # Not every file system supports locks.
        return None
    return descriptor
