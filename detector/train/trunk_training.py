"""Trains networks on EfficientNet-Lite's trunk: steps, time budget and folder."""

from __future__ import annotations

import json
import math
import os
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any, ClassVar, NamedTuple, TypeVar

import torch
import yaml
from lightning.pytorch import LightningModule, Trainer
from lightning.pytorch.callbacks import ModelCheckpoint, Timer
from lightning.pytorch.loggers import TensorBoardLogger
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset

from detector.data.stored_samples import StoredSamples
from detector.train.recipe import TrunkRecipe
from weights.base.atomic import write_whole
from weights.base.device import resolve_device, training_precision
from weights.base.errors import TrainingError, WeightsError
from weights.base.json_text import json_values
from weights.base.lightning_runs import (
    CurvesGoOn,
    RestoreGuard,
    StopAfterStep,
    WholeCheckpointIO,
)
from weights.base.run_settings import RunOptions, RunSettings
from weights.base.silence import lightning_silenced
from weights.base.stopping import at_safe_points, stop_if_asked
from weights.catalog.efficientnet_trunk import EfficientNetLite, load_imagenet_weights
from weights.catalog.lookup import resolve
from weights.catalog.network_file import NetworkFile
from weights.catalog.register import CatalogPlace, register_weights, sources_beside

CHECKPOINT_NAME = "last.ckpt"
"""File of the checkpoint in a run's folder."""

_VALIDATION_EVERY = 10
"""Rounds between validations."""

_LONGEST_GRADIENT = 5.0


_Stored = TypeVar("_Stored", bound=StoredSamples)


@dataclass(frozen=True)
class TrainedNetwork:
    """Result of a training.

    Attributes:
        weights: the safetensors file.
        metrics: of the validation samples.
        steps: total optimiser steps.
        seconds: duration of this call's training.
        record: the catalog record, in the folder `catalog` of the run.
        card: the model card next to it.
    """

    weights: Path
    metrics: dict[str, float]
    steps: int
    seconds: float
    record: Path
    card: Path


class Samples(NamedTuple):
    """Training and validation samples.

    Attributes:
        train: training samples.
        validation: validation samples.
        sampling_weights: sampling weights of the training samples `(N,)`.
        round_steps: steps between checkpoints.
    """

    train: Dataset[Any]
    validation: Dataset[Any]
    sampling_weights: Tensor
    round_steps: int


