"""Training a detector: one call, one folder per run, safetensors at its end."""

from __future__ import annotations

import json
import logging
import os
import random
import time
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from detector.architecture import DetectorConfiguration
from detector.isolation import import_quietly
from detector.recipe import DetectorRecipe, read_recipe
from detector.weight_file import read_configuration, read_extra
from detector.yolo_dataset import read_yolo_dataset
from weights.atomic import atomic_path
from weights.device import resolve_device
from weights.errors import OutputError, TrainingError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    import torch

    from detector.trainer import MaskTrainer

RUN_NAME = "run.yaml"
"""Name of the file in a run's folder that says how it was started."""

RESULT_NAME = "result.json"
"""Name of the file in a run's folder that its end writes."""


@dataclass(frozen=True)
class TrainingProgress:
    """Where a training stands.

    Attributes:
        epoch: number of the epoch, from 1.
        epochs: how many there will be; with a time budget this changes after every epoch.
        batch: number of the batch in the epoch, from 1.
        batches: batches of an epoch.
        losses: running mean of each loss in this epoch.
        metrics: of the validation, empty within an epoch.
    """

    epoch: int
    epochs: int
    batch: int
    batches: int
    losses: Mapping[str, float]
    metrics: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class TrainedDetector:
    """What a training ends with.

    Attributes:
        weights: the best weights, safetensors.
        folder: the run's folder: curves, pictures, log, checkpoints.
        metrics: of the best epoch on the validation part, by Ultralytics' names.
        epochs: epochs that were run in all.
        seconds: how long this call trained.
    """

    weights: Path
    folder: Path
    metrics: Mapping[str, float]
    epochs: int
    seconds: float


