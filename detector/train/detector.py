"""Trains a detector: one call and one folder per run, ending with weights, record and card."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypedDict, Unpack

from detector.data.yolo_dataset import YoloDataset, read_yolo_dataset
from detector.find.architecture import DetectorConfiguration
from detector.find.weight_file import describe_detector, read_configuration, read_extra
from detector.train.curves import CURVES_NAME, last_epoch
from detector.train.distributed import run_distributed
from detector.train.plan import CHECKPOINT_NAME, WEIGHTS_NAME, TrainingPlan, TrainingProgress
from detector.train.recipe import DetectorRecipe
from detector.train.run_file import RUN_NAME, RunFile
from detector.train.ultralytics_loop import LOG_NAME, run_training
from weights.base.atomic import write_whole
from weights.base.device import resolve_device
from weights.base.errors import InputError, OutputError, TrainingError
from weights.base.run_settings import RunOptions, RunSettings
from weights.catalog.register import (
    CATALOG_NAME,
    CatalogPlace,
    TrainingSources,
    register_weights,
    rounded_figure,
    sources_beside,
)

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Mapping

    import torch

RESULT_NAME = "result.json"
"""File in a run's folder, written at its end."""


_FIGURES = {
    "precision": "metrics/precision(M)",
    "recall": "metrics/recall(M)",
    "ap50": "metrics/mAP50(M)",
    "ap": "metrics/mAP50-95(M)",
    "box_precision": "metrics/precision(B)",
    "box_recall": "metrics/recall(B)",
    "box_ap50": "metrics/mAP50(B)",
    "box_ap": "metrics/mAP50-95(B)",
}
"""Metrics of a record: names in the detector's report to names in Ultralytics."""


@dataclass(frozen=True)
class TrainedDetector:
    """Result of a training.

    Attributes:
        weights: the best weights, safetensors.
        folder: the run's folder, with curves, pictures, log and checkpoints.
        metrics: of the best epoch on the validation split, by Ultralytics' names.
        epochs: total number of epochs.
        seconds: their duration, including earlier calls.
        record: catalog record of the weights.
        card: their model card, Markdown.
    """

    weights: Path
    folder: Path
    metrics: Mapping[str, float]
    epochs: int
    seconds: float
    record: Path
    card: Path


class RecipeValues(TypedDict, total=False):
    """Recipe values that are keywords of `train_detector`; None keeps the recipe's."""

    architecture: str | None
    image_size: int | None
    epochs: int | None
    batch: int | None
    workers: int | None


class DetectorOptions(RecipeValues, RunOptions, total=False):
    """Keywords of `train_detector`: recipe values and run options."""


