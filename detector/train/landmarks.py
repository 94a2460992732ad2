"""Training a landmark network: all points of faces, bare and under drawn masks."""

from __future__ import annotations

import json
import math
import os
import time
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import torch
import yaml
from lightning.pytorch import Callback, LightningModule, Trainer
from lightning.pytorch.callbacks import ModelCheckpoint
from lightning.pytorch.loggers import CSVLogger
from torch import Tensor
from torch.nn import functional
from torch.utils.data import DataLoader, Dataset, WeightedRandomSampler

from detector.data.landmark_faces import MARGIN, LandmarkFaces, collect_faces
from detector.train.crop_augmentation import cast_shadow, vary_photograph
from weights.base.atomic import atomic_path
from weights.base.device import resolve_device
from weights.base.errors import ConfigurationError, TrainingError
from weights.base.lightning_silence import lightning_silenced
from weights.base.names import unknown_name
from weights.base.settings import read_yaml, settings_from_mapping
from weights.catalog.efficientnet_trunk import load_imagenet_weights
from weights.catalog.register import CATALOG_NAME, register_weights, sources_beside, tag_of
from weights.landmarks.file import ARCHITECTURE, describe_landmarks, save_landmarks
from weights.landmarks.network import LandmarkConfiguration, LandmarkNetwork
from weights.landmarks.points import GROUPS, MIRRORED, OUTER_EYE_CORNERS

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

RECIPES = Path(__file__).parents[1] / "recipes" / "landmarks"
"""Folder of the recipes that come with the package."""

_ROUND = 50
"""Steps between two checkpoints."""

_VALIDATION_EVERY = 10
"""Rounds between two validations."""


@dataclass(frozen=True)
class LandmarkRecipe:
    """How a landmark network is trained.

    Attributes:
        trunk: what the trunk starts from, "imagenet" features or "chance".
        frozen_stages: so many of the trunk's first stages keep what they start from, with its stem.
        steps: optimiser steps.
        batch: crops in a step.
        trunk_rate: learning rate of the trunk, at its height.
        learning_rate: of all else; both rise over the first hundredth and fall by a cosine.
        weight_decay: of AdamW.
        precision: as Lightning names it.
        astray: share of crops that are moved, turned or scaled so far that they are no face's.
        masked: share of crops that show a masked face.
        rendered: share of the masks to learn from that are drawn in full, others are flat patches.

    Raises:
        ConfigurationError: a number is not above 0.
    """

    trunk: Literal["imagenet", "chance"] = "imagenet"
    frozen_stages: int = 2
    steps: int = 6000
    batch: int = 32
    trunk_rate: float = 5e-4
    learning_rate: float = 2e-3
    weight_decay: float = 0.01
    precision: str = "32-true"
    astray: float = 0.2
    masked: float = 0.6
    rendered: float = 0.25

    def __post_init__(self) -> None:
        for name in ("steps", "batch", "learning_rate"):
            if not getattr(self, name) > 0:
                raise ConfigurationError(f"{name} must be above 0, but is {getattr(self, name)!r}.")

    def with_changes(self, changes: dict[str, Any]) -> LandmarkRecipe:
        """A copy with some fields changed.

        Raises:
            ConfigurationError: a key is unknown, with the nearest one named, or a value is wrong.
        """
        values = {**asdict(self), **changes}
        return settings_from_mapping(LandmarkRecipe, values, "a landmark recipe")


def read_landmark_recipe(name_or_path: str | os.PathLike[str]) -> LandmarkRecipe:
    """Read a recipe by its name, such as "cpu", or from a YAML file.

    Raises:
        ConfigurationError: there is no such recipe, a key is unknown or a value is wrong.
    """
    path = Path(name_or_path)
    if path.suffix not in (".yaml", ".yml"):
        path = RECIPES / f"{name_or_path}.yaml"
        if not path.is_file():
            known = sorted(recipe.stem for recipe in RECIPES.glob("*.yaml"))
            raise unknown_name("recipe of landmarks", str(name_or_path), known)
    return LandmarkRecipe().with_changes(read_yaml(path))


@dataclass(frozen=True)
class TrainedLandmarks:
    """What a training leaves.

    Attributes:
        weights: the safetensors file.
        metrics: of the validation faces, see `landmark_figures`.
        steps: optimiser steps done in all.
        seconds: how long this call trained.
        record: the catalog record, in the folder `catalog` of the run.
        card: the model card beside it.
    """

    weights: Path
    metrics: dict[str, float]
    steps: int
    seconds: float
    record: Path
    card: Path


