"""Runs a recipe, from the initial weights to the catalog record."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final, Unpack

import torch
from lightning.pytorch import Callback
from lightning.pytorch.callbacks import ModelCheckpoint

from inpainter.data.statistics import colour_statistics
from inpainter.training.callbacks import RoundReport, StopInTime
from inpainter.training.curves import CURVES, draw_curves
from inpainter.training.face_data import FaceData
from inpainter.training.failures import training_failures
from inpainter.training.module import CompletionTraining
from inpainter.training.pictures import decode_split
from inpainter.training.recipe import Recipe, read_recipe
from inpainter.training.register import register_trained
from inpainter.training.rounds import rounds_in_all
from inpainter.training.submodules import check_frozen_have_weights, load_part
from inpainter.training.trainer import CHECKPOINT, make_trainer, read_run
from weights.base.device import resolve_device
from weights.base.errors import ConfigurationError
from weights.base.lightning_runs import RestoreGuard
from weights.base.run_settings import RunOptions, RunSettings
from weights.base.silence import lightning_silenced
from weights.base.stopping import at_safe_points
from weights.catalog.register import CatalogPlace

DISCRIMINATOR: Final = "discriminator"
"""Name of the discriminator in a recipe's `parts`."""


@dataclass(frozen=True)
class TrainedInpainter:
    """The outcome of a training run.

    Attributes:
        weights: safetensors file of the averaged weights after the last round.
        checkpoint: full state of the run, to resume from.
        metrics: figures of the last validation by name.
        steps: optimizer steps done.
        finished: whether the whole schedule has been run.
        round_seconds: duration of each round of this call, including validation.
        record: the catalog record of a finished run, in its folder `catalog`; None for an
            unfinished run, and for a network without a name in the registry.
        card: the model card next to it.
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
    """Train a completion network by a recipe, on all GPUs, or with torchrun on any devices.

    The folder gets `recipe.yaml`, `last.ckpt` and `best.ckpt`, `average.safetensors`,
    `discriminator.safetensors` if there is a discriminator, `rounds.log`, curves for TensorBoard
    and as `curves.png`, and sheets of completed validation faces. A finished run evaluates its
    weights and copies them to `catalog`, with their record and model card.

    Args:
        recipe: what to train and how.
        output: the run's folder.
        initial_weights: safetensors file of the same network, to start from.
        progress: show Lightning's progress bar.
        recipe_name: name of the recipe in the record.
        **options: `device`, `threads`, `time_budget_minutes` and `resume`, see `RunSettings`.
            Within a time budget, training stops after the last step that fits, with a validation
            and a checkpoint from which the same call resumes as if it had not stopped.

    Raises:
        InputError: the faces cannot be read.
        ConfigurationError: the recipe names something unknown, a frozen part has no weights, or
            the folder holds a run of other networks.
        WeightsError: weights to start from are missing or damaged.
        TrainingError: a loss or gradient is NaN or infinite, memory runs out, or the checkpoint is
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
        recipe.write(folder / "recipe.yaml")
    kept = read_run(checkpoint) if going_on else None
    report = RoundReport(folder)
    guard = RestoreGuard(checkpoint, resumed=going_on)
    callbacks += [report, guard, *_checkpoints(folder)]
    with at_safe_points(), lightning_silenced(), training_failures(module), guard.watch():
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
        # A finished run is not evaluated again: its figures stay.
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
    """Load the initial weights of parts and of the whole network.

    Raises:
        ConfigurationError: a frozen part has none, or there are weights for a missing
            discriminator.
        WeightsError: they are missing or damaged.
    """
    starts = dict(module.recipe.parts)
    discriminator = starts.pop(DISCRIMINATOR, None)
    if discriminator is not None:
        if module.discriminator is None:
            raise ConfigurationError(
                f"The recipe trains without a discriminator: leave out the part {DISCRIMINATOR!r}."
            )
        load_part(module.discriminator, "", discriminator)
    if whole is not None:
        starts[""] = str(whole)
    check_frozen_have_weights(module.recipe.frozen, starts)
    for part, file in starts.items():
        for network in (module.generator, module.average.network):
            load_part(network, part, file)


def _checkpoints(folder: Path) -> list[Callback]:
    """Callbacks that write the best and the last state after every round."""
    always: dict[str, Any] = {"dirpath": folder, "save_on_train_epoch_end": True}
    always["enable_version_counter"] = False
    # Lightning's own `save_last` only writes when the best is written too.
    return [
        ModelCheckpoint(filename="best", monitor="validation/hole_psnr", mode="max", **always),
        ModelCheckpoint(filename="last", **always),
    ]


def with_measured_options(recipe: Recipe) -> Recipe:
    """Return the recipe with the network options that are measured on the training split.

    Raises:
        InputError: the faces cannot be read.
    """
    missing = [name for name in recipe.measured if name not in recipe.network]
    if not missing:
        return recipe
    found = colour_statistics(decode_split(recipe.data, recipe.data.train_split).images())
    return replace(recipe, network={**recipe.network, **{name: found[name] for name in missing}})


def _check_same_networks(recipe: Recipe, former: Path) -> None:
    """Check that a checkpoint fits before opening it.

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
            f"{before['validation_interval']}, which determines its data: resume with the same "
            "value, or start over with --restart."
        )
    if now["network"] != before["network"] or judges[0] != judges[1]:
        raise ConfigurationError(
            f"{former.parent} holds a run of another network or discriminator: choose another "
            "folder, or start over in this one."
        )
