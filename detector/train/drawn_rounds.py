"""Samples of a training in rounds, drawn by seed and round alone: a stopped run draws the same."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from lightning.pytorch import LightningDataModule
from torch.utils.data import DataLoader, Dataset

if TYPE_CHECKING:
    from torch import Tensor

    from detector.train.trunk_recipe import TrunkRecipe


class DrawnRounds(LightningDataModule):
    """Gives what is left of the present round, and the samples to measure with.

    Args:
        train: samples to learn from.
        validation: samples to measure with.
        likely: how likely each of the former is drawn `(N,)`.
        recipe: says steps and batch.
        round_steps: steps between two checkpoints.
        seed: of the draws.
    """

    def __init__(
        self,
        train: Dataset[Any],
        validation: Dataset[Any],
        likely: Tensor,
        recipe: TrunkRecipe,
        round_steps: int,
        seed: int,
    ) -> None:
        super().__init__()
        self._train, self._validation, self._likely = train, validation, likely.double()
        self._recipe, self._round_steps, self._seed = recipe, round_steps, seed

    def train_dataloader(self) -> DataLoader[Any]:
        """Draw a round; nothing where all steps are done."""
        assert self.trainer is not None
        recipe, steps = self._recipe, self._round_steps
        number, done = divmod(self.trainer.global_step, steps)
        count = min(steps, recipe.steps - number * steps)
        chance = torch.Generator().manual_seed((self._seed << 32) + number)
        drawn = torch.multinomial(
            self._likely, steps * recipe.batch, replacement=True, generator=chance
        )
        left = drawn[done * recipe.batch : max(0, count) * recipe.batch]
        return DataLoader(self._train, recipe.batch, sampler=left.tolist())

    def val_dataloader(self) -> DataLoader[Any]:
        """Give the samples to measure with, in order."""
        return DataLoader(self._validation, self._recipe.batch)