class _Sample(NamedTuple):
    picture: Tensor
    points: Tensor
    hidden: Tensor


class _FaceDataset(Dataset[_Sample]):
    def __init__(self, faces: LandmarkFaces) -> None:
        self.faces = faces

    def __len__(self) -> int:
        return len(self.faces)

    def __getitem__(self, index: int) -> _Sample:
        return _Sample(
            torch.from_numpy(self.faces.pictures[index]).permute(2, 0, 1),
            torch.from_numpy(self.faces.points[index]),
            torch.from_numpy(self.faces.hidden[index]),
        )


def reframe(
    pictures: Tensor, points: Tensor, size: int, way: Tensor, *, mirrored: Tensor | None = None
) -> tuple[Tensor, Tensor]:
    """Show stored crops in other frames.

    Args:
        pictures: `(N, 3, M, M)` in [0, 1].
        points: iBUG points `(N, 68, 2)`, 0 to 1 across them.
        size: side of what is given back, in pixels.
        way: `(N, 2, 3)`, from the new frame to the stored crop, both from -1 to 1.
        mirrored: bool `(N,)`, whose points change places; `way` must mirror these.

    Returns:
        Pictures `(N, 3, size, size)` and points 0 to 1 across them.
    """
    grid = functional.affine_grid(way, [len(pictures), 3, size, size], align_corners=False)
    shown = functional.grid_sample(pictures, grid, padding_mode="reflection", align_corners=False)
    back = torch.linalg.inv(way[:, :, :2])
    moved = ((2.0 * points - 1.0) - way[:, None, :, 2]) @ back.transpose(1, 2)
    moved = (moved + 1.0) / 2.0
    if mirrored is not None:
        moved = torch.where(mirrored[:, None, None], moved[:, list(MIRRORED)], moved)
    return shown, moved


def straight_way(count: int) -> Tensor:
    """The way `(N, 2, 3)` by which a stored crop is shown in the face's own frame."""
    way = torch.zeros(count, 2, 3)
    way[:, 0, 0] = way[:, 1, 1] = 1.0 / MARGIN
    return way


def jittered_way(count: int, astray: float) -> tuple[Tensor, Tensor, Tensor]:
    """Frames that lie about the face's own, and some that are far from it.

    Returns:
        The way `(N, 2, 3)`, which are mirrored and which are astray, bool `(N,)` each.
    """
    scale = torch.exp(0.05 + 0.17 * torch.randn(count)).clamp(0.75, 1.6)
    angle = (0.25 * torch.randn(count)).clamp(-0.7, 0.7)
    shift = (0.12 * torch.randn(count, 2)).clamp(-0.3, 0.3)
    lost = torch.rand(count) < astray
    fault = torch.randint(0, 4, (count,))
    far = torch.rand(count)
    scale = torch.where(lost & (fault == 0), 0.25 + 0.25 * far, scale)
    scale = torch.where(lost & (fault == 1), 2.1 + far, scale)
    direction = 2.0 * math.pi * torch.rand(count)
    away = (0.8 + 0.9 * far)[:, None] * torch.stack([direction.cos(), direction.sin()], dim=1)
    shift = torch.where((lost & (fault <= 2) & (fault != 1))[:, None], away, shift)
    angle = torch.where(lost & (fault == 3), math.pi / 2.0 + math.pi * far, angle)
    mirrored = torch.rand(count) < 0.5
    across = torch.where(mirrored, -1.0, 1.0)
    way = torch.zeros(count, 2, 3)
    way[:, 0, 0] = scale * angle.cos() * across
    way[:, 0, 1] = -scale * angle.sin()
    way[:, 1, 0] = scale * angle.sin() * across
    way[:, 1, 1] = scale * angle.cos()
    way[:, :, 2] = shift * scale[:, None].clamp_min(1.0)
    return way / MARGIN, mirrored, lost


def point_errors(points: Tensor, truth: Tensor) -> Tensor:
    """Distances `(N, 68)` of points `(N, 68, 2)` as shares of the true face's eye distance."""
    left, right = OUTER_EYE_CORNERS
    eyes = (truth[:, left] - truth[:, right]).norm(dim=1, keepdim=True)
    return (points - truth).norm(dim=2) / eyes.clamp_min(1e-6)


