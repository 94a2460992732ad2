"""Worker processes that make training batches, for when threads are too slow."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures.process import BrokenProcessPool
from multiprocessing.reduction import ForkingPickler
from typing import Final

import torch
import torch.multiprocessing

from inpainter.data.decoded import decoding_memory
from inpainter.data.prefetch import prefetch
from inpainter.data.stream import Batch, DecodedPictures, Stretch
from weights.base.errors import ConfigurationError, TrainingError
from weights.base.worker_pool import WorkerPool

_held: DecodedPictures | None = None

_ENDED: Final = (
    "A process that makes training samples has ended, perhaps because memory or space in /dev/shm "
    "ran out: set a lower data.processes."
)


class FaceProcesses:
    """Worker processes that each decode the faces and make batches from them.

    They are spawned, not forked, so they inherit nothing. Use as a context manager, or call
    `close`.

    Args:
        decode: decodes the faces, given the bytes they may take; must be picklable.
        count: number of processes, 1 or more.

    Raises:
        ConfigurationError: the count is under 1.
    """

    def __init__(self, decode: Callable[[float], DecodedPictures], count: int) -> None:
        if count < 1:
            raise ConfigurationError(f"Processes that make samples must be 1 or more, not {count}.")
        self.count = count
        self._pool = WorkerPool(count, _hold, decode, decoding_memory() / count)

    def __enter__(self) -> FaceProcesses:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def close(self) -> None:
        """Stop the processes, and cancel work that has not started."""
        self._pool.shutdown(cancel_futures=True)

    def __len__(self) -> int:
        """Count the faces that could be decoded.

        Raises:
            TrainingError: a process has ended.
        """
        try:
            return self._pool.submit(_count).result()
        except BrokenProcessPool as error:
            raise TrainingError(_ENDED) from error

    def make(self, stretch: Stretch, steps: int) -> Iterator[Batch]:
        """Make the first `steps` batches of a stretch, in order, in shared memory.

        Raises:
            ConfigurationError: the holes or masks of the stretch cannot be sent to a process.
            TrainingError: a process has ended.
        """
        try:
            ForkingPickler.dumps(stretch)
        except Exception as error:
            raise ConfigurationError(
                f"The generator of holes or masks cannot be sent to another process ({error}): "
                "define it as a class in a module, or set data.processes to 0."
            ) from error
        try:
            yield from prefetch(
                lambda number: self._pool.submit(_make, stretch, number), steps, self.count
            )
        except BrokenProcessPool as error:
            raise TrainingError(_ENDED) from error


def _hold(decode: Callable[[float], DecodedPictures], memory: float) -> None:
    global _held
    _held = decode(memory)


def _count() -> int:
    assert _held is not None
    return len(_held)


def _make(stretch: Stretch, number: int) -> Batch:
    assert _held is not None
    # Tensors are passed in shared memory, arrays through a pipe, which costs the receiver time.
    return {
        name: torch.from_numpy(array).share_memory_()
        for name, array in stretch.make(_held, number).items()
    }
