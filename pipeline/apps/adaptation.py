"""Fine-tunes the shipped detector and inpainter on one's own faces within a time budget.

Each step stores its result in the folder, so that the same call resumes one that was stopped.
"""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import yaml

from weights.base.atomic import write_whole
from weights.base.errors import InputError
from weights.base.json_text import read_json
from weights.base.run_settings import RunOptions
from weights.catalog.lookup import default_name, get_record, resolve

PIPELINE_NAME, RESULT_NAME = "pipeline.yaml", "adaptation.json"

MOST_SCENES, SCENES_A_MINUTE = 2000, 12
"""Composite pictures for the detector: at most, and per minute of the time budget, which composing
must not use up."""

_DETECTOR_SHARE = 0.4
_FACES_MEASURED = 100
_SHARES = {"train": 0.85, "val": 0.15, "test": 0.0}
_JUDGES: Mapping[str, tuple[tuple[str, float], ...]] = {
    "detector": (("ap50", 1.0),),
    # Fewer than thirty faces have no realism distance.
    "inpainter": (("realism_distance", -1.0), ("ssim_hole", 1.0)),
}
"""For each network the metrics that decide whether its new weights are used: the first that was
measured counts; 1 means higher is better, -1 lower."""

_SCHEDULE_SHARE = 0.85
"""Fraction of the inpainter's time that its schedule is planned for; validations and checkpoints of
short runs take the rest."""

_JUDGE_STEPS, _JOINT_STEPS = 1, 3
"""Ratio of discriminator-only steps to joint steps: an untrained discriminator would spoil good
weights."""

Figures = dict[str, dict[str, dict[str, float]]]
"""By network, then "before" or "after", then metric."""


@dataclass(frozen=True)
class AdaptationSettings:
    """Settings of an adaptation.

    Attributes:
        minutes: time budget of the whole call.
        device: "auto", "cpu", "cuda" or "mps".
        threads: CPU threads; None leaves the number as it is.
        seed: seeds all random choices.
        scenes: composite pictures for the detector; None derives it from `minutes`.
        recipe: of the inpainter; None is "gated.cpu" or "gated.gpu", by the device.
        detector_changes: overrides of the detector's recipe.
        inpainter_changes: overrides of the inpainter's recipe.
    """

    minutes: float
    device: str = "auto"
    threads: int | None = None
    seed: int = 0
    scenes: int | None = None
    recipe: str | None = None
    detector_changes: Mapping[str, Any] | None = None
    inpainter_changes: Mapping[str, Any] | None = None

    def __post_init__(self) -> None:
        if not self.minutes > 0.0:
            raise InputError(f"The time budget must be above 0 minutes, but is {self.minutes!r}.")


@dataclass(frozen=True)
class Adaptation:
    """Result of an adaptation.

    Attributes:
        pipeline: YAML file of a pipeline with the better weights.
        figures: metrics of both networks before and after, on held-out faces.
        adapted: the networks whose new weights are in the pipeline.
        finished: whether the inpainter's schedule is done; if not, the same call resumes it.
    """

    pipeline: Path
    figures: Figures
    adapted: tuple[str, ...]
    finished: bool


