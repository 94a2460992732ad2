"""Ultralytics' segmentation trainer with our own data reader and weight files.

This module imports Ultralytics and is itself only imported by `detector.train.ultralytics_loop`. It
overrides the trainer where the original would access the internet or files outside the run, and
adds what training on a CPU needs: bfloat16 arithmetic with channels-last tensors, and workers.
"""

from __future__ import annotations

import os
import random
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import torch

from detector.data.yolo_dataset import read_yolo_dataset
from detector.find.architecture import network_description
from detector.find.isolation import import_quietly
from detector.find.weight_file import load_detector, save_detector
from detector.train.curves import keep_epochs, last_epoch
from detector.train.plan import WEIGHTS_NAME, TrainingPlan
from detector.train.ultralytics_dataset import MaskDataset
from detector.train.ultralytics_network import MaskNetwork, unwrapped
from weights.base.checkpoint import read_checkpoint, unfit_checkpoint, write_checkpoint
from weights.base.errors import ConfigurationError, InputError, TrainingError
from weights.base.stopping import stop_if_asked

import_quietly("ultralytics.models.yolo.segment")

from ultralytics.models.yolo.segment import SegmentationTrainer  # noqa: E402

_STATE = (
    "epoch", "model", "ema", "updates", "optimizer", "scaler", "best_fitness", "stopper",
)  # fmt: skip
"""Entries of a checkpoint."""

_EPOCH_SEEDS = 1_000_003
"""Difference between the seeds of successive epochs; far above the number of processes."""


class TrainingFinishedError(Exception):
    """The checkpoint to resume from is the last one of its run."""