def landmark_figures(points: Tensor, truth: Tensor, hidden: Tensor) -> dict[str, float]:
    """Mean errors as shares of the eye distance.

    Args:
        points: found `(N, 68, 2)`.
        truth: likewise.
        hidden: bool `(N, 68)`, which lie under a mask.

    Returns:
        `bare`, of faces without a mask; `visible` and `hidden`, of masked ones; and the hidden
        points by part as `hidden_jaw`, `hidden_nose`, `hidden_mouth`, where there are any.
    """
    errors = point_errors(points, truth)
    masked = hidden.any(dim=1)
    chosen = {
        "bare": ~masked[:, None].expand_as(hidden),
        "visible": masked[:, None] & ~hidden,
        "hidden": hidden,
    }
    for part in ("jaw", "nose", "mouth"):
        of_part = torch.zeros_like(hidden)
        of_part[:, list(GROUPS[part])] = True
        chosen[f"hidden_{part}"] = hidden & of_part
    return {name: float(errors[which].mean()) for name, which in chosen.items() if which.any()}


class LandmarkTraining(LightningModule):
    """The loop's steps: mean distance of the points, two judgements, AdamW, validation.

    Args:
        configuration: of the network.
        recipe: how it is trained.
    """

    def __init__(self, configuration: LandmarkConfiguration, recipe: LandmarkRecipe) -> None:
        super().__init__()
        self.configuration = configuration
        self.recipe = recipe
        self.network = LandmarkNetwork(configuration).to(memory_format=torch.channels_last)
        if recipe.frozen_stages:
            trunk = self.network.trunk
            for part in (trunk.stem, *trunk.stages[: recipe.frozen_stages]):
                part.requires_grad_(False)
        self.elapsed_share = 0.0
        self._seen: list[tuple[Tensor, Tensor, Tensor, Tensor]] = []

    def configure_optimizers(self) -> torch.optim.Optimizer:
        """AdamW (Loshchilov and Hutter 2019), with a rate of the trunk's own."""
        trunk = list(self.network.trunk.parameters())
        own = {id(parameter) for parameter in trunk}
        rest = [weight for weight in self.network.parameters() if id(weight) not in own]
        groups = [
            {"params": trunk, "highest": self.recipe.trunk_rate},
            {"params": rest, "highest": self.recipe.learning_rate},
        ]
        return torch.optim.AdamW(
            groups, self.recipe.learning_rate, weight_decay=self.recipe.weight_decay
        )

    def done_share(self) -> float:
        """How much of the training is done, from 0 to 1, by steps or by time."""
        return min(1.0, max(self.global_step / self.recipe.steps, self.elapsed_share))

    def training_step(self, batch: _Sample, index: int) -> Tensor:
        """Give the loss of one batch."""
        del index
        warm = min(1.0, (self.global_step + 1) / max(1.0, 0.01 * self.recipe.steps))
        fallen = warm * (0.5 + 0.5 * math.cos(math.pi * self.done_share()))
        for group in self.trainer.optimizers[0].param_groups:
            group["lr"] = group["highest"] * fallen + 1e-6
        way, mirrored, lost = (
            one.to(batch.picture.device)
            for one in jittered_way(len(batch.picture), self.recipe.astray)
        )
        pictures, points = reframe(
            batch.picture.float() / 255.0,
            batch.points,
            self.configuration.size,
            way,
            mirrored=mirrored,
        )
        pictures = vary_photograph(cast_shadow(pictures))
        found = self.network(pictures.contiguous(memory_format=torch.channels_last))
        kept = (~lost).float()
        distance = (found.points - points).norm(dim=2).mean(dim=1)
        place = (distance * kept).sum() / kept.sum().clamp_min(1.0)
        face = functional.binary_cross_entropy_with_logits(found.face, 0.98 * kept + 0.01)
        worn = batch.hidden.any(dim=1).float()
        masked = functional.binary_cross_entropy_with_logits(
            found.masked, 0.98 * worn + 0.01, weight=kept
        )
        self.log_dict({"place": place, "face": face, "mask": masked}, on_step=False, on_epoch=True)
        loss: Tensor = 20.0 * place + 0.1 * (face + masked)
        return loss

    def validation_step(self, batch: _Sample, index: int) -> None:
        """Keep what the figures need."""
        del index
        way = straight_way(len(batch.picture)).to(batch.picture.device)
        pictures, points = reframe(
            batch.picture.float() / 255.0, batch.points, self.configuration.size, way
        )
        found = self.network(pictures.contiguous(memory_format=torch.channels_last))
        self._seen.append((found.points, points, batch.hidden, found.masked > 0.0))

    def on_validation_epoch_end(self) -> None:
        """Log the figures over all validation faces."""
        if not self._seen:
            return
        points, truth, hidden, worn = (torch.cat(one) for one in zip(*self._seen, strict=True))
        self._seen.clear()
        self.log_dict(landmark_figures(points, truth, hidden))
        self.log("masked_told", (worn == hidden.any(dim=1)).float().mean())