def adapt_to_faces(
    folder: Path,
    output: Path,
    settings: AdaptationSettings,
    *,
    tell: Callable[[str], None] = lambda _: None,
) -> Adaptation:
    """Fine-tune the shipped detector and inpainter on a folder of photos of faces without masks.

    Finds landmarks unless the folder has a `faces.jsonl`, draws masks, measures, trains the
    detector and then the inpainter from the shipped weights, and measures again. `output` gets
    `faces`, `data`, `detector`, `inpainter`, `adaptation.json` and `pipeline.yaml`, which names a
    network's new weights only if they measured better than the shipped ones.

    Args:
        folder: of the photos.
        output: new, or that of an earlier call, which is resumed.
        settings: of the adaptation.
        tell: called with a sentence before each step.

    Raises:
        InputError: there are too few faces.
        MissingDependencyError: a library for training or evaluation is not installed.
        ConfigurationError: `output` was begun with other faces.
        TrainingError: training failed.
    """
    deadline = time.monotonic() + 60.0 * settings.minutes
    faces = _faces(folder, output, settings, tell)
    file = output / RESULT_NAME
    state: dict[str, Any] = read_json(file) if file.is_file() else {}
    figures: Figures = state.get("figures", {"detector": {}, "inpainter": {}})
    measure = {"detector": _measure_detector, "inpainter": _measure_inpainter}
    measuring = 0.0
    for kind in ("detector", "inpainter"):
        if "before" not in figures[kind]:
            tell(f"Measuring the shipped {kind}.")
            began = time.monotonic()
            figures[kind]["before"] = measure[kind]("default", output, settings)
            measuring += time.monotonic() - began
            _store(file, {"figures": figures})
    # Measuring again afterwards takes as long.
    left = max(0.0, deadline - time.monotonic() - 1.2 * measuring) / 60.0
    tell(f"Training the detector, for {_about(_DETECTOR_SHARE * left)}.")
    detector = _train_detector(output, settings, _DETECTOR_SHARE * left)
    left = max(0.0, deadline - time.monotonic() - 1.2 * measuring) / 60.0
    tell(f"Training the inpainter, for {_about(left)}.")
    inpainter, finished = train_inpainter_on(faces, output, settings, left)
    adapted = []
    for kind, weights in (("detector", detector), ("inpainter", inpainter)):
        tell(f"Measuring the adapted {kind}.")
        figures[kind]["after"] = measure[kind](str(weights), output, settings)
        if is_better(kind, **figures[kind]):
            adapted.append(kind)
    _store(file, {"figures": figures, "adapted": adapted, "finished": finished})
    pipeline = _store_pipeline(output, {"detector": detector, "inpainter": inpainter}, adapted)
    return Adaptation(pipeline, figures, tuple(adapted), finished)


def _about(minutes: float) -> str:
    whole = round(minutes)
    return (
        "about a minute" if whole == 1 else f"about {whole} minutes" if whole else "a few seconds"
    )


def is_better(kind: str, before: Mapping[str, float], after: Mapping[str, float]) -> bool:
    """Whether a network's figures after the adaptation are better than before."""
    name, sign = next(judge for judge in _JUDGES[kind] if judge[0] in after)
    return sign * after[name] > sign * before[name]


def _faces(
    folder: Path, output: Path, settings: AdaptationSettings, tell: Callable[[str], None]
) -> Path:
    """Make the folder of annotated faces, and next to it the detector's data set."""
    from pipeline.dataset.builder import build_dataset
    from pipeline.dataset.face_source import gather_faces, store_faces
    from pipeline.dataset.settings import DatasetSettings
    from pipeline.dataset.split import normalise_shares, split_faces

    data = output / "data"
    annotated = (folder / "faces.jsonl").is_file()
    tell("Reading the faces." if annotated else "Finding faces and their landmarks.")
    found, rejects = gather_faces(folder, data, "annotations" if annotated else "network")
    if len(found) < 2:
        raise InputError(
            f"{folder} shows {len(found)} faces that can be used, but adapting needs at least 2 "
            "and learns from some hundreds."
        )
    shares = normalise_shares(_SHARES)  # type: ignore[arg-type]
    parts = split_faces(found, shares, settings.seed)
    if len({"train", "val"} & set(parts.values())) < 2:
        raise InputError(
            f"{folder} has too few faces to train on some and measure on others: add some."
        )
    faces = store_faces(found, parts, output / "faces").parent
    most = round(min(MOST_SCENES, max(2 * SCENES_A_MINUTE, SCENES_A_MINUTE * settings.minutes)))
    scenes = most if settings.scenes is None else settings.scenes
    tell("Drawing masks.")
    build_dataset(
        found,
        data,
        DatasetSettings(seed=settings.seed, pairs=0, scenes=scenes, shares=shares),
        workers=settings.threads,
        unusable=rejects,
    )
    return faces


def _measure_detector(weights: str, output: Path, settings: AdaptationSettings) -> dict[str, float]:
    from detector import YoloMaskDetector, evaluate_detector
    from pipeline.evaluation.annotated_sets import read_annotated_set

    detector = YoloMaskDetector(weights=weights, confidence=0.05, device=settings.device)
    pictures = read_annotated_set(output / "data" / "detection" / "data.yaml", "val")
    report = evaluate_detector(detector, pictures[:_FACES_MEASURED])
    return {
        "ap50": report.ap50,
        "precision": report.precision,
        "recall": report.recall,
        "iou": report.quality["detector"].iou,
    }


