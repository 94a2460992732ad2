"""Training a confirmation network: on what a detector finds, to tell masks from all else."""

from __future__ import annotations

import json
import math
import os
import time
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import torch
import yaml
from lightning.pytorch import Callback, LightningModule, Trainer
from lightning.pytorch.callbacks import ModelCheckpoint
from lightning.pytorch.loggers import CSVLogger
from torch import Tensor
from torch.nn import functional
from torch.utils.data import DataLoader, Dataset, WeightedRandomSampler

from detector.confirmation import PROPOSAL_CONFIDENCE
from detector.confirmation_cuts import ConfirmationCuts, collect_cuts
from detector.confirmation_file import (
    ARCHITECTURE,
    describe_confirmation,
    load_confirmation,
    save_confirmation,
)
from detector.confirmation_network import ConfirmationConfiguration, ConfirmationNetwork
from detector.cut_augmentation import MARGIN, augment, centred
from detector.yolo import YoloMaskDetector
from weights.atomic import atomic_path
from weights.catalog import resolve
from weights.device import resolve_device
from weights.errors import ConfigurationError, InputError, TrainingError, WeightsError
from weights.lightning_silence import lightning_silenced
from weights.shelf import CATALOG_NAME, shelve_weights, sources_beside, tag_of

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

_PROPOSED = PROPOSAL_CONFIDENCE / 2.0
"""Lowest score of a proposal to learn from: a little fainter ones than are met in use."""


_VALIDATION_EVERY = 5
"""Rounds of 200 steps between two validations."""

_OUTLINES = ("iou", "strap_iou")
"""What the intersection over union is called of each plane of the outlines."""


@dataclass(frozen=True)
class ConfirmationRecipe:
    """How a confirmation network is trained.

    Attributes:
        steps: optimiser steps.
        batch: cuts in a step; half of them show masks.
        learning_rate: of AdamW, at its height; it rises over the first hundredth and falls by a
            cosine.
        weight_decay: of AdamW.
        outline_weight: weight of the outline's loss beside that of the score.
        precision: as Lightning names it.

    Raises:
        ConfigurationError: a number is not above 0.
    """

    steps: int = 6000
    batch: int = 48
    learning_rate: float = 1.5e-3
    weight_decay: float = 0.02
    outline_weight: float = 1.0
    precision: str = "bf16-mixed"

    def __post_init__(self) -> None:
        for name in ("steps", "batch", "learning_rate"):
            if not getattr(self, name) > 0:
                raise ConfigurationError(f"{name} must be above 0, but is {getattr(self, name)!r}.")


