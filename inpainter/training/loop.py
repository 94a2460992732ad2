"""Runs a recipe: data, callbacks, checkpoints, weights."""

from __future__ import annotations

import math
import os
import time
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Unpack

import torch
import yaml
from lightning.pytorch import Callback, LightningDataModule, LightningModule, Trainer
from lightning.pytorch.callbacks import ModelCheckpoint
from lightning.pytorch.loggers import TensorBoardLogger
from torch.utils.data import DataLoader, Dataset

from inpainter.creation import create_named
from inpainter.data.sampling import Sampling
from inpainter.data.statistics import colour_statistics
from inpainter.data.stream import Batch, SampleStream, Stretch, collate, sample_at
from inpainter.holes import create_holes
from inpainter.training.curves import CURVES, draw_curves
from inpainter.training.failures import training_failures
from inpainter.training.module import CompletionTraining
from inpainter.training.pictures import create_sampling, decode_split, open_training_pictures
from inpainter.training.recipe import read_recipe
from inpainter.training.register import register_trained
from inpainter.training.rounds import rounds_in_all
from inpainter.training.submodules import check_frozen_have_weights, load_part
from inpainter.weight_files import save_completion_network
from weights.base.atomic import atomic_path
from weights.base.device import resolve_device, training_precision
from weights.base.errors import ConfigurationError
from weights.base.lightning_runs import CurvesGoOn, StopAfterStep, WholeCheckpointIO
from weights.base.lightning_silence import lightning_silenced
from weights.base.run_log import keep_first
from weights.base.run_settings import RunOptions, RunSettings
from weights.base.stopping import at_safe_points
from weights.catalog.register import CatalogPlace

if TYPE_CHECKING:
    from inpainter.data.faces import DecodedFaces
    from inpainter.data.pairs import DecodedPairs
    from inpainter.data.processes import FaceProcesses
    from inpainter.data.sampling import MaskSource
    from inpainter.training.recipe import Recipe


CHECKPOINT: Final = "last.ckpt"
"""Name of a run's checkpoint in its folder."""


def create_mask_source(spec: Any) -> MaskSource | None:
    """Make what draws masks on faces.

    Args:
        spec: a dotted path "package.module:Class", a dict {name: such a path, and the class's
            options beside it}, a source itself, or None for none.

    Raises:
        ConfigurationError: there is no such class, or the options do not fit.
    """
    if spec is None or callable(spec):
        return spec
    source: MaskSource = create_named("source of masked pictures", {}, spec, calls=3)
    return source