def _measure_inpainter(
    weights: str, output: Path, settings: AdaptationSettings
) -> dict[str, float]:
    from inpainter.evaluation.evaluate import evaluate_inpainter
    from inpainter.evaluation.loop import Instruments
    from inpainter.metrics.realism import HoleFeatures
    from pipeline.evaluation.case_sets import HOLE_NAMES, open_cases
    from pipeline.stages.registry import create_stage

    cases = open_cases(
        output / "faces",
        {"face-mask": HOLE_NAMES["face-mask"]},
        split="val",
        count=_FACES_MEASURED,
        size=256,
        seed=settings.seed,
    )
    options = {} if weights == "default" else {"weights": weights}
    stage = create_stage("inpainter", {"name": "gated", **options}, device=settings.device)
    tools = Instruments(realism=HoleFeatures(settings.device))
    measured = evaluate_inpainter({"gated": stage}, cases, instruments=tools)
    names = ("realism_distance", "psnr_hole", "ssim_hole")
    means = {name: measured.estimate("gated", name).mean for name in names}
    return {name: mean for name, mean in means.items() if math.isfinite(mean)}


def _train_detector(output: Path, settings: AdaptationSettings, minutes: float) -> Path:
    from detector import train_detector

    record = get_record(default_name("detector"))
    folder = output / "detector"
    changes = {"image_size": record.input_size, "learning_rate": 0.0005, "mosaic": 0.2}
    changes |= {"one_to_one": record.options.get("one_to_one", False)}
    trained = train_detector(
        output / "data" / "detection" / "data.yaml",
        folder,
        architecture=record.architecture,
        changes={**changes, **(settings.detector_changes or {})},
        device=settings.device,
        seed=settings.seed,
        threads=settings.threads,
        # A resumed run keeps its own time budget.
        time_budget_minutes=None if (folder / "run.yaml").is_file() else minutes,
        initial_weights=resolve("default", "detector"),
        plots=False,
    )
    return trained.weights


def train_inpainter_on(
    faces: Path, output: Path, settings: AdaptationSettings, minutes: float
) -> tuple[Path, bool]:
    """Train the inpainter from the shipped weights; return the new ones and whether it is done.

    Args:
        faces: folder of annotated faces.
        output: of the adaptation.
        settings: of the adaptation.
        minutes: time budget.
    """
    from inpainter.training import read_recipe, train_inpainter
    from inpainter.training.time_budget import fit_schedule
    from weights.base.device import resolve_device

    record = get_record(default_name("inpainter"))
    profile = "cpu" if resolve_device(settings.device).type == "cpu" else "gpu"
    name = settings.recipe or f"{record.architecture}.{profile}"
    recipe = read_recipe(name).with_changes(
        {
            "network": {"name": record.architecture, **record.options},
            # Low, for fine-tuning.
            "optimizer.generator_lr": 5.0e-5,
            "seed": settings.seed,
            **(settings.inpainter_changes or {}),
        }
    )
    recipe = replace(recipe, data=replace(recipe.data, faces=str(faces)))
    run: RunOptions = {"device": settings.device, "threads": settings.threads}
    if "phases" not in (settings.inpainter_changes or {}):
        joint = replace(recipe.phases[-1], steps=_JOINT_STEPS)
        alone = replace(joint, steps=_JUDGE_STEPS, generator=False)
        recipe = replace(recipe, phases=(alone, joint) if recipe.adversarial else (joint,))
        began = time.monotonic()
        recipe = fit_schedule(recipe, output / "inpainter", _SCHEDULE_SHARE * minutes, **run)
        minutes = max(0.0, minutes - (time.monotonic() - began) / 60.0)
    run["time_budget_minutes"] = minutes
    trained = train_inpainter(
        recipe,
        output / "inpainter",
        **run,
        initial_weights=resolve("default", "inpainter"),
        recipe_name=name,
    )
    return trained.weights, trained.finished


def _store(file: Path, state: Mapping[str, Any]) -> None:
    write_whole(file, json.dumps(state, indent=2) + "\n", overwrite=True)


def _store_pipeline(output: Path, weights: Mapping[str, Path], adapted: list[str]) -> Path:
    stages = {"detector": "yolo", "inpainter": "gated"}
    content: dict[str, Any] = {
        kind: {
            "name": name,
            "weights": weights[kind].absolute().relative_to(output.absolute()).as_posix(),
        }
        if kind in adapted
        else name
        for kind, name in stages.items()
    }
    file = output / PIPELINE_NAME
    write_whole(file, yaml.safe_dump(content, sort_keys=False), overwrite=True)
    return file