def train_detector(
    data_yaml: str | os.PathLike[str],
    output: str | os.PathLike[str],
    *,
    recipe: str | os.PathLike[str] | DetectorRecipe = "auto",
    architecture: str | None = None,
    image_size: int | None = None,
    epochs: int | None = None,
    batch: int | None = None,
    workers: int | None = None,
    changes: Mapping[str, Any] | None = None,
    device: str | torch.device = "auto",
    seed: int = 0,
    threads: int | None = None,
    time_budget_minutes: float | None = None,
    initial_weights: str | os.PathLike[str] | None = None,
    resume: bool = True,
    plots: bool = True,
    progress: Callable[[TrainingProgress], None] | None = None,
) -> TrainedDetector:
    """Train a segmentation network on a YOLO data set, by Ultralytics' own loop, from scratch.

    Nothing is downloaded and nothing is written outside `output`. The best weights, a moving
    average (EMA) of the trained ones, are written as `detector.safetensors` in every epoch that
    betters the validation score, so that a run that is killed leaves usable weights. A killed run
    goes on from its last whole epoch by the same call; that loads the checkpoint which this run
    itself wrote (a pickle, as Ultralytics makes it), so name only folders of your own.

    Args:
        data_yaml: the data set's `data.yaml`.
        output: folder of the run: new, empty, or that of an earlier run.
        recipe: name of a recipe ("cpu", "gpu"; "auto" goes by the device), path of one, or a
            `DetectorRecipe`.
        architecture: instead of the recipe's.
        image_size: instead of the recipe's.
        epochs: instead of the recipe's.
        batch: instead of the recipe's.
        workers: instead of the recipe's.
        changes: further changed values of the recipe, by their names.
        device: "auto" or a torch device.
        seed: seed of all chance.
        threads: threads of a CPU's arithmetic; as many as before where None.
        time_budget_minutes: after the first epoch, fit the number of epochs to this time.
        initial_weights: safetensors of the same architecture to go on from.
        resume: go on with the run in `output` if there is one, by its own recipe; otherwise start
            anew in its place.
        plots: whether curves and pictures are drawn into the folder.
        progress: called after every batch and after every epoch.

    Raises:
        InputError: the data set cannot be read, or has no picture.
        ConfigurationError: the recipe is wrong.
        OutputError: `output` holds something that is no run, or cannot be written.
        TrainingError: there is no mask to train on, or the training broke down.
    """
    folder = Path(output).absolute()
    chosen_device = resolve_device(device)
    dataset = read_yolo_dataset(data_yaml)
    going_on = resume and (folder / RUN_NAME).is_file()
    if going_on:
        run = yaml.safe_load((folder / RUN_NAME).read_text(encoding="utf-8"))
        settings = DetectorRecipe().with_changes(run["recipe"])
        seed = int(run["seed"])
        if (folder / RESULT_NAME).is_file():
            return _read_result(folder)
    else:
        settings = _settings(recipe, chosen_device)
        asked = {
            "architecture": architecture,
            "image_size": image_size,
            "epochs": epochs,
            "batch": batch,
            "workers": workers,
        }
        given = {key: value for key, value in asked.items() if value is not None}
        settings = settings.with_changes({**(changes or {}), **given})
    configuration = DetectorConfiguration(
        settings.architecture, settings.image_size, dataset.names, settings.one_to_one
    )
    start = Path(initial_weights) if initial_weights is not None else None
    if start is not None:
        read_configuration(start)
    if not going_on:
        _start_folder(folder, settings, seed, data_yaml, start)
    checkpoint = folder / "weights" / "last.pt"
    overrides: dict[str, Any] = {
        **settings.ultralytics_settings(),
        "model": f"{settings.architecture}.yaml",
        "data": str(Path(data_yaml).absolute()),
        "device": _device_name(chosen_device),
        "seed": seed,
        "project": str(folder.parent),
        "name": folder.name,
        "exist_ok": True,
        "pretrained": False,
        "amp": "bf16" if chosen_device.type == "cuda" else False,
        "deterministic": False,
        "verbose": False,
        "plots": plots,
    }
    if time_budget_minutes is not None:
        overrides["time"] = time_budget_minutes / 60.0
    if going_on and checkpoint.is_file():
        overrides.update(resume=str(checkpoint), model=str(checkpoint), save_dir=str(folder))

    began = time.monotonic()
    trainer = _run(overrides, configuration, settings, threads, start, folder, progress)
    weights = folder / "detector.safetensors"
    if not weights.is_file():
        raise TrainingError(f"The training in {folder} ended without weights: see its train.log.")
    result = TrainedDetector(
        weights,
        folder,
        dict(read_extra(weights).get("metrics", {})),
        int(trainer.epoch) + 1,
        time.monotonic() - began,
    )
    with atomic_path(folder / RESULT_NAME, overwrite=True) as temporary:
        temporary.write_text(
            json.dumps(
                {
                    "metrics": dict(result.metrics),
                    "epochs": result.epochs,
                    "seconds": result.seconds,
                },
                indent=2,
            ),
            encoding="utf-8",
        )
    return result


def _settings(
    recipe: str | os.PathLike[str] | DetectorRecipe, device: torch.device
) -> DetectorRecipe:
    if isinstance(recipe, DetectorRecipe):
        return recipe
    if recipe == "auto":
        return read_recipe("cpu" if device.type == "cpu" else "gpu")
    return read_recipe(recipe)


def _device_name(device: torch.device) -> str:
    return str(device.index or 0) if device.type == "cuda" else device.type


def _start_folder(
    folder: Path,
    settings: DetectorRecipe,
    seed: int,
    data_yaml: str | os.PathLike[str],
    initial_weights: Path | None,
) -> None:
    if (folder / RUN_NAME).is_file():
        for name in (RESULT_NAME, "detector.safetensors", "train.log", "results.csv"):
            (folder / name).unlink(missing_ok=True)
        for checkpoint in (folder / "weights").glob("*.pt"):
            checkpoint.unlink()
    elif folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise OutputError(
            f"{folder} is there already and holds no run of the detector's training: give another "
            "folder."
        )
    run = {
        "data": str(Path(data_yaml).absolute()),
        "seed": seed,
        "initial_weights": None if initial_weights is None else str(initial_weights.absolute()),
        "recipe": settings.to_dict(),
    }
    with atomic_path(folder / RUN_NAME, overwrite=True) as temporary:
        temporary.write_text(yaml.safe_dump(run, sort_keys=False), encoding="utf-8")