def train_detector(
    data_yaml: str | os.PathLike[str],
    output: str | os.PathLike[str],
    *,
    recipe: str | os.PathLike[str] | DetectorRecipe = "auto",
    changes: Mapping[str, Any] | None = None,
    seed: int = 0,
    initial_weights: str | os.PathLike[str] | None = None,
    plots: bool = True,
    progress: Callable[[TrainingProgress], None] | None = None,
    **options: Unpack[DetectorOptions],
) -> TrainedDetector:
    """Train a segmentation network on a YOLO data set with Ultralytics' own loop.

    Nothing is downloaded and nothing is written outside `output`. The best weights, an exponential
    moving average (EMA), are written as `detector.safetensors` after every epoch that improves the
    validation score, so that a killed run leaves usable weights. The same call resumes a killed run
    from its last complete epoch, with the same result as without the interruption; checkpoints
    cannot run code.

    At the end the folder `catalog` has the weights under their own name, their record with metrics
    on the validation split, and a model card. A file `sources.yaml` next to `data.yaml` (see
    `weights.catalog.register.TrainingSources`) gives the sources of the pictures.

    Args:
        data_yaml: the data set's `data.yaml`.
        output: folder of the run: new, empty, or that of an earlier run.
        recipe: name of a recipe ("cpu", "gpu"; "auto" chooses by the device), its path, or a
            `DetectorRecipe`.
        changes: further overrides of the recipe, by name.
        seed: seeds all random choices, 0 or more.
        initial_weights: safetensors of the same architecture to start from.
        plots: whether to draw curves and pictures into the folder.
        progress: called after every batch and after every epoch.
        **options: `architecture`, `image_size`, `epochs`, `batch` and `workers` instead of the
            recipe's; `device`, `threads`, `time_budget_minutes` and `resume`, see `RunSettings`.
            "auto" and "cuda" use all GPUs, each with its part of the batch in its own process;
            "cuda:N" uses one. The time of earlier calls counts: after the first epoch the number of
            epochs is fitted to the budget, and training stops in time for a final validation. A
            resumed run keeps its own recipe; without `resume` it starts over.

    Raises:
        InputError: the data set cannot be read, or has no picture, or the seed is negative.
        ConfigurationError: the recipe or `sources.yaml` is wrong, or the run's file is damaged.
        OutputError: `output` holds something other than a run, or cannot be written.
        TrainingError: there is no mask to train on, or training failed.
    """
    given: dict[str, Any] = dict(options)
    values = {name: given.pop(name, None) for name in RecipeValues.__annotations__}
    asked = RunSettings(**given)
    folder = Path(output).absolute()
    device = resolve_device(asked.device)
    dataset = read_yolo_dataset(data_yaml)
    trained_on = sources_beside(Path(data_yaml))
    if seed < 0:
        raise InputError(f"The seed of a training must be 0 or more, but is {seed!r}.")
    going_on = asked.resume and (folder / RUN_NAME).is_file()
    start = Path(initial_weights) if initial_weights is not None else None
    if start is not None:
        read_configuration(start)
    if going_on:
        run = RunFile.read(folder)
    else:
        changed = {name: value for name, value in values.items() if value is not None}
        run = RunFile(
            data=str(Path(data_yaml).absolute()),
            seed=seed,
            initial_weights=None if start is None else str(start.absolute()),
            time_budget_minutes=asked.time_budget_minutes,
            **_chosen_recipe(recipe, device, {**(changes or {}), **changed}),
        )
    settings = DetectorRecipe().with_changes(run.recipe)
    configuration = DetectorConfiguration(
        settings.architecture, settings.image_size, dataset.names, settings.one_to_one
    )
    if not going_on:
        _start_folder(folder, run)
    minutes = asked.time_budget_minutes
    if minutes is None:
        minutes = run.time_budget_minutes
    result_file = folder / RESULT_NAME
    if not result_file.is_file():
        plan = TrainingPlan(
            folder,
            configuration,
            _overrides(settings, run, folder, data_yaml, device, plots=plots),
            settings.workers,
            asked.threads,
            settings.bfloat16,
            settings.validation_pictures,
            start,
            None if minutes is None else 60.0 * minutes,
        )
        train = run_distributed if plan.processes > 1 else run_training
        train(plan, progress)
    weights = folder / WEIGHTS_NAME
    if not weights.is_file():
        raise TrainingError(f"The training in {folder} ended without weights: see its {LOG_NAME}.")
    place = CatalogPlace.of_run(folder, settings.architecture)
    if not (result_file.is_file() and place.record_file.is_file()):
        _register(folder, place, run, settings, dataset, trained_on)
    return _result(folder, place)


def _result(folder: Path, place: CatalogPlace) -> TrainedDetector:
    """Make the result of a finished run, and store it in its folder."""
    weights, result_file = folder / WEIGHTS_NAME, folder / RESULT_NAME
    epochs, seconds = last_epoch(folder)
    metrics = dict(read_extra(weights).get("metrics", {}))
    if not result_file.is_file():
        result = {"metrics": metrics, "epochs": epochs, "seconds": seconds}
        write_whole(result_file, json.dumps(result, indent=2))
    return TrainedDetector(
        weights, folder, metrics, epochs, seconds, place.record_file, place.card_file
    )