class TrunkTraining(LightningModule):
    """Everything but the loss: frozen stages, AdamW and its rates, gradient clipping.

    A subclass adds `training_step`, a `validation_step` that appends to `seen`, and the members
    declared here.

    Args:
        network: to train.
        configuration: what it was built from.
        trunk: its pretrained part.
        recipe: of the training.
        trunk_rate: peak learning rate of the trunk.
    """

    file: ClassVar[NetworkFile[Any, Any]]
    """Reads, writes and describes such weights."""

    figures_explained: ClassVar[str]
    """Explanation of the metrics for the record."""

    def __init__(
        self,
        network: nn.Module,
        configuration: Any,
        trunk: EfficientNetLite,
        recipe: TrunkRecipe,
        trunk_rate: float,
    ) -> None:
        super().__init__()
        self.network: Any = network.to(memory_format=torch.channels_last)
        # In a tuple, so that it is not registered as a second module.
        self._trunk = (trunk,)
        self.configuration = configuration
        self.trunk_rate = trunk_rate
        self.recipe: Any = recipe
        if recipe.frozen_stages:
            for part in (trunk.stem, *trunk.stages[: recipe.frozen_stages]):
                # Evaluation mode freezes its batch statistics too.
                part.requires_grad_(False).eval()
        self.timer = Timer(verbose=False)
        self.seed = 0
        self.samples: Samples | None = None
        self.seen: list[tuple[Tensor, ...]] = []
        self.said: Callable[[str], object] = print

    def figures(self, seen: list[Tensor]) -> dict[str, Any]:
        """Return the metrics over all validation samples from the columns of `seen`."""
        raise NotImplementedError

    def start(self, initial_weights: str | os.PathLike[str] | None, trunk: str) -> None:
        """Load the initial weights into the network, or "imagenet" features into its trunk.

        Raises:
            WeightsError: the weights cannot be read, or do not fit the network.
            MissingDependencyError: the package with the trunk's pretrained weights is missing.
        """
        if initial_weights is not None:
            file = resolve(initial_weights, self.file.kind)
            trained = self.file.load(file)[0].state_dict()
            try:
                self.network.load_state_dict(trained)
            except RuntimeError as error:
                raise WeightsError(
                    f"{file} does not fit the network that is to be trained: use its widths, or "
                    "start from random weights."
                ) from error
        elif trunk == "imagenet":
            load_imagenet_weights(self._trunk[0])

    def train_dataloader(self) -> DataLoader[Any]:
        """Sample a round by seed and number only, so that a resumed run samples the same.

        It yields the rest of the round; nothing if all steps are done.
        """
        assert self.samples is not None
        steps, batch = self.samples.round_steps, self.recipe.batch
        number, done = divmod(self.global_step, steps)
        count = min(steps, self.recipe.steps - number * steps)
        generator = torch.Generator().manual_seed((self.seed << 32) + number)
        indices = torch.multinomial(
            self.samples.sampling_weights.double(),
            steps * batch,
            replacement=True,
            generator=generator,
        )
        remaining = indices[done * batch : max(0, count) * batch]
        return DataLoader(self.samples.train, batch, sampler=remaining.tolist())

    def val_dataloader(self) -> DataLoader[Any]:
        """Return the validation samples, in order."""
        assert self.samples is not None
        return DataLoader(self.samples.validation, self.recipe.batch)

    def configure_optimizers(self) -> torch.optim.Optimizer:
        """AdamW (Loshchilov and Hutter 2019), with a separate rate for the trunk."""
        trunk = list(self._trunk[0].parameters())
        own = {id(parameter) for parameter in trunk}
        rest = [weight for weight in self.network.parameters() if id(weight) not in own]
        groups = [
            {"params": trunk, "highest": self.trunk_rate},
            {"params": rest, "highest": self.recipe.learning_rate},
        ]
        return torch.optim.AdamW(
            groups, self.recipe.learning_rate, weight_decay=self.recipe.weight_decay
        )

    def configure_gradient_clipping(self, *_: Any, **__: Any) -> None:
        """Clip the gradient norm.

        Raises:
            TrainingError: it became NaN or infinite, and no fp16 loss scaling handles that.
        """
        norm = nn.utils.clip_grad_norm_(self.network.parameters(), _LONGEST_GRADIENT)
        scaled = getattr(self.trainer.precision_plugin, "scaler", None) is not None
        if not scaled and not torch.isfinite(norm):
            raise TrainingError(
                f"The gradient of step {self.global_step} became NaN or infinite: try a lower "
                "learning_rate or precision 32-true."
            )

    def progress(self) -> float:
        """Fraction of the training that is done, 0 to 1, by steps or by time."""
        elapsed, left = self.timer.time_elapsed(), self.timer.time_remaining()
        by_time = 0.0 if left is None else elapsed / (elapsed + left)
        return min(1.0, max(self.global_step / self.recipe.steps, by_time))

    def on_train_batch_start(self, *_: Any) -> None:
        """Seed the step's random choices by seed and step number, and set its learning rates."""
        torch.manual_seed((self.seed << 32) + self.global_step)
        warm = min(1.0, (self.global_step + 1) / max(1.0, 0.01 * self.recipe.steps))
        decayed = warm * (0.5 + 0.5 * math.cos(math.pi * self.progress()))
        for group in self.trainer.optimizers[0].param_groups:
            group["lr"] = group["highest"] * decayed + 1e-6

    def on_train_batch_end(self, outputs: Any, _batch: Any, _index: int) -> None:
        """Check the loss, and stop after the last step.

        Raises:
            TrainingError: it became NaN or infinite.
        """
        if not bool(torch.isfinite(outputs["loss"])):
            raise TrainingError(
                f"The loss of step {self.global_step} became NaN or infinite: try a lower "
                "learning_rate or precision 32-true."
            )
        # Trainer's max_steps would treat a resumed run as one in the middle of a round.
        if self.global_step >= self.recipe.steps:
            self.trainer.should_stop = True

    def on_validation_epoch_end(self) -> None:
        """Log the metrics over all validation samples."""
        if self.seen:
            columns = [torch.cat(column) for column in zip(*self.seen, strict=True)]
            self.seen.clear()
            self.log_dict(self.figures(columns))

    def on_train_epoch_end(self) -> None:
        """Report progress."""
        figures = ", ".join(
            f"{name} {float(value):.4f}"
            for name, value in sorted(self.trainer.callback_metrics.items())
        )
        self.said(f"step {self.global_step}: {figures}")


class TrunkOptions(RunOptions, total=False):
    """Keywords of a training; documented in `TrunkRun`."""

    seed: int
    said: Callable[[str], object]