def _read_result(folder: Path) -> TrainedDetector:
    result = json.loads((folder / RESULT_NAME).read_text(encoding="utf-8"))
    return TrainedDetector(
        folder / "detector.safetensors",
        folder,
        result["metrics"],
        result["epochs"],
        result["seconds"],
    )


def _run(
    overrides: dict[str, Any],
    configuration: DetectorConfiguration,
    settings: DetectorRecipe,
    threads: int | None,
    initial_weights: Path | None,
    folder: Path,
    progress: Callable[[TrainingProgress], None] | None,
) -> MaskTrainer:
    from detector.trainer import MaskTrainer, reporting_off

    with ExitStack() as stack:
        stack.enter_context(_global_state_kept())
        stack.enter_context(_log_written(folder / "train.log"))
        stack.enter_context(reporting_off(_local_font))
        try:
            trainer = MaskTrainer(
                overrides,
                configuration,
                settings.workers,
                threads,
                settings.bfloat16,
                settings.validation_pictures,
                initial_weights,
            )
            if progress is not None:
                _report_to(progress, trainer)
            trainer.train()
        except RuntimeError as error:
            if isinstance(error, TrainingError):
                raise
            raise TrainingError(
                f"The training in {folder} broke down: {str(error).splitlines()[0]}"
            ) from error
    return trainer


def _report_to(progress: Callable[[TrainingProgress], None], trainer: MaskTrainer) -> None:
    """Call `progress` after every batch and every epoch of the trainer."""
    from detector.trainer import loss_items

    done = {"batch": 0}

    def start_epoch(_: MaskTrainer) -> None:
        done["batch"] = 0

    def report(running: MaskTrainer, metrics: Mapping[str, float]) -> None:
        progress(
            TrainingProgress(
                running.epoch + 1,
                running.epochs,
                done["batch"],
                len(running.train_loader),
                loss_items(running),
                metrics,
            )
        )

    def end_batch(running: MaskTrainer) -> None:
        done["batch"] += 1
        report(running, {})

    def end_epoch(running: MaskTrainer) -> None:
        measured: Any = running.metrics or {}
        report(running, {name: float(value) for name, value in measured.items()})

    trainer.add_callback("on_train_epoch_start", start_epoch)
    trainer.add_callback("on_train_batch_end", end_batch)
    trainer.add_callback("on_fit_epoch_end", end_epoch)


def _local_font(_: str) -> str:
    """A font file for plots that is on this machine: the one that comes with Matplotlib."""
    import matplotlib

    return str(Path(matplotlib.get_data_path()) / "fonts" / "ttf" / "DejaVuSans.ttf")


@contextmanager
def _log_written(path: Path) -> Iterator[None]:
    """Send Ultralytics' messages to a file, and nowhere else."""
    logger: logging.Logger = import_quietly("ultralytics.utils").LOGGER
    level, propagate = logger.level, logger.propagate
    handler = logging.FileHandler(path, encoding="utf-8", delay=True)
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s"))
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    logger.propagate = False
    try:
        yield
    finally:
        logger.removeHandler(handler)
        handler.close()
        logger.setLevel(level)
        logger.propagate = propagate


@contextmanager
def _global_state_kept() -> Iterator[None]:
    """Put random states, torch's settings and the environment back afterwards."""
    import numpy as np
    import torch

    environment = dict(os.environ)
    deterministic = torch.are_deterministic_algorithms_enabled()
    threads = torch.get_num_threads()
    states = random.getstate(), np.random.get_state(), torch.get_rng_state()  # noqa: NPY002
    try:
        yield
    finally:
        random.setstate(states[0])
        np.random.set_state(states[1])  # noqa: NPY002
        torch.set_rng_state(states[2])
        torch.set_num_threads(threads)
        torch.use_deterministic_algorithms(deterministic)
        for name in set(os.environ) - set(environment):
            del os.environ[name]
        os.environ.update(environment)
