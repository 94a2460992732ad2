"""Training a verifier: on what a detector finds, to tell masks from all else."""

from __future__ import annotations

import json
import math
import os
import time
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import torch
import yaml
from lightning.pytorch import Callback, LightningModule, Trainer
from lightning.pytorch.callbacks import ModelCheckpoint
from lightning.pytorch.loggers import TensorBoardLogger
from torch import Tensor, nn
from torch.nn import functional
from torch.utils.data import DataLoader, Dataset, WeightedRandomSampler

from detector.find.verifier import PROPOSAL_CONFIDENCE
from detector.find.verifier_file import (
    ARCHITECTURE,
    describe_verifier,
    load_verifier,
    save_verifier,
)
from detector.find.verifier_network import VerifierConfiguration, VerifierNetwork
from detector.find.yolo import YoloMaskDetector
from detector.train.crop_augmentation import MARGIN, augment, centred
from detector.train.verifier_crops import VerifierCrops, collect_cuts
from detector.train.verifier_recipe import VerifierRecipe
from weights.base.atomic import atomic_path
from weights.base.device import resolve_device
from weights.base.errors import InputError, TrainingError, WeightsError
from weights.base.lightning_runs import StopAtBatch, WholeCheckpointIO
from weights.base.lightning_silence import lightning_silenced
from weights.base.stopping import at_safe_points
from weights.catalog.efficientnet_trunk import load_imagenet_weights
from weights.catalog.lookup import resolve
from weights.catalog.register import CATALOG_NAME, register_weights, sources_beside, tag_of

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

_PROPOSED = PROPOSAL_CONFIDENCE / 2.0
"""Lowest score of a proposal to learn from: a little fainter ones than are met in use."""

_FIRST_LOOKS = 0.4
"""Share of the batches that are seen at the size of a first look."""

_ROUND = 25
"""Steps between two checkpoints."""

_VALIDATION_EVERY = 10
"""Rounds between two validations."""

_LONGEST_GRADIENT = 5.0

_FIGURES = ("recall", "false", "iou", "photo_iou", "strap_iou")
"""What is measured on the validation cuts."""


@dataclass(frozen=True)
class TrainedVerifier:
    """What a training leaves.

    Attributes:
        weights: the safetensors file.
        metrics: of the validation cuts: `recall`, share of the masks with a score above a half;
            `false`, share of the other cuts with one; `iou`, mean intersection over union of drawn
            masks' outlines, `photo_iou` of photographed ones', `strap_iou` of straps'.
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
    def __init__(self, cuts: VerifierCrops) -> None:
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


def sampling_weights(cuts: VerifierCrops, recipe: VerifierRecipe) -> Tensor:
    """How likely each cut is drawn: kinds by the recipe's shares, all of one kind alike."""
    body, straps = cuts.outlined[:, 0], cuts.outlined[:, 1]
    weights = torch.zeros(len(cuts), dtype=torch.float64)
    for kind, share in (
        (cuts.worn & body & straps, recipe.drawn),
        (cuts.worn & body & ~straps, recipe.photographed),
        (cuts.worn & ~body, recipe.boxed),
        (~cuts.worn, recipe.unmasked),
    ):
        weights[torch.from_numpy(kind)] = share / max(1, int(kind.sum()))
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


def outlines_loss(logits: Tensor, outlines: Tensor, worn: Tensor, outlined: Tensor) -> Tensor:
    """Loss of a batch's outlines, where they are known.

    Straps that are not known apart may be part of the first outline: it is compared with the
    likelier of both planes. Cuts without a mask have nothing to outline.

    Args:
        logits: `(N, 2, S, S)`, of body and straps.
        outlines: `(N, 2, S, S)` in [0, 1].
        worn: bool `(N,)`.
        outlined: bool `(N, 2)`, which outlines are known.
    """
    body, straps = outlined[:, 0], outlined[:, 1]
    loss = logits.new_zeros(())
    for chosen, guess, drawn in (
        (body & straps, logits[:, 0], outlines[:, 0]),
        (body & straps, logits[:, 1], outlines[:, 1]),
        (body & ~straps, logits.amax(dim=1), outlines[:, 0]),
    ):
        if bool(chosen.any()):
            loss = loss + chosen.float().mean() * outline_loss(guess[chosen], drawn[chosen])
    if not bool(worn.all()):
        empty = functional.softplus(logits[~worn]).mean()
        loss = loss + (~worn).float().mean() * empty
    return loss