class _Clock(Callback):
    """Ends the training when its time is over, says how it goes, and stops at a wrong loss."""

    def __init__(self, minutes: float | None, said: Callable[[str], object]) -> None:
        self.seconds = None if minutes is None else 60.0 * minutes
        self.began = time.monotonic()
        self.said = said

    def state_dict(self) -> dict[str, Any]:
        """How long the run has trained, all calls together."""
        return {"seconds": time.monotonic() - self.began}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Go on counting from there."""
        self.began = time.monotonic() - state_dict["seconds"]

    def on_train_batch_end(
        self, trainer: Trainer, module: LightningModule, outputs: Any, batch: Any, index: int
    ) -> None:
        """Look at the clock and at the loss."""
        del batch, index
        assert isinstance(module, LandmarkTraining)
        if not bool(torch.isfinite(outputs["loss"])):
            raise TrainingError(
                f"The loss of step {module.global_step} is not a number: try a lower learning_rate."
            )
        if self.seconds is not None:
            module.elapsed_share = (time.monotonic() - self.began) / self.seconds
        if module.done_share() >= 1.0:
            trainer.should_stop = True

    def on_train_epoch_end(self, trainer: Trainer, module: LightningModule) -> None:
        """Say where it stands."""
        figures = ", ".join(
            f"{name} {float(value):.4f}" for name, value in sorted(trainer.callback_metrics.items())
        )
        self.said(f"step {module.global_step}: {figures}")


def train_landmarks(
    faces: Sequence[str | os.PathLike[str]],
    output: str | os.PathLike[str],
    *,
    templates: str | os.PathLike[str] | None = None,
    configuration: LandmarkConfiguration | None = None,
    recipe: LandmarkRecipe | None = None,
    most_pictures: int | None = None,
    device: str = "auto",
    threads: int | None = None,
    seed: int = 0,
    time_budget_minutes: float | None = None,
    resume: bool = True,
    said: Callable[[str], object] = print,
) -> TrainedLandmarks:
    """Train a landmark network on faces whose landmarks are known, bare and with drawn masks.

    The folder gets `run.yaml`, the crops (`train.npz`, `val.npz`), `last.ckpt`, curves, and at the
    end `landmarks.safetensors`, `result.json`, and in `catalog` the weights once more with their
    record and model card. A killed run goes on from its checkpoint by the same call.

    Args:
        faces: folders, each with a `faces.jsonl`; one that is named twice gives other masks.
        output: the run's folder.
        templates: folder of mask photos, used beside drawn masks.
        configuration: of the network; the default where None.
        recipe: how it is trained; the default where None.
        most_pictures: from each folder at most so many pictures.
        device: "auto", "cpu", "cuda" or "mps".
        threads: threads of a CPU's arithmetic; as many as before where None.
        seed: seed of all chance.
        time_budget_minutes: stop gracefully within this time, all calls together.
        resume: go on from `last.ckpt` where the folder has one.
        said: takes a line now and then.

    Raises:
        InputError: a folder cannot be read, or has no faces to train and to validate with.
        MissingDependencyError: the package with the trunk's first weights is missing.
        TrainingError: the loss is not a number.
    """
    configuration = configuration or LandmarkConfiguration()
    recipe = recipe or LandmarkRecipe()
    folder = Path(output)
    folder.mkdir(parents=True, exist_ok=True)
    started = {
        "faces": [os.fspath(path) for path in faces],
        "templates": None if templates is None else os.fspath(templates),
        "seed": seed,
        "configuration": configuration.to_dict(),
        "recipe": asdict(recipe),
    }
    with atomic_path(folder / "run.yaml", overwrite=True) as temporary:
        temporary.write_text(yaml.safe_dump(started, sort_keys=False), encoding="utf-8")
    torch.manual_seed(seed)
    if threads is not None:
        torch.set_num_threads(threads)
    parts = {}
    for part in ("train", "val"):
        stored = folder / f"{part}.npz"
        if resume and stored.is_file():
            parts[part] = LandmarkFaces.load(stored)
            continue
        parts[part] = collect_faces(
            faces,
            part,
            size=round(MARGIN * configuration.size),
            rendered=recipe.rendered if part == "train" else 1.0,
            templates=templates,
            most_pictures=most_pictures,
            said=said,
        )
        parts[part].save(stored)
    module = LandmarkTraining(configuration, recipe)
    if recipe.trunk == "imagenet":
        load_imagenet_weights(module.network.trunk)
    run = _fit(parts, module, folder, device, seed, time_budget_minutes, resume, said)
    trained_on = sources_beside(*map(Path, faces))
    notes = (
        f"{trained_on.notes} Trained for {run.steps} steps of {recipe.batch} on "
        f"{len(parts['train'])} crops, bare and with drawn masks. The figures are mean distances "
        "as shares of the distance of the outer eye corners, on faces of the part val: 'bare' of "
        "faces without a mask, 'visible' and 'hidden' of masked ones; 'masked_told' is the share "
        "of crops that are rightly called masked or bare."
    )
    registered = register_weights(
        run.weights,
        describe_landmarks(run.weights),
        name=f"{ARCHITECTURE}.{tag_of(folder)}",
        trained_on=replace(trained_on, notes=notes.strip()),
        recipe="landmarks",
        seed=seed,
        folder=folder / CATALOG_NAME,
        metrics={"val": {"crops": len(parts["val"]), **run.metrics}},
        overwrite=True,
    )
    return TrainedLandmarks(
        run.weights,
        run.metrics,
        run.steps,
        run.seconds,
        registered.record_file,
        registered.card_file,
    )


class _Run(NamedTuple):
    weights: Path
    metrics: dict[str, float]
    steps: int
    seconds: float


def _fit(
    parts: dict[str, LandmarkFaces],
    module: LandmarkTraining,
    folder: Path,
    device: str,
    seed: int,
    minutes: float | None,
    resume: bool,
    said: Callable[[str], object],
) -> _Run:
    began = time.monotonic()
    recipe = module.recipe
    worn = torch.from_numpy(parts["train"].hidden.any(axis=1))
    shares = torch.where(
        worn,
        recipe.masked / max(1, int(worn.sum())),
        (1.0 - recipe.masked) / max(1, int((~worn).sum())),
    )
    sampler = WeightedRandomSampler(
        shares.tolist(),
        min(_ROUND, recipe.steps) * recipe.batch,
        generator=torch.Generator().manual_seed(seed),
    )
    train = DataLoader(_FaceDataset(parts["train"]), recipe.batch, sampler=sampler, drop_last=True)
    validation = DataLoader(_FaceDataset(parts["val"]), recipe.batch)
    checkpoint = folder / "last.ckpt"
    with lightning_silenced():
        trainer = _make_trainer(recipe, folder, resolve_device(device), _Clock(minutes, said))
        trainer.fit(
            module,
            train,
            validation,
            ckpt_path=str(checkpoint) if resume and checkpoint.is_file() else None,
            weights_only=True,
        )
        measured = trainer.validate(module, validation, verbose=False)[0]
    metrics = {name: round(value, 4) for name, value in measured.items() if math.isfinite(value)}
    seconds = time.monotonic() - began
    weights = save_landmarks(
        module.network,
        module.configuration,
        folder / "landmarks.safetensors",
        overwrite=True,
        extra={"metrics": metrics, "recipe": asdict(recipe), "seed": seed},
    )
    result = {"steps": module.global_step, "seconds": round(seconds, 1), "metrics": metrics}
    with atomic_path(folder / "result.json", overwrite=True) as temporary:
        temporary.write_text(json.dumps(result, indent=2), encoding="utf-8")
    return _Run(weights, metrics, module.global_step, seconds)


def _make_trainer(
    recipe: LandmarkRecipe, folder: Path, device: torch.device, clock: _Clock
) -> Trainer:
    return Trainer(
        accelerator={"cuda": "gpu"}.get(device.type, device.type),
        devices=1 if device.index is None else [device.index],
        precision=recipe.precision,  # type: ignore[arg-type]
        max_epochs=-1,
        num_sanity_val_steps=0,
        check_val_every_n_epoch=_VALIDATION_EVERY,
        logger=CSVLogger(folder, name="curves", version=""),
        callbacks=[
            clock,
            ModelCheckpoint(
                dirpath=folder,
                filename="last",
                save_on_train_epoch_end=True,
                enable_version_counter=False,
            ),
        ],
        enable_progress_bar=False,
        enable_model_summary=False,
        default_root_dir=folder,
        log_every_n_steps=50,
        gradient_clip_val=5.0,
    )