@dataclass(frozen=True)
class TrainedConfirmation:
    """What a training leaves.

    Attributes:
        weights: the safetensors file.
        metrics: of the validation cuts: `recall`, share of the masks with a score above a half;
            `false`, share of the other cuts with one; `iou`, mean intersection over union of the
            outlines, and `strap_iou` of the straps'.
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
    outline: Tensor
    worn: Tensor
    outlined: Tensor


class _CutDataset(Dataset[_Sample]):
    def __init__(self, cuts: ConfirmationCuts) -> None:
        self.cuts = cuts

    def __len__(self) -> int:
        return len(self.cuts)

    def __getitem__(self, index: int) -> _Sample:
        cuts = self.cuts
        return _Sample(
            torch.from_numpy(cuts.pictures[index]).permute(2, 0, 1),
            torch.from_numpy(cuts.outlines[index]),
            torch.tensor(bool(cuts.worn[index])),
            torch.from_numpy(cuts.outlined[index]),
        )


def sampling_weights(cuts: ConfirmationCuts) -> Tensor:
    """How likely each cut is drawn: masks and others alike, small sets more than their share.

    A set counts by the square root of its size, so that thousands of drawn masks do not drown the
    few hundred that were photographed.
    """
    weights = torch.zeros(len(cuts), dtype=torch.float64)
    for worn in (False, True):
        for source in np.unique(cuts.sources):
            chosen = torch.from_numpy((cuts.worn == worn) & (cuts.sources == source))
            count = int(chosen.sum())
            if count:
                weights[chosen] = math.sqrt(count) / count
        half = torch.from_numpy(cuts.worn == worn)
        weights[half] /= weights[half].sum().clamp_min(1e-12)
    return weights


def outline_loss(logits: Tensor, outlines: Tensor) -> Tensor:
    """Binary cross-entropy and Dice loss of masks, mean over the batch.

    Args:
        logits: `(N, S, S)`.
        outlines: `(N, S, S)` in [0, 1].

    Source of the Dice loss: Milletari et al. 2016, "V-Net".
    """
    likely = torch.sigmoid(logits)
    shared = (likely * outlines).sum(dim=(1, 2))
    dice = 1.0 - (2.0 * shared + 1.0) / (likely.sum(dim=(1, 2)) + outlines.sum(dim=(1, 2)) + 1.0)
    return functional.binary_cross_entropy_with_logits(logits, outlines) + dice.mean()


class ConfirmationTraining(LightningModule):
    """The loop's steps: score and outline, AdamW, validation.

    Args:
        configuration: of the network.
        recipe: how it is trained.
    """

    def __init__(
        self, configuration: ConfirmationConfiguration, recipe: ConfirmationRecipe
    ) -> None:
        super().__init__()
        self.configuration = configuration
        self.recipe = recipe
        self.network = ConfirmationNetwork(configuration).to(memory_format=torch.channels_last)
        self.elapsed_share = 0.0
        self._seen: list[tuple[Tensor, Tensor, Tensor, Tensor]] = []

    def configure_optimizers(self) -> torch.optim.Optimizer:
        """AdamW (Loshchilov and Hutter 2019)."""
        return torch.optim.AdamW(
            self.network.parameters(),
            self.recipe.learning_rate,
            weight_decay=self.recipe.weight_decay,
        )

    def done_share(self) -> float:
        """How much of the training is done, from 0 to 1, by steps or by time."""
        return min(1.0, max(self.global_step / self.recipe.steps, self.elapsed_share))

    def training_step(self, batch: _Sample, index: int) -> Tensor:
        """Give the loss of one batch."""
        del index
        share = self.done_share()
        warm = min(1.0, (self.global_step + 1) / max(1.0, 0.01 * self.recipe.steps))
        rate = self.recipe.learning_rate * warm * (0.5 + 0.5 * math.cos(math.pi * share))
        for group in self.trainer.optimizers[0].param_groups:
            group["lr"] = rate + 1e-6
        pictures, outlines = augment(*_as_floats(batch), self.configuration.size)
        scores, logits = self.network(pictures.contiguous(memory_format=torch.channels_last))
        # A label may be wrong now and then: a hundredth of doubt keeps scores finite.
        wanted = 0.98 * batch.worn.float() + 0.01
        score = functional.binary_cross_entropy_with_logits(scores.float(), wanted)
        outline = torch.zeros((), device=score.device)
        for plane in range(logits.shape[1]):
            known = batch.outlined[:, plane]
            if bool(known.any()):
                outline = outline + outline_loss(
                    logits[known, plane].float(), outlines[known, plane]
                )
        loss: Tensor = score + self.recipe.outline_weight * outline
        self.log_dict({"score": score, "outline": outline}, on_step=False, on_epoch=True)
        return loss

    def validation_step(self, batch: _Sample, index: int) -> None:
        """Keep what the figures need."""
        del index
        pictures, outlines = centred(*_as_floats(batch), self.configuration.size)
        scores, logits = self.network(pictures.contiguous(memory_format=torch.channels_last))
        planes = logits.shape[1]
        found, drawn = logits > 0.0, outlines[:, :planes] > 0.5
        union = (found | drawn).sum(dim=(2, 3)).clamp_min(1)
        iou = (found & drawn).sum(dim=(2, 3)) / union
        self._seen.append((scores.float() > 0.0, batch.worn, batch.outlined[:, :planes], iou))

    def on_validation_epoch_end(self) -> None:
        """Log the figures over all validation cuts."""
        if not self._seen:
            return
        above, worn, outlined, iou = (torch.cat(column) for column in zip(*self._seen, strict=True))
        self._seen.clear()
        self.log_dict(
            {
                "recall": above[worn].float().mean(),
                "false": above[~worn].float().mean(),
                **{
                    name: iou[:, plane][outlined[:, plane]].float().mean()
                    for plane, name in enumerate(_OUTLINES[: iou.shape[1]])
                },
            }
        )


def _as_floats(batch: _Sample) -> tuple[Tensor, Tensor]:
    return batch.picture.float() / 255.0, batch.outline.float() / 255.0


class _Clock(Callback):
    """Ends the training when its time is over, says how it goes, and stops at a wrong loss."""

    def __init__(self, minutes: float | None, said: Callable[[str], object]) -> None:
        self.seconds = None if minutes is None else 60.0 * minutes
        self.began = time.monotonic()
        self.said = said

    def on_train_batch_end(
        self, trainer: Trainer, module: LightningModule, outputs: Any, batch: Any, index: int
    ) -> None:
        """Look at the clock and at the loss."""
        del batch, index
        assert isinstance(module, ConfirmationTraining)
        if not bool(torch.isfinite(outputs["loss"])):
            raise TrainingError(
                f"The loss of step {module.global_step} is not a number: try a lower learning_rate "
                "or precision 32-true."
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


def train_confirmation(
    data: Sequence[str | os.PathLike[str]],
    output: str | os.PathLike[str],
    *,
    boxed: Sequence[str | os.PathLike[str]] = (),
    faces: Sequence[str | os.PathLike[str]] = (),
    templates: str | os.PathLike[str] | None = None,
    detector_weights: str | os.PathLike[str] = "default",
    start: str | os.PathLike[str] | None = None,
    configuration: ConfirmationConfiguration | None = None,
    recipe: ConfirmationRecipe | None = None,
    most_pictures: int | None = None,
    device: str = "auto",
    threads: int | None = None,
    seed: int = 0,
    time_budget_minutes: float | None = None,
    resume: bool = True,
    said: Callable[[str], object] = print,
) -> TrainedConfirmation:
    """Train a confirmation network for a detector.

    The folder gets `run.yaml`, the cuts (`train.npz`, `val.npz`), `last.ckpt`, curves, and at the
    end `confirmation.safetensors`, `result.json`, and in `catalog` the weights once more with their
    record and model card. A killed run goes on from its checkpoint by the same call.

    Args:
        data: `data.yaml` of YOLO segmentation sets, with pictures without masks among them.
        output: the run's folder.
        boxed: `.jsonl` files of photographs with face boxes alone.
        faces: folders of faces with landmarks, on which masks with straps are drawn.
        templates: folder of mask photos, used beside drawn masks.
        detector_weights: of the detector whose proposals are to be judged.
        start: confirmation weights to start from instead of chance; "default", a name of the
            catalog or a file. Where they outline no straps, that alone begins by chance.
        configuration: of the network; the default where None, with straps where `faces` are given.
        recipe: how it is trained; the default where None.
        most_pictures: from each set at most so many pictures.
        device: "auto", "cpu", "cuda" or "mps".
        threads: threads of a CPU's arithmetic; as many as before where None.
        seed: seed of all chance.
        time_budget_minutes: end in good order within this time.
        resume: go on from `last.ckpt` where the folder has one.
        said: takes a line now and then.

    Raises:
        InputError: a set cannot be read, or shows only one of masks and proposals that are none.
        WeightsError: the detector's weights, or those to start from, cannot be read.
        TrainingError: the loss is not a number.
    """
    configuration = configuration or ConfirmationConfiguration(straps=bool(faces))
    recipe = recipe or ConfirmationRecipe()
    folder = Path(output)
    folder.mkdir(parents=True, exist_ok=True)
    started = {
        "data": [os.fspath(path) for path in data],
        "boxed": [os.fspath(path) for path in boxed],
        "faces": [os.fspath(path) for path in faces],
        "templates": None if templates is None else os.fspath(templates),
        "detector_weights": os.fspath(detector_weights),
        "start": None if start is None else os.fspath(start),
        "seed": seed,
        "configuration": configuration.to_dict(),
        "recipe": asdict(recipe),
    }
    with atomic_path(folder / "run.yaml", overwrite=True) as temporary:
        temporary.write_text(yaml.safe_dump(started, sort_keys=False), encoding="utf-8")
    torch.manual_seed(seed)
    if threads is not None:
        torch.set_num_threads(threads)
    detector = YoloMaskDetector(
        detector_weights, confidence=_PROPOSED, device=device, confirmation=None
    )
    parts = {}
    for part in ("train", "val"):
        stored = folder / f"{part}.npz"
        if resume and stored.is_file():
            parts[part] = ConfirmationCuts.load(stored)
            continue
        parts[part] = collect_cuts(
            data,
            boxed,
            lambda image: detector.detect([image])[0],
            part,
            faces=faces,
            templates=templates,
            size=round(MARGIN * configuration.size),
            context=MARGIN * configuration.context,
            most_pictures=most_pictures,
            said=said,
        )
        parts[part].save(stored)
    cuts = parts["train"]
    if cuts.worn.all() or not cuts.worn.any():
        raise InputError(
            "A confirmation network needs masks and proposals that are none, but the training "
            f"pictures show only {'masks' if cuts.worn.all() else 'the latter'}."
        )
    module = ConfirmationTraining(configuration, recipe)
    if start is not None:
        start_from(module.network, resolve(start, "confirmation"))
    run = _fit(parts, module, folder, device, seed, time_budget_minutes, resume, said)
    trained_on = sources_beside(*map(Path, (*data, *boxed, *faces)))
    counted = f"{int(cuts.worn.sum())} masks and {int((~cuts.worn).sum())} cuts without"
    notes = (
        f"{trained_on.notes} Trained for {run.steps} steps of {recipe.batch} on {counted}. The "
        "figures are of cuts that were kept apart: 'recall' is the share of the masks with a score "
        "above a half, 'false' that of the other cuts, 'iou' the outlines' mean intersection over "
        "union, 'strap_iou' that of straps."
    )
    shelved = shelve_weights(
        run.weights,
        describe_confirmation(run.weights),
        name=f"{ARCHITECTURE}.{tag_of(folder)}",
        trained_on=replace(trained_on, notes=notes.strip()),
        recipe="confirmation",
        seed=seed,
        folder=folder / CATALOG_NAME,
        metrics={"val": {"cuts": len(parts["val"]), **run.metrics}},
        overwrite=True,
    )
    return TrainedConfirmation(
        run.weights,
        run.metrics,
        run.steps,
        run.seconds,
        shelved.record_file,
        shelved.card_file,
    )


def start_from(network: ConfirmationNetwork, weights: Path) -> None:
    """Copy trained weights into a network that may outline straps where they do not.

    Raises:
        WeightsError: the file is missing, damaged, or of a network of another shape.
    """
    tensors = load_confirmation(weights)[0].state_dict()
    own = network.state_dict()
    try:
        for name in ("outline.weight", "outline.bias"):
            # Planes lie one behind the other, the mask's first.
            trained = tensors[name]
            tensors[name] = torch.cat([trained, own[name][len(trained) :]])[: len(own[name])]
        network.load_state_dict(tensors)
    except RuntimeError as error:
        raise WeightsError(
            f"{weights} does not fit the network that is to be trained: choose its widths and "
            "depths, or start from chance."
        ) from error


class _Run(NamedTuple):
    weights: Path
    metrics: dict[str, float]
    steps: int
    seconds: float


def _fit(
    parts: dict[str, ConfirmationCuts],
    module: ConfirmationTraining,
    folder: Path,
    device: str,
    seed: int,
    minutes: float | None,
    resume: bool,
    said: Callable[[str], object],
) -> _Run:
    began = time.monotonic()
    configuration, recipe = module.configuration, module.recipe
    rounds = max(1, min(200, recipe.steps))
    sampler = WeightedRandomSampler(
        sampling_weights(parts["train"]).tolist(),
        rounds * recipe.batch,
        generator=torch.Generator().manual_seed(seed),
    )
    train = DataLoader(_CutDataset(parts["train"]), recipe.batch, sampler=sampler, drop_last=True)
    validation = DataLoader(_CutDataset(parts["val"]), recipe.batch)
    checkpoint = folder / "last.ckpt"
    going_on = resume and checkpoint.is_file()
    with lightning_silenced():
        trainer = _make_trainer(recipe, folder, resolve_device(device), _Clock(minutes, said))
        trainer.fit(
            module,
            train,
            validation,
            ckpt_path=str(checkpoint) if going_on else None,
            weights_only=True,
        )
        trainer.validate(module, validation, verbose=False)
    metrics = {
        name: round(float(trainer.callback_metrics[name]), 4)
        for name in ("recall", "false", *_OUTLINES)
        if name in trainer.callback_metrics
    }
    seconds = time.monotonic() - began
    weights = save_confirmation(
        module.network,
        configuration,
        folder / "confirmation.safetensors",
        overwrite=True,
        extra={"metrics": metrics, "recipe": asdict(recipe), "seed": seed},
    )
    result = {"steps": module.global_step, "seconds": round(seconds, 1), "metrics": metrics}
    with atomic_path(folder / "result.json", overwrite=True) as temporary:
        temporary.write_text(json.dumps(result, indent=2), encoding="utf-8")
    return _Run(weights, metrics, module.global_step, seconds)


def _make_trainer(
    recipe: ConfirmationRecipe, folder: Path, device: torch.device, clock: _Clock
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