class MaskTrainer(SegmentationTrainer):
    """Trains one network on one data set.

    With several devices, each process of `detector.train.distributed` has one such trainer.

    Args:
        plan: of the training.
    """

    def __init__(self, plan: TrainingPlan) -> None:
        self.plan = plan
        self.configuration = plan.configuration
        self._began = time.time()
        self._longest_validation = 0.0
        self._batches = 0
        self.batch = 0
        threads = plan.threads or torch.get_num_threads()
        super().__init__(overrides=dict(plan.overrides))
        # On a CPU Ultralytics itself allows no workers.
        self.args.workers = plan.workers
        self._spent = last_epoch(plan.folder)[1] if self.resume else 0.0
        self._limit_time()
        self.add_callback("on_train_epoch_start", _count_earlier_time)
        self.add_callback("on_train_epoch_start", MaskTrainer._begin_epoch)
        self.add_callback("on_train_batch_end", MaskTrainer._end_batch)
        self.add_callback("on_train_epoch_end", MaskTrainer._end_epoch)
        if self.device.type == "cpu":
            torch.set_num_threads(threads)

    def _limit_time(self) -> None:
        """Reserve the time of the final validation within the budget.

        Ultralytics looks at `args.time` after every step and fits the number of epochs to it.
        """
        if self.plan.seconds is not None:
            self.args.time = max(self.plan.seconds - self._longest_validation, 1.0) / 3600.0

    def validate(self) -> Any:
        """Validate the moving average, and remember how long that takes.

        The last validation draws pictures and curves; Ultralytics draws them when it validates the
        best weights again at the end, which `final_eval` omits.
        """
        began = time.time()
        validator: Any = self.validator
        validator.args.plots = self.args.plots
        self.stopper.possible_stop |= bool(self.stop)
        measured = super().validate()
        self._longest_validation = max(self._longest_validation, time.time() - began)
        self._limit_time()
        return measured

    def _setup_scheduler(self) -> None:
        """Make the learning rate schedule, the same in all processes.

        With a time budget each would fit the number of epochs to its own clock.
        """
        if self.world_size > 1:
            shared = [self.epochs]
            torch.distributed.broadcast_object_list(shared, 0)
            self.epochs = self.args.epochs = shared[0]
        super()._setup_scheduler()

    def check_resume(self, overrides: Any) -> None:  # noqa: ARG002
        """Check whether there is a checkpoint to resume from; the settings are the plan's."""
        self.resume = bool(self.args.resume)

    def setup_model(self) -> dict[str, Any] | None:
        """Build the network, and read the checkpoint to resume from, if any.

        Raises:
            TrainingError: the checkpoint is damaged.
        """
        super().setup_model()
        return read_checkpoint(self.last, _STATE) if self.resume else None

    def resume_training(self, ckpt: dict[str, Any] | None) -> None:
        """Restore the state of a checkpoint.

        Raises:
            TrainingFinishedError: there is nothing left to train.
            TrainingError: the checkpoint is damaged, or of another network.
        """
        if ckpt is None or not self.resume:
            return
        if not isinstance(ckpt["epoch"], int) or ckpt["epoch"] < 0:
            raise unfit_checkpoint(self.last, f"its epoch is {ckpt['epoch']!r}")
        if ckpt["epoch"] + 1 >= self.epochs:
            raise TrainingFinishedError
        keep_epochs(self.csv, ckpt["epoch"] + 1)
        super().resume_training(ckpt)

    def _load_checkpoint_state(self, ckpt: dict[str, Any]) -> None:
        """Restore network, moving average, optimiser and the rest from our own checkpoint."""
        average: Any = self.ema
        optimizer: Any = self.optimizer
        best: Any = ckpt["best_fitness"]
        try:
            unwrapped(self.model).load_state_dict(ckpt["model"])
            optimizer.load_state_dict(ckpt["optimizer"])
            self.scaler.load_state_dict(ckpt["scaler"])
            if average is not None and ckpt["ema"] is not None:
                average.ema.load_state_dict(ckpt["ema"])
                average.updates = int(ckpt["updates"])
            best = float(best)
            fitness, epoch = ckpt["stopper"]
            self.stopper.best_fitness, self.stopper.best_epoch = float(fitness), int(epoch)
        except Exception as error:  # a damaged state raises errors of many kinds
            raise unfit_checkpoint(self.last, error) from error
        self.best_fitness = best

    def _handle_nan_recovery(self, epoch: int) -> bool:  # noqa: ARG002
        """Refuse to continue, or finish, with NaN or infinite losses.

        Raises:
            TrainingError: a loss is NaN or infinite.
        """
        losses: Any = self.loss
        broken = losses is not None and not bool(torch.isfinite(losses.detach()).all())
        if self.world_size > 1:
            shared = torch.tensor(float(broken), device=self.device)
            torch.distributed.all_reduce(shared)
            broken = bool(shared)
        if broken:
            raise TrainingError(
                f"The losses in epoch {self.epoch + 1} became NaN or infinite: check the labels, "
                "or set a lower learning_rate. The run resumes from the previous epoch."
            )
        return False

    def optimizer_step(self) -> None:
        """Do nothing when Ultralytics calls it, as that counts batches across epochs.

        Steps are made by `_end_batch`, which starts every epoch afresh, so that a resumed run makes
        the same steps.
        """

    def _begin_epoch(self) -> None:
        """Seed an epoch's random choices by seed and epoch number only."""
        stop_if_asked()
        rank = max(int(os.environ.get("RANK", "-1")), 0)
        seed = (self.args.seed + 1 + rank + _EPOCH_SEEDS * self.epoch) % 2**32
        random.seed(seed)
        np.random.seed(seed)  # noqa: NPY002
        torch.manual_seed(seed)
        loader: Any = self.train_loader
        loader.reset()
        loader.generator.manual_seed(seed)
        loader.dataset.forget_pictures()
        optimizer: Any = self.optimizer
        optimizer.zero_grad()
        self.batch = self._batches = 0

    def _end_batch(self) -> None:
        """Make an optimiser step once enough batches have accumulated their gradients."""
        stop_if_asked()
        self.batch += 1
        self._batches += 1
        if self._batches >= self.accumulate:
            super().optimizer_step()
            self._batches = 0

    def _end_epoch(self) -> None:
        """Make a step with the gradients of the last batches, if any."""
        if self._batches:
            super().optimizer_step()
            self._batches = 0

    def get_dataset(self) -> dict[str, Any]:
        """List the pictures of the data set.

        Raises:
            InputError: the data set cannot be read, or has other classes than the network.
        """
        dataset = read_yolo_dataset(self.args.data)
        if dataset.names != self.configuration.class_names:
            raise InputError(
                f"{self.args.data} has the classes {list(dataset.names)}, but the network is built "
                f"for {list(self.configuration.class_names)}."
            )
        parts = {part: [str(file) for file in files] for part, files in dataset.pictures.items()}
        if 0 < self.plan.validation_pictures < len(parts["val"]):
            chance = random.Random(self.args.seed)
            parts["val"] = sorted(chance.sample(parts["val"], self.plan.validation_pictures))
        return {
            **parts,
            "path": dataset.root,
            "names": dict(enumerate(dataset.names)),
            "nc": len(dataset.names),
            "channels": 3,
        }

    def build_dataset(
        self, img_path: str | list[str], mode: str = "train", batch: int | None = None
    ) -> MaskDataset:
        """Build the data set of one split: augmented for training, hardly padded for validation."""
        training = mode == "train"
        dataset = MaskDataset(
            img_path=img_path,
            imgsz=self.args.imgsz,
            batch_size=batch,
            augment=training,
            hyp=self.args,
            rect=not training,
            cache=self.args.cache or None,
            stride=self.stride,
            pad=0.0 if training else 0.5,
            prefix=f"{mode}: ",
            task="segment",
            data=self.data,
        )
        if training and not any(len(label["cls"]) for label in dataset.labels):
            raise TrainingError(f"No picture of {self.args.data} shows a mask to train on.")
        return dataset

    def get_model(
        self,
        cfg: Any = None,  # noqa: ARG002
        weights: Any = None,
        verbose: bool = True,  # noqa: ARG002
    ) -> MaskNetwork:
        """Build the network, from a checkpoint of this run or from the initial weights if any.

        Raises:
            ConfigurationError: the initial weights are of another architecture.
        """
        network = MaskNetwork(network_description(self.configuration), self.plan.bfloat16)
        network.names = dict(enumerate(self.configuration.class_names))
        if weights is not None:
            network.load(weights, verbose=False)
        elif self.plan.initial_weights is not None:
            self._load_initial(network, self.plan.initial_weights)
        if self.device.type == "cpu" and self.plan.bfloat16:
            network = network.to(memory_format=torch.channels_last)
        return network

    def _load_initial(self, network: MaskNetwork, path: Path) -> None:
        initial, configuration = load_detector(path)
        if configuration.architecture != self.configuration.architecture:
            raise ConfigurationError(
                f"{path} holds a {configuration.architecture}, which cannot start the training of "
                f"a {self.configuration.architecture}."
            )
        own = network.state_dict()
        network.load_state_dict(
            {
                name: tensor
                for name, tensor in initial.state_dict().items()
                if name in own and own[name].shape == tensor.shape
            },
            strict=False,
        )

    def preprocess_batch(self, batch: dict[str, Any]) -> dict[str, Any]:
        """Move a batch to the device, in [0, 1] and in the fastest memory layout."""
        prepared: dict[str, Any] = super().preprocess_batch(batch)
        if self.device.type == "cpu" and self.plan.bfloat16:
            prepared["img"] = prepared["img"].contiguous(memory_format=torch.channels_last)
        return prepared

    def save_model(self) -> bool:
        """Write the checkpoint atomically, and the best weights as safetensors."""
        average: Any = self.ema
        optimizer: Any = self.optimizer
        write_checkpoint(
            self.last,
            {
                "epoch": self.epoch,
                "model": unwrapped(self.model).state_dict(),
                "ema": average.ema.state_dict(),
                "updates": average.updates,
                "optimizer": optimizer.state_dict(),
                "scaler": self.scaler.state_dict(),
                "best_fitness": float(self.best_fitness or 0.0),
                "stopper": [float(self.stopper.best_fitness), int(self.stopper.best_epoch)],
            },
        )
        if self.best_fitness == self.fitness:
            measured: dict[str, Any] = {**(self.metrics or {}), "fitness": self.fitness or 0.0}
            save_detector(
                average.ema,
                self.configuration,
                self.save_dir / WEIGHTS_NAME,
                overwrite=True,
                extra={"epoch": self.epoch + 1, "metrics": as_floats(measured)},
            )
        return True

    def final_eval(self) -> None:
        """Do nothing: the best weights were validated and written in their epoch."""