class VerifierTraining(LightningModule):
    """The loop's steps: score and outline, AdamW, validation.

    Args:
        configuration: of the network.
        recipe: how it is trained.
    """

    def __init__(self, configuration: VerifierConfiguration, recipe: VerifierRecipe) -> None:
        super().__init__()
        self.configuration = configuration
        self.recipe = recipe
        self.network = VerifierNetwork(configuration).to(memory_format=torch.channels_last)
        if recipe.frozen_stages:
            encoder = self.network.encoder
            for part in (encoder.stem, *encoder.stages[: recipe.frozen_stages]):
                # In evaluation mode its batch statistics stay too.
                part.requires_grad_(False).eval()
        self.elapsed_share = 0.0
        self._seen: list[tuple[Tensor, Tensor, Tensor, Tensor]] = []

    def configure_optimizers(self) -> torch.optim.Optimizer:
        """AdamW (Loshchilov and Hutter 2019), with a rate of the encoder's own."""
        encoder = list(self.network.encoder.parameters())
        own = {id(parameter) for parameter in encoder}
        rest = [weight for weight in self.network.parameters() if id(weight) not in own]
        groups = [
            {"params": encoder, "highest": self.recipe.encoder_rate},
            {"params": rest, "highest": self.recipe.learning_rate},
        ]
        return torch.optim.AdamW(
            groups, self.recipe.learning_rate, weight_decay=self.recipe.weight_decay
        )

    def configure_gradient_clipping(self, *_: Any, **__: Any) -> None:
        """Clip the gradient's length.

        Raises:
            TrainingError: it became NaN or infinite, and no scale of fp16 would be lowered for
                that.
        """
        norm = nn.utils.clip_grad_norm_(self.network.parameters(), _LONGEST_GRADIENT)
        scaled = getattr(self.trainer.precision_plugin, "scaler", None) is not None
        if not scaled and not torch.isfinite(norm):
            raise TrainingError(
                f"The gradient of step {self.global_step} is not a number: try a lower "
                "learning_rate or precision 32-true."
            )

    def done_share(self) -> float:
        """How much of the training is done, from 0 to 1, by steps or by time."""
        return min(1.0, max(self.global_step / self.recipe.steps, self.elapsed_share))

    def training_step(self, batch: _Sample, index: int) -> Tensor:
        """Give the loss of one batch."""
        del index
        share = self.done_share()
        warm = min(1.0, (self.global_step + 1) / max(1.0, 0.01 * self.recipe.steps))
        fallen = warm * (0.5 + 0.5 * math.cos(math.pi * share))
        for group in self.trainer.optimizers[0].param_groups:
            group["lr"] = group["highest"] * fallen + 1e-6
        coarse = float(torch.rand(())) < _FIRST_LOOKS
        size = self.configuration.first_size if coarse else self.configuration.size
        pictures, outlines = augment(*_as_floats(batch), size)
        scores, logits = self.network(pictures.contiguous(memory_format=torch.channels_last))
        # A label may be wrong now and then: a hundredth of doubt keeps scores finite.
        wanted = 0.98 * batch.worn.float() + 0.01
        score = functional.binary_cross_entropy_with_logits(scores.float(), wanted)
        outline = outlines_loss(logits.float(), outlines, batch.worn, batch.outlined)
        loss: Tensor = score + self.recipe.outline_weight * outline
        self.log_dict({"score": score, "outline": outline}, on_step=False, on_epoch=True)
        return loss

    def validation_step(self, batch: _Sample, index: int) -> None:
        """Keep what the figures need."""
        del index
        pictures, outlines = centred(*_as_floats(batch), self.configuration.size)
        scores, logits = self.network(pictures.contiguous(memory_format=torch.channels_last))
        found, drawn = logits > 0.0, outlines > 0.5
        joined = batch.outlined[:, 0] & ~batch.outlined[:, 1]
        found[joined, 0] |= found[joined, 1]
        union = (found | drawn).sum(dim=(2, 3)).clamp_min(1)
        iou = (found & drawn).sum(dim=(2, 3)) / union
        self._seen.append((scores.float() > 0.0, batch.worn, batch.outlined, iou))

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
                "iou": iou[outlined[:, 0] & outlined[:, 1], 0].mean(),
                "photo_iou": iou[outlined[:, 0] & ~outlined[:, 1], 0].mean(),
                "strap_iou": iou[outlined[:, 1], 1].mean(),
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
        assert isinstance(module, VerifierTraining)
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