@dataclass(frozen=True)
class TrunkRun(RunSettings):
    """A run of such a training and its folder; the time budget is for all calls together.

    Attributes:
        folder: gets `run.yaml`, the samples, `last.ckpt`, curves, the weights, `result.json` and
            `catalog`.
        seed: seeds all random choices.
        said: called with progress lines.
    """

    folder: Path
    seed: int = 0
    said: Callable[[str], object] = print

    def begin(self, settings: dict[str, Any]) -> None:
        """Create the folder, store the run's settings, and seed all random generators."""
        self.folder.mkdir(parents=True, exist_ok=True)
        settings = json_values({**settings, "seed": self.seed})
        started_with = yaml.safe_dump(settings, sort_keys=False)
        write_whole(self.folder / "run.yaml", started_with, overwrite=True)
        torch.manual_seed(self.seed)
        if self.threads is not None:
            torch.set_num_threads(self.threads)

    def samples(self, part: str, kind: type[_Stored], collect: Callable[[], _Stored]) -> _Stored:
        """Return the samples of a split: those stored in the folder, or else new ones.

        A run that starts over then removes what an earlier one would be resumed from.
        """
        file = self.folder / f"{part}.npz"
        if self.resume and file.is_file():
            return kind.load(file)
        collected = collect()
        if not self.resume:
            for name in {CHECKPOINT_NAME, "val.npz"} if part == "train" else {CHECKPOINT_NAME}:
                (self.folder / name).unlink(missing_ok=True)
        collected.save(file)
        return collected

    def train(
        self,
        module: TrunkTraining,
        samples: Samples,
        sources: Sequence[str | os.PathLike[str]],
        shown: str,
    ) -> TrainedNetwork:
        """Train, validate and save, with a copy, record and model card in `catalog`.

        Args:
            module: to train.
            samples: for training and validation.
            sources: the data, next to which there may be a `sources.yaml`.
            shown: description of the training samples.

        Raises:
            TrainingError: a loss or gradient is NaN or infinite, or the checkpoint is damaged.
        """
        began = time.monotonic()
        recipe = module.recipe
        minutes = self.time_budget_minutes
        duration = None if minutes is None else timedelta(minutes=minutes)
        module.timer, module.said = Timer(duration, verbose=False), self.said
        module.seed, module.samples = self.seed, samples
        checkpoint = self.folder / CHECKPOINT_NAME
        start = checkpoint if self.resume and checkpoint.is_file() else None
        guard = RestoreGuard(checkpoint, resumed=start is not None)
        with at_safe_points(), lightning_silenced():
            trainer = self._make_trainer(recipe, module.timer, guard)
            with guard.watch():
                trainer.fit(module, ckpt_path=start, weights_only=True)
            stop_if_asked()
            figures = trainer.validate(module, verbose=False)[0]
        metrics = {name: round(value, 4) for name, value in figures.items() if math.isfinite(value)}
        steps, seconds = module.global_step, time.monotonic() - began
        weights = self.folder / f"{module.file.kind}.safetensors"
        extra = {"metrics": metrics, "recipe": asdict(recipe), "seed": self.seed}
        module.file.save(module.network, module.configuration, weights, overwrite=True, extra=extra)
        result = {"steps": steps, "seconds": round(seconds, 1), "metrics": metrics}
        write_whole(self.folder / "result.json", json.dumps(result, indent=2), overwrite=True)
        description = module.file.describe(weights)
        trained_on = sources_beside(*map(Path, sources))
        notes = (
            f"{trained_on.notes} Trained for {steps} steps of {recipe.batch} on {shown}. "
            f"{module.figures_explained}"
        )
        registered = register_weights(
            weights,
            description,
            CatalogPlace.of_run(self.folder, description.architecture),
            trained_on=replace(trained_on, notes=notes.strip()),
            recipe=description.kind,
            seed=self.seed,
            metrics={"val": {"crops": len(samples.validation), **metrics}},  # type: ignore[arg-type]
        )
        card = registered.card_file
        return TrainedNetwork(weights, metrics, steps, seconds, registered.record_file, card)

    def _make_trainer(self, recipe: TrunkRecipe, timer: Timer, guard: RestoreGuard) -> Trainer:
        device = resolve_device(self.device)
        return Trainer(
            accelerator={"cuda": "gpu"}.get(device.type, device.type),
            devices=1 if device.index is None else [device.index],
            precision=training_precision(recipe.precision, device),  # type: ignore[arg-type]
            max_epochs=-1,
            reload_dataloaders_every_n_epochs=1,
            num_sanity_val_steps=0,
            check_val_every_n_epoch=_VALIDATION_EVERY,
            logger=TensorBoardLogger(self.folder, name="curves", version=""),
            plugins=[WholeCheckpointIO()],
            callbacks=[
                guard,
                CurvesGoOn(),
                timer,
                StopAfterStep(),
                ModelCheckpoint(
                    dirpath=self.folder,
                    filename="last",
                    save_on_train_epoch_end=True,
                    enable_version_counter=False,
                ),
            ],
            enable_progress_bar=False,
            enable_model_summary=False,
            default_root_dir=self.folder,
            log_every_n_steps=50,
        )