def _count_earlier_time(trainer: MaskTrainer) -> None:
    """At the first epoch, set the clock to the beginning of the run instead of this call.

    Ultralytics ignores epochs and time before a resumption, so that a resumed run with a time
    budget would take the remaining time for that of all epochs, and end at once.
    """
    if trainer.train_time_start > trainer._began:
        trainer.train_time_start = trainer._began - trainer._spent
        if trainer.plan.seconds is not None:
            trainer.start_epoch = 0


@contextmanager
def reporting_off(font: Callable[[str], str]) -> Iterator[None]:
    """Keep Ultralytics from adding reporters, downloading a font, and drawing progress bars.

    Args:
        font: returns the path of a font file on this machine for any font name.
    """
    callbacks = import_quietly("ultralytics.utils.callbacks")
    plotting = import_quietly("ultralytics.utils.plotting")
    datasets = import_quietly("ultralytics.data.base")

    class HiddenBar(datasets.TQDM):  # type: ignore[name-defined]
        """Shows nothing, and ends at a signal while pictures are read into memory."""

        def __init__(self, *arguments: Any, **options: Any) -> None:
            super().__init__(*arguments, **{**options, "disable": True})

        def __iter__(self) -> Any:
            for one in super().__iter__():
                stop_if_asked()
                yield one

    replaced: list[tuple[Any, str, Any]] = [
        (callbacks, "add_integration_callbacks", lambda _: None),
        (plotting, "check_font", font),
        (datasets, "TQDM", HiddenBar),
    ]
    originals = [(owner, name, getattr(owner, name)) for owner, name, _ in replaced]
    for owner, name, stand_in in replaced:
        setattr(owner, name, stand_in)
    try:
        yield
    finally:
        for owner, name, original in originals:
            setattr(owner, name, original)


def as_floats(values: Mapping[str, Any] | None) -> dict[str, float]:
    """Losses or metrics, by Ultralytics' names, as plain numbers; empty if there are none yet."""
    return {name: float(value) for name, value in (values or {}).items()}