class FaceData(LightningDataModule):
    """Training stream and frozen validation samples of a recipe.

    Args:
        recipe: the recipe; `recipe.data` names the folder.
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
        """End the processes that make samples, where there are any."""
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
            masks=create_mask_source(data.masked),
        )
        samples = [
            sample_at(faces, sampling, size, seed=0, index=index)
            for index in range(min(data.validation_count, len(faces)))
        ]
        return [collate(samples[start : start + 8]) for start in range(0, len(samples), 8)]

    def train_dataloader(self) -> DataLoader[Batch]:
        """Give the stretch of the stream that is left of the round to work on."""
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
        """Give the frozen validation batches, at the size of the present round."""
        assert self.trainer is not None
        module = self.trainer.lightning_module
        assert isinstance(module, CompletionTraining)
        frozen: Dataset[Batch] = _Listed(self._frozen[module.phase.size])
        return DataLoader(frozen, batch_size=None)


class _Listed(Dataset[Batch]):
    def __init__(self, batches: list[Batch]) -> None:
        self.batches = batches

    def __len__(self) -> int:
        return len(self.batches)

    def __getitem__(self, index: int) -> Batch:
        return self.batches[index]


SECONDS_BETWEEN_LINES = 30.0
"""How often a line tells where a training is, within a round."""


class RoundReport(Callback):
    """Says in lines how far a round is and how it went, and writes the averaged weights after it.

    Args:
        output: the run's folder.
    """

    def __init__(self, output: Path) -> None:
        self.output = output
        self.seconds: list[float] = []
        self.began = self._told = time.monotonic()
        self._steps_before = 0

    def on_train_epoch_start(self, trainer: Trainer, module: LightningModule) -> None:
        """Start the clock."""
        del trainer
        assert isinstance(module, CompletionTraining)
        self.began = self._told = time.monotonic()
        self._steps_before = module.steps_done

    def on_train_batch_end(self, trainer: Trainer, module: LightningModule, *_: Any) -> None:
        """Say once in a while where the training is."""
        assert isinstance(module, CompletionTraining)
        now = time.monotonic()
        if now - self._told < SECONDS_BETWEEN_LINES or not trainer.is_global_zero:
            return
        self._told = now
        each = (now - self.began) / (module.steps_done - self._steps_before)
        left = each * (module.total_steps - module.steps_done) / 60.0
        print(
            f"step {module.steps_done}/{module.total_steps}, {each:.2f} s a step, "
            f"{left:.0f} min for the rest of the schedule",
            flush=True,
        )

    def on_train_start(self, trainer: Trainer, module: LightningModule) -> None:
        """Take rounds out of the log that are done again, or were another run's."""
        assert isinstance(module, CompletionTraining)
        if trainer.is_global_zero:
            done, _ = module.recipe.round_at(module.steps_done)
            keep_first(self.output / "rounds.log", "round", done)

    def on_train_epoch_end(self, trainer: Trainer, module: LightningModule) -> None:
        """Write weights and the line."""
        assert isinstance(module, CompletionTraining)
        seconds = time.monotonic() - self.began
        self.seconds.append(seconds)
        if not trainer.is_global_zero:
            return
        options = dict(module.recipe.network)
        save_completion_network(
            module.average.network,
            self.output / "average.safetensors",
            name=options.pop("name"),
            options=options,
            input_size=module.phase.size,
            overwrite=True,
        )
        phase, steps = module.phase, module.steps_done - self._steps_before
        figures = ", ".join(
            f"{name.partition('/')[2]} {float(value):.4f}"
            for name, value in sorted(trainer.callback_metrics.items())
        )
        line = (
            f"round {module.round_number + 1}/{len(module.schedule)}, step {module.steps_done}/"
            f"{module.total_steps}, {phase.size} px, "
            f"{steps * phase.batch * trainer.world_size / seconds:.1f} pictures/s: {figures}"
        )
        print(line, flush=True)
        with (self.output / "rounds.log").open("a", encoding="utf-8") as log:
            log.write(line + "\n")


class StopInTime(StopAfterStep):
    """Stops gracefully, for a signal or a time budget.

    Args:
        minutes: the time, from now on; None for no limit.
    """

    def __init__(self, minutes: float | None) -> None:
        self.deadline = math.inf if minutes is None else time.monotonic() + 60.0 * minutes
        self._began = self._step = 0.0
        self._batches = 0
        self._validating: float | None = None
        self._ending: float | None = None

    def on_train_epoch_start(self, trainer: Trainer, module: LightningModule) -> None:
        """Measure the steps of this round."""
        del trainer, module
        self._began, self._batches = time.monotonic(), 0

    def on_train_batch_end(self, trainer: Trainer, module: LightningModule, *_: Any) -> None:
        """Note how long a step takes, and stop after this one, if at all."""
        self._batches += 1
        self._step = (time.monotonic() - self._began) / self._batches
        super().on_train_batch_end(trainer, module)

    def is_over(self, trainer: Trainer) -> bool:
        """Say whether a signal came, or another step and what follows the last would not fit."""
        ending = self._ending
        if ending is None:
            # Validating a batch takes no longer than learning from one.
            ending = self._step * sum(trainer.num_val_batches)
        return (
            super().is_over(trainer) or time.monotonic() + self._step + 1.2 * ending > self.deadline
        )

    def on_validation_start(self, trainer: Trainer, module: LightningModule) -> None:
        """Start the clock of the validation."""
        del trainer, module
        self._validating = time.monotonic()

    def on_train_epoch_end(self, trainer: Trainer, module: LightningModule) -> None:
        """Note how long the round's end took, and stop after it, if at all."""
        if self._validating is not None:
            self._ending = time.monotonic() - self._validating
        super().on_train_epoch_end(trainer, module)


@dataclass(frozen=True)
class TrainedInpainter:
    """What a training run leaves.

    Attributes:
        weights: safetensors file of the averaged weights after the last round.
        checkpoint: whole state of the run; training goes on from it.
        metrics: the last validation's figures by name.
        steps: optimizer steps done.
        finished: whether the whole schedule is done.
        round_seconds: how long each round of this call took, with its validation.
        record: the catalog record of a finished run, in its folder `catalog`; None before, and for
            a network without a name in the registry.
        card: the model card beside it.
    """

    weights: Path
    checkpoint: Path
    metrics: dict[str, float]
    steps: int
    finished: bool
    round_seconds: tuple[float, ...] = ()
    record: Path | None = None
    card: Path | None = None