def _chosen_recipe(
    recipe: str | os.PathLike[str] | DetectorRecipe,
    device: torch.device,
    changes: dict[str, Any],
) -> dict[str, Any]:
    """The recipe, its name and its overrides, for the run's file."""
    if isinstance(recipe, DetectorRecipe):
        name, settings = "own", recipe
    else:
        if recipe == "auto":
            recipe = "cpu" if device.type == "cpu" else "gpu"
        name = Path(recipe).stem if Path(recipe).suffix else str(recipe)
        settings = DetectorRecipe.read(recipe)
    changed = asdict(settings.with_changes(changes))
    return {"recipe_name": name, "changes": changes, "recipe": changed}


def _overrides(
    settings: DetectorRecipe,
    run: RunFile,
    folder: Path,
    data_yaml: str | os.PathLike[str],
    device: torch.device,
    *,
    plots: bool,
) -> dict[str, Any]:
    """Settings for Ultralytics, by its names."""
    overrides: dict[str, Any] = {
        **settings.ultralytics_settings(),
        "model": f"{settings.architecture}.yaml",
        "data": str(Path(data_yaml).absolute()),
        "device": _device_names(device, settings.batch),
        "seed": run.seed,
        "project": str(folder.parent),
        "name": folder.name,
        "exist_ok": True,
        "pretrained": False,
        "amp": "bf16" if device.type == "cuda" else False,
        "deterministic": False,
        "verbose": False,
        "plots": plots,
    }
    checkpoint = folder / "weights" / CHECKPOINT_NAME
    if checkpoint.is_file():
        overrides["resume"] = str(checkpoint)
    return overrides


def _device_names(device: torch.device, batch: int) -> str:
    """Devices in Ultralytics' form; without an index all GPUs, at most one per picture."""
    if device.type != "cuda":
        return device.type
    if device.index is not None:
        return str(device.index)
    import torch

    return ",".join(str(index) for index in range(min(torch.cuda.device_count(), batch)))


def _start_folder(folder: Path, run: RunFile) -> None:
    """Create the folder of a run, or empty that of an earlier one."""
    if (folder / RUN_NAME).is_file():
        for name in (RESULT_NAME, WEIGHTS_NAME, LOG_NAME, CURVES_NAME):
            (folder / name).unlink(missing_ok=True)
        for file in (*(folder / "weights").glob("*.pt"), *(folder / CATALOG_NAME).glob("*.*")):
            file.unlink()
    elif folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise OutputError(
            f"{folder} already exists and holds no training run of the detector: name another "
            "folder."
        )
    run.write(folder)


def _register(
    folder: Path,
    place: CatalogPlace,
    run: RunFile,
    settings: DetectorRecipe,
    dataset: YoloDataset,
    trained_on: TrainingSources,
) -> None:
    """Write weights, record and card of a finished run."""
    weights = folder / WEIGHTS_NAME
    extra = read_extra(weights)
    epochs, seconds = last_epoch(folder)
    validated = len(dataset.pictures["val"])
    if settings.validation_pictures:
        validated = min(validated, settings.validation_pictures)
    figures = {
        name: rounded_figure(extra["metrics"][original])
        for name, original in _FIGURES.items()
        if original in extra.get("metrics", {})
    }
    changes = ", ".join(f"{key} = {value!r}" for key, value in run.changes.items())
    start = run.initial_weights
    notes = [
        trained_on.notes.strip(),
        f"Trained for {epochs} epochs, {seconds / 60.0:.1f} minutes, on "
        f"{len(dataset.pictures['train'])} pictures"
        + (f", from the weights {Path(start).name}" if start else "")
        + f"; these are the weights of epoch {extra.get('epoch', epochs)}.",
        f"The recipe was changed: {changes}." if changes else "",
        f"The figures are of {validated} pictures of the data set's part 'val', measured while "
        "training; photos from elsewhere give others, which 'unmask evaluate detector' measures.",
    ]
    register_weights(
        weights,
        describe_detector(weights),
        place,
        trained_on=replace(trained_on, notes=" ".join(filter(None, notes))),
        recipe=run.recipe_name,
        seed=run.seed,
        metrics={"val": {"pictures": validated, **figures}},
    )
