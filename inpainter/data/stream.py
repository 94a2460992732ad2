"""An endless, reproducible stream of training batches."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

import numpy as np
import torch
from torch.utils.data import IterableDataset

from inpainter.data.prefetch import prefetch
from weights.base.errors import TrainingError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from inpainter.data.sampling import Sample, Sampling

Batch = dict[str, torch.Tensor]
"""image uint8 `(N, S, S, 3)`, hole bool `(N, S, S)`, inside bool `(N, S, S)`; for masked faces,
masked uint8 `(N, S, S, 3)`; with colour augmentation, colours float32 `(N, 13)`, applied to both by
`to_pictures`; mouth float32 `(N, 3)`, the square round each, NaN if unknown; landmarks uint8
`(N, S, S, 3)`, from `landmark_map`; reference uint8 `(N, S, S, 4)`, from `reference_map`."""

ATTEMPTS = 200
"""Number of faces tried for one sample before giving up."""


class DecodedPictures(Protocol):
    """Pictures in memory to make samples from: `DecodedFaces` or `DecodedPairs`."""

    def __len__(self) -> int:
        """Count the pictures."""
        ...

    def sample(
        self, index: int, sampling: Sampling, size: int, random: np.random.Generator
    ) -> Sample | None:
        """Make a sample of one picture; None if that is impossible."""
        ...


def sample_at(
    faces: DecodedPictures, sampling: Sampling, size: int, seed: int, index: int
) -> Sample:
    """Make sample number `index`, which depends only on the seed and the number.

    Each pass over the faces is shuffled differently.

    Raises:
        TrainingError: none of `ATTEMPTS` faces gives a sample.
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
        f"None of {ATTEMPTS} faces gives a training sample: the holes are outside the pictures, or "
        "no mask can be drawn on the faces."
    )


@lru_cache(maxsize=4)
def _order(seed: int, turn: int, count: int) -> NDArray[np.int64]:
    return np.random.default_rng((seed, 1, turn)).permutation(count)


Stacked = dict[str, "NDArray[Any]"]
"""A `Batch` before its arrays are tensors."""


def stack(samples: list[Sample]) -> Stacked:
    """Stack samples to arrays, with pictures in uint8, which the device converts faster."""
    columns = {name: [getattr(sample, name) for sample in samples] for name in vars(samples[0])}
    known = {name: [one for one in column if one is not None] for name, column in columns.items()}
    return {name: np.stack(column) for name, column in known.items() if column}


def to_batch(stacked: Stacked) -> Batch:
    """Turn arrays into tensors that share their memory."""
    return {name: torch.from_numpy(array) for name, array in stacked.items()}


def collate(samples: list[Sample]) -> Batch:
    """Stack samples into a batch of tensors."""
    return to_batch(stack(samples))


@dataclass(frozen=True)
class Stretch:
    """A section of the endless stream, cut into batches; everything but the faces.

    Attributes:
        sampling: how faces become samples.
        size: side of the samples.
        batch: samples in a batch.
        start: number of the stretch's first sample.
        seed: seed of the whole stream.
        rank: which of the devices this stretch feeds.
        devices: how many devices share the stream.
    """

    sampling: Sampling
    size: int
    batch: int
    start: int
    seed: int
    rank: int = 0
    devices: int = 1

    def make(self, faces: DecodedPictures, number: int) -> Stacked:
        """Make batch number `number` of the stretch.

        Raises:
            TrainingError: none of `ATTEMPTS` faces gives a sample.
        """
        offset = self.start + (number * self.devices + self.rank) * self.batch
        numbers = range(offset, offset + self.batch)
        return stack([sample_at(faces, self.sampling, self.size, self.seed, at) for at in numbers])


@runtime_checkable
class BatchMaker(Protocol):
    """Something that makes batches itself: `FaceProcesses`."""

    def make(self, stretch: Stretch, steps: int) -> Iterator[Batch]:
        """Make the first `steps` batches of a stretch, in order."""
        ...


class SampleStream(IterableDataset[Batch]):
    """The batches of a stretch, prefetched.

    Args:
        faces: decoded faces or pairs, from which threads make batches; or a `BatchMaker`.
        stretch: the stretch.
        steps: number of batches.
        workers: threads that make batches.
    """

    def __init__(
        self,
        faces: DecodedPictures | BatchMaker,
        stretch: Stretch,
        steps: int,
        workers: int = 1,
    ) -> None:
        self.faces, self.stretch, self.steps = faces, stretch, steps
        self.workers = max(1, workers)

    def __len__(self) -> int:
        return self.steps

    def __iter__(self) -> Iterator[Batch]:
        faces, stretch = self.faces, self.stretch
        if isinstance(faces, BatchMaker):
            yield from faces.make(stretch, self.steps)
            return
        # Threads, not forked processes: OpenCV releases the GIL, all threads share the decoded
        # faces, and a process forked after OpenCV has run can hang.
        with ThreadPoolExecutor(self.workers) as pool:
            batches = prefetch(
                lambda number: pool.submit(stretch.make, faces, number), self.steps, self.workers
            )
            yield from map(to_batch, batches)