def train_inpainter(
    recipe: Recipe,
    output: str | Path,
    *,
    initial_weights: str | Path | None = None,
    progress: bool = False,
    recipe_name: str = "own",
    **options: Unpack[RunOptions],
) -> TrainedInpainter:
    """Train a completion network by a recipe; on all GPUs, or by torchrun on any devices.

    The folder gets `recipe.yaml`, `last.ckpt` and `best.ckpt`, `average.safetensors`, `rounds.log`,
    curves for TensorBoard and as `curves.png`, and sheets of completed validation faces; a finished
    run measures its weights and leaves them once more in `catalog`, with their record and model
    card.

    Args:
        recipe: what to train and how.
        output: the run's folder.
        initial_weights: safetensors file of the same network to start from.
        progress: show Lightning's progress bar.
        recipe_name: what the record calls the recipe.
        **options: `device`, `threads`, `time_budget_minutes` and `resume`, see `RunSettings`. Time
            is up after the last step that fits, with a validation and a checkpoint from which the
            same call goes on as if it had not ended.

    Raises:
        InputError: the faces cannot be read.
        ConfigurationError: the recipe names something unknown, a frozen part has no weights, or
            the folder holds a run of other networks.
        WeightsError: weights to start from are missing or damaged.
        TrainingError: a loss or gradient is not a number, memory is used up, or the checkpoint is
            damaged.
    """
    run = RunSettings(**options)
    callbacks: list[Callback] = [StopInTime(run.time_budget_minutes)]
    folder = Path(output)
    folder.mkdir(parents=True, exist_ok=True)
    checkpoint = folder / CHECKPOINT
    going_on = run.resume and checkpoint.is_file()
    torch.manual_seed(recipe.seed)
    if run.threads is not None:
        torch.set_num_threads(run.threads)
    recipe = with_measured_options(recipe)
    if going_on:
        _check_same_networks(recipe, folder / "recipe.yaml")
    module = CompletionTraining(recipe)
    if not going_on:
        _load_initial_weights(module, initial_weights)
    # Both torchrun and Lightning's own launcher number their processes.
    if os.environ.get("RANK", os.environ.get("LOCAL_RANK", "0")) == "0":
        with atomic_path(folder / "recipe.yaml", overwrite=True) as temporary:
            text = yaml.safe_dump(recipe.to_mapping(), sort_keys=False)
            temporary.write_text(text, encoding="utf-8")
    kept = read_run(checkpoint) if going_on else None
    report = RoundReport(folder)
    callbacks += [report, *_checkpoints(folder)]
    with at_safe_points(), lightning_silenced(), training_failures(module):
        trainer = make_trainer(
            folder,
            resolve_device(run.device),
            callbacks,
            rounds=rounds_in_all([steps for _, steps in recipe.rounds()], kept),
            precision=recipe.precision,
            progress=progress,
        )
        trainer.fit(module, FaceData(recipe), ckpt_path=str(checkpoint) if going_on else None)
    if trainer.is_global_zero and report.seconds:
        draw_curves(folder / CURVES, folder / f"{CURVES}.png")
    weights = folder / "average.safetensors"
    metrics = {name: float(value) for name, value in trainer.callback_metrics.items()}
    finished = module.steps_done >= module.total_steps
    record = card = None
    former = CatalogPlace.of_run(folder, str(recipe.network["name"]))
    if finished and not report.seconds and former.record_file.is_file():
        # A finished run has nothing to measure anew: what it measured stays.
        record, card = former.record_file, former.card_file
    elif finished and trainer.is_global_zero:
        registered = register_trained(
            recipe, folder, weights, recipe_name=recipe_name, validation=metrics, device=run.device
        )
        if registered is not None:
            record, card = registered.record_file, registered.card_file
    seconds = tuple(report.seconds)
    return TrainedInpainter(
        weights, checkpoint, metrics, module.steps_done, finished, seconds, record, card
    )


def _load_initial_weights(module: CompletionTraining, whole: str | Path | None) -> None:
    """Load the weights that a new run starts from, those of parts and of the whole network.

    Raises:
        ConfigurationError: a frozen part has none.
        WeightsError: they are missing or damaged.
    """
    starts = dict(module.recipe.parts)
    if whole is not None:
        starts[""] = str(whole)
    check_frozen_have_weights(module.recipe.frozen, starts)
    for part, file in starts.items():
        for network in (module.generator, module.average.network):
            load_part(network, part, file)


