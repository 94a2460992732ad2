"""Trains a verifier to tell masks from other objects on a detector's proposals."""

from __future__ import annotations

import os
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Unpack

import torch
from torch import Tensor
from torch.nn import functional

from detector.find.verifier import PROPOSAL_CONFIDENCE
from detector.find.verifier_file import VERIFIER_FILE
from detector.find.verifier_network import VerifierConfiguration, VerifierNetwork
from detector.find.yolo import YoloMaskDetector
from detector.train.crop_augmentation import MARGIN, augment, centred
from detector.train.recipe import VerifierRecipe
from detector.train.trunk_training import (
    Samples,
    TrainedNetwork,
    TrunkOptions,
    TrunkRun,
    TrunkTraining,
)
from detector.train.verifier_crops import VerifierCrops, VerifierSets, collect_crops
from weights.base.errors import InputError

_PROPOSED = PROPOSAL_CONFIDENCE / 2.0
"""Minimum score of a training proposal: somewhat lower than in use."""

_FIRST_LOOKS = 0.4
"""Fraction of the batches at the size of the first pass."""

_ROUND = 25
"""Steps between checkpoints."""


def sampling_weights(crops: VerifierCrops, recipe: VerifierRecipe) -> Tensor:
    """Sampling weights of the crops `(N,)`: recipe fractions by kind, equal within a kind."""
    body, straps = crops.outlined[:, 0], crops.outlined[:, 1]
    weights = torch.zeros(len(crops), dtype=torch.float64)
    for kind, share in (
        (crops.worn & body & straps, recipe.drawn),
        (crops.worn & body & ~straps, recipe.photographed),
        (crops.worn & ~body, recipe.boxed),
        (~crops.worn, recipe.unmasked),
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
    """Loss of a batch's known outlines.

    Straps without their own outline may or may not be part of the first one: inside it, the
    likelier of both planes counts, and outside, straps are left untaught. Crops without a mask have
    no outlines.

    Args:
        logits: `(N, 2, S, S)`, of mask and straps.
        outlines: `(N, 2, S, S)` in [0, 1].
        worn: bool `(N,)`.
        outlined: bool `(N, 2)`, which outlines are known.
    """
    body, straps = outlined[:, 0], outlined[:, 1]
    either = torch.where(outlines[:, 0] > 0.5, logits.amax(dim=1), logits[:, 0])
    loss = logits.new_zeros(())
    for chosen, guess, drawn in (
        (body & straps, logits[:, 0], outlines[:, 0]),
        (body & straps, logits[:, 1], outlines[:, 1]),
        (body & ~straps, either, outlines[:, 0]),
    ):
        if bool(chosen.any()):
            loss = loss + chosen.float().mean() * outline_loss(guess[chosen], drawn[chosen])
    if not bool(worn.all()):
        empty = functional.softplus(logits[~worn]).mean()
        loss = loss + (~worn).float().mean() * empty
    return loss


class VerifierTraining(TrunkTraining):
    """Training and validation steps for score and outlines.

    Args:
        configuration: of the network.
        recipe: of the training.
    """

    file = VERIFIER_FILE
    figures_explained = (
        "The figures were measured on held-out crops: 'recall' is the fraction of masks with a "
        "score above 0.5, 'false' that of the other crops, 'iou' the mean intersection over union "
        "of drawn masks' outlines, 'photo_iou' that of photographed ones, 'strap_iou' that of "
        "straps."
    )

    def __init__(self, configuration: VerifierConfiguration, recipe: VerifierRecipe) -> None:
        network = VerifierNetwork(configuration)
        super().__init__(network, configuration, network.encoder, recipe, recipe.encoder_rate)

    def training_step(self, batch: dict[str, Tensor], _index: int) -> Tensor:
        """Return the loss of one batch."""
        coarse = float(torch.rand(())) < _FIRST_LOOKS
        size = self.configuration.first_size if coarse else self.configuration.size
        pictures, outlines = augment(*_as_floats(batch), size)
        scores, logits = self.network(pictures.contiguous(memory_format=torch.channels_last))
        # Label smoothing of 0.01: some labels are wrong, and scores stay finite.
        wanted = 0.98 * batch["worn"].float() + 0.01
        score = functional.binary_cross_entropy_with_logits(scores.float(), wanted)
        outline = outlines_loss(logits.float(), outlines, batch["worn"], batch["outlined"])
        loss: Tensor = score + self.recipe.outline_weight * outline
        self.log_dict({"score": score, "outline": outline}, on_step=False, on_epoch=True)
        return loss

    def validation_step(self, batch: dict[str, Tensor], _index: int) -> None:
        """Store what the metrics need."""
        pictures, outlines = centred(*_as_floats(batch), self.configuration.size)
        scores, logits = self.network(pictures.contiguous(memory_format=torch.channels_last))
        found, drawn = logits > 0.0, outlines > 0.5
        worn, outlined = batch["worn"], batch["outlined"]
        joined = outlined[:, 0] & ~outlined[:, 1]
        found[joined, 0] |= found[joined, 1]
        union = (found | drawn).sum(dim=(2, 3)).clamp_min(1)
        iou = (found & drawn).sum(dim=(2, 3)) / union
        self.seen.append((scores.float() > 0.0, worn, outlined, iou))

    def figures(self, seen: list[Tensor]) -> dict[str, Tensor]:
        """Return the metrics over all validation crops.

        `recall` is the fraction of the masks with a score above a half; `false` that of the other
        crops; `iou` the mean intersection over union of drawn masks' outlines, `photo_iou` of
        photographed ones', `strap_iou` of straps'.
        """
        above, worn, outlined, iou = seen
        return {
            "recall": above[worn].float().mean(),
            "false": above[~worn].float().mean(),
            "iou": iou[outlined[:, 0] & outlined[:, 1], 0].mean(),
            "photo_iou": iou[outlined[:, 0] & ~outlined[:, 1], 0].mean(),
            "strap_iou": iou[outlined[:, 1], 1].mean(),
        }


def _as_floats(batch: dict[str, Tensor]) -> tuple[Tensor, Tensor]:
    return batch["pictures"].float() / 255.0, batch["outlines"].float() / 255.0


def train_verifier(
    sets: VerifierSets,
    output: str | os.PathLike[str],
    *,
    detector_weights: str | os.PathLike[str] = "default",
    initial_weights: str | os.PathLike[str] | None = None,
    configuration: VerifierConfiguration | None = None,
    recipe: VerifierRecipe | None = None,
    **options: Unpack[TrunkOptions],
) -> TrainedNetwork:
    """Train a verifier for a detector.

    The folder gets `run.yaml`, the crops (`train.npz`, `val.npz`), `last.ckpt`, curves, and at the
    end `confirmation.safetensors`, `result.json`, and in `catalog` a copy of the weights with
    record and model card. The same call resumes a killed run from its checkpoint.

    Args:
        sets: the pictures, including some without masks.
        output: the run's folder.
        detector_weights: of the detector whose proposals are verified.
        initial_weights: confirmation weights to start from; "default", a name of the catalog or a
            file. If None, the recipe sets the encoder's initial weights, and the rest is
            initialised at random.
        configuration: of the network; None for the default.
        recipe: of the training; None for the default.
        **options: `device`, `threads`, `seed`, `time_budget_minutes`, `resume` and `said`, see
            `TrunkRun`.

    Raises:
        InputError: a set cannot be read, or masks or false proposals are missing.
        WeightsError: the detector's weights, or those to start from, cannot be read.
        MissingDependencyError: the package with the encoder's pretrained weights is missing.
        TrainingError: a loss or gradient is NaN or infinite, or the checkpoint or the stored crops
            are damaged.
    """
    configuration = configuration or VerifierConfiguration()
    recipe = recipe or VerifierRecipe()
    run = TrunkRun(Path(output), **options)
    run.begin(
        {
            "data": sets.annotated,
            "boxed": sets.boxed,
            "faces": sets.faces,
            "templates": sets.templates,
            "detector_weights": detector_weights,
            "initial_weights": initial_weights,
            "configuration": asdict(configuration),
            "recipe": asdict(recipe),
        }
    )
    detector = YoloMaskDetector(
        detector_weights, confidence=_PROPOSED, device=run.device, confirmation=None
    )
    crops, validation = (
        run.samples(
            part,
            VerifierCrops,
            partial(
                collect_crops,
                sets,
                lambda image: detector.detect([image])[0],
                part,
                size=round(MARGIN * configuration.size),
                context=MARGIN * configuration.context,
                said=run.said,
            ),
        )
        for part in ("train", "val")
    )
    if crops.worn.all() or not crops.worn.any():
        raise InputError(
            "A verifier needs both masks and false proposals, but the training pictures give only "
            f"{'masks' if crops.worn.all() else 'the latter'}."
        )
    module = VerifierTraining(configuration, recipe)
    module.start(initial_weights, recipe.encoder)
    worn = int(crops.worn.sum())
    return run.train(
        module,
        Samples(crops.dataset(), validation.dataset(), sampling_weights(crops, recipe), _ROUND),
        sets.paths,
        f"{worn} masks and {len(crops) - worn} crops without",
    )
