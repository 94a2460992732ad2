"""An endless stream of training batches in which sample number i is always the same."""

from __future__ import annotations

from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from functools import lru_cache
from typing import TYPE_CHECKING, Protocol

import numpy as np
import torch
from torch.utils.data import IterableDataset

from weights.errors import TrainingError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from inpainter.data.sampling import Sample, Sampling

Batch = dict[str, torch.Tensor]
"""image uint8 `(N, S, S, 3)`, hole bool `(N, S, S)`, inside bool `(N, S, S)`, and, where the faces
wear masks, masked uint8 `(N, S, S, 3)`."""

ATTEMPTS = 200
"""How many faces are tried for one sample before it is given up."""


class DecodedPictures(Protocol):
    """Pictures in memory, of which samples are made: `DecodedFaces` or `DecodedPairs`."""

    def __len__(self) -> int:
        """Count the pictures."""
        ...

    def sample(
        self, index: int, sampling: Sampling, size: int, random: np.random.Generator
    ) -> Sample | None:
        """Make a sample of one picture; None where it gives none."""
        ...


def sample_at(
    faces: DecodedPictures, sampling: Sampling, size: int, seed: int, index: int
) -> Sample:
    """Make sample number `index`: its face and all its chance follow from the seed and the number.

    Each pass over the faces has an order of its own.

    Raises:
        TrainingError: none of very many faces gives a sample.
    """
    turn, position = divmod(index, len(faces))
    order = _order(seed, turn, len(faces))
    for attempt in range(ATTEMPTS):
        random = np.random.default_rng((seed, 2, index, attempt))
        chosen = int(order[position]) if attempt == 0 else int(random.integers(len(faces)))
        sample = faces.sample(chosen, sampling, size, random)
        if sample is not None:
            return sample
    raise TrainingError(
        f"None of {ATTEMPTS} faces gives a training sample: the holes lie outside of the pictures, "
        "or the faces take no mask."
    )


@lru_cache(maxsize=4)
def _order(seed: int, turn: int, count: int) -> NDArray[np.int64]:
    return np.random.default_rng((seed, 1, turn)).permutation(count)


def collate(samples: list[Sample]) -> Batch:
    """Stack samples to a batch of tensors, uint8 and bool: the device converts them faster."""
    batch = {
        "image": torch.from_numpy(np.stack([sample.image for sample in samples])),
        "hole": torch.from_numpy(np.stack([sample.hole for sample in samples])),
        "inside": torch.from_numpy(np.stack([sample.inside for sample in samples])),
    }
    masked = [sample.masked for sample in samples if sample.masked is not None]
    if masked:
        batch["masked"] = torch.from_numpy(np.stack(masked))
    return batch


class SampleStream(IterableDataset[Batch]):
    """A stretch of the endless stream, cut into batches.

    Args:
        faces: decoded faces or pairs.
        sampling: how faces become samples.
        size: side of the samples.
        batch: samples in a batch.
        steps: batches in the stretch.
        start: number of the stretch's first sample.
        seed: of the whole stream.
        rank: which of the devices this stream feeds.
        devices: how many devices share the stream.
        workers: threads that make batches ahead of their use.
    """

    def __init__(
        self,
        faces: DecodedPictures,
        sampling: Sampling,
        size: int,
        batch: int,
        steps: int,
        start: int,
        seed: int,
        rank: int = 0,
        devices: int = 1,
        workers: int = 1,
    ) -> None:
        self.faces, self.sampling = faces, sampling
        self.size, self.batch, self.steps, self.start = size, batch, steps, start
        self.seed, self.rank, self.devices = seed, rank, devices
        self.workers = max(1, workers)

    def __len__(self) -> int:
        return self.steps

    def __iter__(self) -> Iterator[Batch]:
        # Threads, not processes: OpenCV lets go of the interpreter's lock while it works, all
        # threads share the decoded faces, and a process forked after OpenCV has run can hang in it.
        with ThreadPoolExecutor(self.workers) as pool:
            waiting: deque[Future[Batch]] = deque()
            for number in range(self.steps):
                waiting.append(pool.submit(self._make, number))
                if len(waiting) > 2 * self.workers:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()

    def _make(self, number: int) -> Batch:
        offset = self.start + (number * self.devices + self.rank) * self.batch
        return collate(
            [
                sample_at(self.faces, self.sampling, self.size, self.seed, offset + position)
                for position in range(self.batch)
            ]
        )