def _checkpoints(folder: Path) -> list[Callback]:
    """Write the best and the last state after every round."""
    always: dict[str, Any] = {"dirpath": folder, "save_on_train_epoch_end": True}
    always["enable_version_counter"] = False
    # Lightning's own `save_last` writes only when the best is written too.
    return [
        ModelCheckpoint(filename="best", monitor="validation/hole_psnr", mode="max", **always),
        ModelCheckpoint(filename="last", **always),
    ]


def with_measured_options(recipe: Recipe) -> Recipe:
    """Give the recipe with the network's options that are measured on the training split.

    Raises:
        InputError: the faces cannot be read.
    """
    missing = [name for name in recipe.measured if name not in recipe.network]
    if not missing:
        return recipe
    found = colour_statistics(decode_split(recipe.data, recipe.data.train_split).images())
    return replace(recipe, network={**recipe.network, **{name: found[name] for name in missing}})


def _check_same_networks(recipe: Recipe, former: Path) -> None:
    """Make sure that a checkpoint fits before it is opened.

    Raises:
        ConfigurationError: the folder holds a run of other networks.
    """
    if not former.is_file():
        return
    now, before = recipe.to_mapping(), read_recipe(former).to_mapping()
    judges = [(one["adversarial"] or {}).get("discriminator") for one in (now, before)]
    if now["validation_interval"] != before["validation_interval"]:
        raise ConfigurationError(
            f"{former.parent} holds a run with validation_interval "
            f"{before['validation_interval']}, and its data follow from that: go on with the same, "
            "or start anew with --restart."
        )
    if now["network"] != before["network"] or judges[0] != judges[1]:
        raise ConfigurationError(
            f"{former.parent} holds a run of another network or discriminator: choose another "
            "folder, or start anew in this one."
        )


def read_run(checkpoint: Path) -> dict[str, Any]:
    """Read what a run goes on from.

    Raises:
        TrainingError: the file is damaged, or no checkpoint.
    """
    state: dict[str, Any] = WholeCheckpointIO().load_checkpoint(checkpoint, map_location="cpu")
    return state


def make_trainer(
    folder: Path,
    device: torch.device,
    callbacks: list[Callback],
    *,
    rounds: int,
    precision: str,
    progress: bool = False,
) -> Trainer:
    """Make what runs rounds of manual steps, with checkpoints and curves in a run's folder.

    Args:
        folder: of the run.
        device: what computes it; all GPUs, or torchrun's processes, where it has no number.
        callbacks: what happens besides.
        rounds: how many.
        precision: "32-true", "bf16-mixed" or "16-mixed", as Lightning names them; a CPU that is
            slow at bfloat16 computes in float32 instead.
        progress: show Lightning's progress bar.
    """
    machines, processes = _processes(device)
    devices: int | list[int] = processes if device.index is None else [device.index]
    # Each step trains one of two networks, so the other's gradients are waited for in vain.
    strategy = "ddp_find_unused_parameters_true" if machines * processes > 1 else "auto"
    return Trainer(
        accelerator={"cuda": "gpu"}.get(device.type, device.type),
        devices=devices,
        num_nodes=machines,
        strategy=strategy,
        precision=training_precision(precision, device),  # type: ignore[arg-type]
        max_epochs=rounds,
        reload_dataloaders_every_n_epochs=1,
        num_sanity_val_steps=0,
        # The training stream divides itself, and all validate on all of the few frozen samples.
        use_distributed_sampler=False,
        logger=TensorBoardLogger(folder, name=CURVES, version=""),
        callbacks=[CurvesGoOn(), *callbacks],
        plugins=[WholeCheckpointIO()],
        enable_progress_bar=progress,
        enable_model_summary=False,
        default_root_dir=folder,
        log_every_n_steps=20,
    )


def _processes(device: torch.device) -> tuple[int, int]:
    """The number of machines and of processes on each: torchrun's, or else one for each GPU."""
    if device.index is None and torch.distributed.is_torchelastic_launched():
        return int(os.environ["GROUP_WORLD_SIZE"]), int(os.environ["LOCAL_WORLD_SIZE"])
    everywhere = device.type == "cuda" and device.index is None
    return 1, torch.cuda.device_count() if everywhere else 1