def train_verifier(
    data: Sequence[str | os.PathLike[str]],
    output: str | os.PathLike[str],
    *,
    boxed: Sequence[str | os.PathLike[str]] = (),
    faces: Sequence[str | os.PathLike[str]] = (),
    templates: str | os.PathLike[str] | None = None,
    detector_weights: str | os.PathLike[str] = "default",
    start: str | os.PathLike[str] | None = None,
    configuration: VerifierConfiguration | None = None,
    recipe: VerifierRecipe | None = None,
    most_pictures: int | None = None,
    device: str = "auto",
    threads: int | None = None,
    seed: int = 0,
    time_budget_minutes: float | None = None,
    resume: bool = True,
    said: Callable[[str], object] = print,
) -> TrainedVerifier:
    """Train a verifier for a detector.

    The folder gets `run.yaml`, the cuts (`train.npz`, `val.npz`), `last.ckpt`, curves, and at the
    end `confirmation.safetensors`, `result.json`, and in `catalog` the weights once more with their
    record and model card. A killed run goes on from its checkpoint by the same call.

    Args:
        data: annotated sets, each a `data.yaml` or a `.jsonl` file, with pictures without masks
            among them.
        output: the run's folder.
        boxed: `.jsonl` files of photographs with face boxes alone.
        faces: folders of faces with landmarks, on which masks with straps are drawn.
        templates: folder of mask photos, used beside drawn masks.
        detector_weights: of the detector whose proposals are to be judged.
        start: confirmation weights to start from; "default", a name of the catalog or a file.
            Where None, the recipe says where the encoder starts, and the rest starts from chance.
        configuration: of the network; the default where None.
        recipe: how it is trained; the default where None.
        most_pictures: from each set at most so many pictures.
        device: "auto", "cpu", "cuda" or "mps".
        threads: threads of a CPU's arithmetic; as many as before where None.
        seed: seed of all chance.
        time_budget_minutes: stop gracefully within this time, all calls together.
        resume: go on from `last.ckpt` where the folder has one.
        said: takes a line now and then.

    Raises:
        InputError: a set cannot be read, or shows only one of masks and proposals that are none.
        WeightsError: the detector's weights, or those to start from, cannot be read.
        MissingDependencyError: the package with the encoder's first weights is missing.
        TrainingError: a loss or gradient is not a number, or the checkpoint or the cuts that the
            folder holds are damaged.
    """
    configuration = configuration or VerifierConfiguration()
    recipe = recipe or VerifierRecipe()
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
            parts[part] = VerifierCrops.load(stored)
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
            "A verifier needs masks and proposals that are none, but the training "
            f"pictures show only {'masks' if cuts.worn.all() else 'the latter'}."
        )
    module = VerifierTraining(configuration, recipe)
    if start is not None:
        start_from(module.network, resolve(start, "confirmation"))
    elif recipe.encoder == "imagenet":
        load_imagenet_weights(module.network.encoder)
    run = _fit(parts, module, folder, device, seed, time_budget_minutes, resume, said)
    trained_on = sources_beside(*map(Path, (*data, *boxed, *faces)))
    counted = f"{int(cuts.worn.sum())} masks and {int((~cuts.worn).sum())} cuts without"
    notes = (
        f"{trained_on.notes} Trained for {run.steps} steps of {recipe.batch} on {counted}. The "
        "figures are of cuts that were kept apart: 'recall' is the share of the masks with a score "
        "above a half, 'false' that of the other cuts, 'iou' the mean intersection over union of "
        "drawn masks' outlines, 'photo_iou' that of photographed ones, 'strap_iou' that of straps."
    )
    registered = register_weights(
        run.weights,
        describe_verifier(run.weights),
        name=f"{ARCHITECTURE}.{tag_of(folder)}",
        trained_on=replace(trained_on, notes=notes.strip()),
        recipe="confirmation",
        seed=seed,
        folder=folder / CATALOG_NAME,
        metrics={"val": {"cuts": len(parts["val"]), **run.metrics}},
        overwrite=True,
    )
    return TrainedVerifier(
        run.weights,
        run.metrics,
        run.steps,
        run.seconds,
        registered.record_file,
        registered.card_file,
    )


def start_from(network: VerifierNetwork, weights: Path) -> None:
    """Copy trained weights into a network.

    Raises:
        WeightsError: the file is missing, damaged, or of a network of another shape.
    """
    try:
        network.load_state_dict(load_verifier(weights)[0].state_dict())
    except RuntimeError as error:
        raise WeightsError(
            f"{weights} does not fit the network that is to be trained: choose its widths, or "
            "start from chance."
        ) from error


class _Run(NamedTuple):
    weights: Path
    metrics: dict[str, float]
    steps: int
    seconds: float


def _fit(
    parts: dict[str, VerifierCrops],
    module: VerifierTraining,
    folder: Path,
    device: str,
    seed: int,
    minutes: float | None,
    resume: bool,
    said: Callable[[str], object],
) -> _Run:
    began = time.monotonic()
    configuration, recipe = module.configuration, module.recipe
    rounds = max(1, min(_ROUND, recipe.steps))
    sampler = WeightedRandomSampler(
        sampling_weights(parts["train"], recipe).tolist(),
        rounds * recipe.batch,
        generator=torch.Generator().manual_seed(seed),
    )
    train = DataLoader(_CutDataset(parts["train"]), recipe.batch, sampler=sampler, drop_last=True)
    validation = DataLoader(_CutDataset(parts["val"]), recipe.batch)
    checkpoint = folder / "last.ckpt"
    going_on = resume and checkpoint.is_file()
    with at_safe_points(), lightning_silenced():
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
        for name in _FIGURES
        if math.isfinite(trainer.callback_metrics.get(name, math.nan))
    }
    seconds = time.monotonic() - began
    weights = save_verifier(
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
    recipe: VerifierRecipe, folder: Path, device: torch.device, clock: _Clock
) -> Trainer:
    return Trainer(
        accelerator={"cuda": "gpu"}.get(device.type, device.type),
        devices=1 if device.index is None else [device.index],
        precision=recipe.precision,  # type: ignore[arg-type]
        max_epochs=-1,
        num_sanity_val_steps=0,
        check_val_every_n_epoch=_VALIDATION_EVERY,
        logger=TensorBoardLogger(folder, name="curves", version=""),
        plugins=[WholeCheckpointIO()],
        callbacks=[
            clock,
            StopAtBatch(),
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
    )
