"""A recipe's training and validation data as a Lightning data module."""

from __future__ import annotations

from contextlib import ExitStack
from typing import Any

import torch
from lightning.pytorch import LightningDataModule
from torch.utils.data import DataLoader

from inpainter.creation import create_named
from inpainter.data.faces import DecodedFaces
from inpainter.data.pairs import DecodedPairs
from inpainter.data.processes import FaceProcesses
from inpainter.data.sampling import MaskSource, Sampling
from inpainter.data.stream import Batch, SampleStream, Stretch, collate, sample_at
from inpainter.holes import create_holes
from inpainter.training.module import CompletionTraining
from inpainter.training.pictures import create_sampling, decode_split, open_training_pictures
from inpainter.training.recipe import Recipe


def create_mask_source(spec: Any) -> MaskSource | None:
    """Create the source of masked faces.

    Args:
        spec: a dotted path "package.module:Class", a dict of such a path as `name` and the class's
            options, a source itself, or None for none.

    Raises:
        ConfigurationError: there is no such class, or the options do not fit.
    """
    if spec is None or callable(spec):
        return spec
    return create_named("source of masked pictures", {}, spec, calls=3)


class FaceData(LightningDataModule):
    """Training stream and frozen validation samples of a recipe.

    Args:
        recipe: the recipe; `recipe.data` names the folder of faces.
    """

    def __init__(self, recipe: Recipe) -> None:
        super().__init__()
        self.recipe = recipe
        self.rounds = recipe.rounds()
        self._train: DecodedFaces | DecodedPairs | FaceProcesses | None = None
        self._open = ExitStack()
        self._frozen: dict[int, list[Batch]] = {}

    def setup(self, stage: str) -> None:
        """Decode the training faces into memory and make the frozen validation samples."""
        del stage
        data = self.recipe.data
        if self._train is None:
            self._train = self._open.enter_context(open_training_pictures(data))
            validated = decode_split(data, data.validation_split, memory=0.0)
            sizes = {phase.size for phase in self.recipe.phases}
            self._frozen = {size: self._freeze(validated, size) for size in sizes}

    def teardown(self, stage: str) -> None:
        """Stop the processes that make samples, if any."""
        del stage
        self._open.close()
        self._train = None

    def _freeze(self, faces: DecodedFaces | DecodedPairs, size: int) -> list[Batch]:
        data = self.recipe.data
        middle = (sum(data.context) / 2, sum(data.lift) / 2)
        sampling = Sampling(
            create_holes(self.recipe.holes.face),
            context=(middle[0], middle[0]),
            lift=(middle[1], middle[1]),
            rotation=0.0,
            grayscale_probability=0.0,
            colour_jitter=0.0,
            landmark_share=1.0 if data.landmark_share else 0.0,
            landmark_spread=data.landmark_spread,
            masks=create_mask_source(data.masked),
        )
        samples = [
            sample_at(faces, sampling, size, seed=0, index=index)
            for index in range(min(data.validation_count, len(faces)))
        ]
        return [collate(samples[start : start + 8]) for start in range(0, len(samples), 8)]

    def train_dataloader(self) -> DataLoader[Batch]:
        """Return the part of the stream that is left of the current round."""
        assert self.trainer is not None and self._train is not None
        module = self.trainer.lightning_module
        assert isinstance(module, CompletionTraining)
        data = self.recipe.data
        devices, rank = self.trainer.world_size, self.trainer.global_rank
        number, steps = self.recipe.round_at(module.steps_done)
        phase, whole = self.rounds[number]
        start = sum(before.batch * count * devices for before, count in self.rounds[:number])
        start += (whole - steps) * phase.batch * devices
        sampling = create_sampling(data, self.recipe.holes, create_mask_source(data.masked))
        seed = self.recipe.seed
        stretch = Stretch(sampling, phase.size, phase.batch, start, seed, rank, devices)
        stream = SampleStream(self._train, stretch, steps, data.workers)
        return DataLoader(stream, batch_size=None, pin_memory=torch.cuda.is_available())

    def val_dataloader(self) -> DataLoader[Batch]:
        """Return the frozen validation batches, at the size of the current round."""
        assert self.trainer is not None
        module = self.trainer.lightning_module
        assert isinstance(module, CompletionTraining)
        frozen = self._frozen[module.phase.size]
        return DataLoader(frozen, batch_size=None)  # type: ignore[arg-type]  # a list will do
