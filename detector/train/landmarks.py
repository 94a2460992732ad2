"""Trains a landmark network on bare faces and faces with drawn masks."""

from __future__ import annotations

import math
import os
from collections.abc import Sequence
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any, Unpack

import torch
from torch import Tensor
from torch.nn import functional

from detector.data.landmark_faces import MARGIN, LandmarkFaces, collect_faces
from detector.train.crop_augmentation import cast_shadow, vary_photograph
from detector.train.recipe import LandmarkRecipe
from detector.train.trunk_training import (
    Samples,
    TrainedNetwork,
    TrunkOptions,
    TrunkRun,
    TrunkTraining,
)
from weights.landmarks.file import LANDMARK_FILE
from weights.landmarks.network import (
    LandmarkConfiguration,
    LandmarkNetwork,
    average_mirrored,
    with_mirror_images,
)
from weights.landmarks.points import GROUPS, MIRRORED, OUTER_EYE_CORNERS

_ROUND = 50
"""Steps between checkpoints."""


def reframe(
    pictures: Tensor, points: Tensor, size: int, affine: Tensor, *, mirrored: Tensor | None = None
) -> tuple[Tensor, Tensor]:
    """Resample stored crops in other frames.

    Args:
        pictures: `(N, 3, M, M)` in [0, 1].
        points: iBUG points `(N, 68, 2)`, 0 to 1 across them.
        size: side of the result, in pixels.
        affine: affine `(N, 2, 3)` from the new frame to the stored crop, both from -1 to 1.
        mirrored: bool `(N,)`, crops whose left and right points are swapped; `affine` must mirror
            them.

    Returns:
        Pictures `(N, 3, size, size)` and points 0 to 1 across them.
    """
    grid = functional.affine_grid(affine, [len(pictures), 3, size, size], align_corners=False)
    shown = functional.grid_sample(pictures, grid, padding_mode="reflection", align_corners=False)
    back = torch.linalg.inv(affine[:, :, :2])
    moved = ((2.0 * points - 1.0) - affine[:, None, :, 2]) @ back.transpose(1, 2)
    moved = (moved + 1.0) / 2.0
    if mirrored is not None:
        moved = torch.where(mirrored[:, None, None], moved[:, list(MIRRORED)], moved)
    return shown, moved


def centred_affine(count: int) -> Tensor:
    """The matrices `(N, 2, 3)` that show stored crops in the face's own frame."""
    affine = torch.zeros(count, 2, 3)
    affine[:, 0, 0] = affine[:, 1, 1] = 1.0 / MARGIN
    return affine


def random_affine(count: int, astray: float) -> tuple[Tensor, Tensor, Tensor]:
    """Random frames near the face's own, and some far from it.

    Returns:
        The matrices `(N, 2, 3)`, which are mirrored, and which are astray, bool `(N,)` each.
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
    affine = torch.zeros(count, 2, 3)
    affine[:, 0, 0] = scale * angle.cos() * across
    affine[:, 0, 1] = -scale * angle.sin()
    affine[:, 1, 0] = scale * angle.sin() * across
    affine[:, 1, 1] = scale * angle.cos()
    affine[:, :, 2] = shift * scale[:, None].clamp_min(1.0)
    return affine / MARGIN, mirrored, lost


def point_errors(points: Tensor, truth: Tensor) -> Tensor:
    """Distances `(N, 68)` of points `(N, 68, 2)`, relative to the true face's eye distance."""
    left, right = OUTER_EYE_CORNERS
    eyes = (truth[:, left] - truth[:, right]).norm(dim=1, keepdim=True)
    return (points - truth).norm(dim=2) / eyes.clamp_min(1e-6)


def landmark_figures(points: Tensor, truth: Tensor, hidden: Tensor) -> dict[str, float]:
    """Mean errors, relative to the eye distance.

    Args:
        points: predicted `(N, 68, 2)`.
        truth: likewise.
        hidden: bool `(N, 68)`, True for points under a mask.

    Returns:
        `bare` for faces without a mask; `visible` and `hidden` for masked ones; and, if there are
        any, `hidden_jaw`, `hidden_nose` and `hidden_mouth` for the hidden points of each part.
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


class LandmarkTraining(TrunkTraining):
    """Training and validation steps: mean distance of the points, two classifications.

    Args:
        configuration: of the network.
        recipe: of the training.
    """

    file = LANDMARK_FILE
    figures_explained = (
        "The figures are mean errors as fractions of the distance between the outer eye corners, "
        "on faces of the val split: 'bare' on faces without a mask, 'visible' and 'hidden' on "
        "those points of masked ones; 'masked_told' is the fraction of crops correctly classified "
        "as masked or bare."
    )

    def __init__(self, configuration: LandmarkConfiguration, recipe: LandmarkRecipe) -> None:
        network = LandmarkNetwork(configuration)
        super().__init__(network, configuration, network.trunk, recipe, recipe.trunk_rate)

    def training_step(self, batch: dict[str, Tensor], _index: int) -> Tensor:
        """Return the loss of one batch."""
        affine, mirrored, lost = (
            one.to(self.device) for one in random_affine(len(batch["pictures"]), self.recipe.astray)
        )
        pictures, points = self._reframed(batch, affine, mirrored)
        pictures = vary_photograph(cast_shadow(pictures))
        found = self.network(pictures.contiguous(memory_format=torch.channels_last))
        kept = (~lost).float()
        distance = (found.points - points).norm(dim=2).mean(dim=1)
        place = (distance * kept).sum() / kept.sum().clamp_min(1.0)
        face = functional.binary_cross_entropy_with_logits(found.face, 0.98 * kept + 0.01)
        worn = batch["hidden"].any(dim=1).float()
        masked = functional.binary_cross_entropy_with_logits(
            found.masked, 0.98 * worn + 0.01, weight=kept
        )
        self.log_dict({"place": place, "face": face, "mask": masked}, on_step=False, on_epoch=True)
        loss: Tensor = 20.0 * place + 0.1 * (face + masked)
        return loss

    def validation_step(self, batch: dict[str, Tensor], _index: int) -> None:
        """Store what the metrics need."""
        affine = centred_affine(len(batch["pictures"])).to(self.device)
        pictures, points = self._reframed(batch, affine)
        pictures = pictures.contiguous(memory_format=torch.channels_last)
        found = average_mirrored(self.network(with_mirror_images(pictures)))
        self.seen.append((found.points, points, batch["hidden"], found.masked > 0.0))

    def _reframed(
        self, batch: dict[str, Tensor], affine: Tensor, mirrored: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        stored = batch["pictures"].float() / 255.0
        return reframe(stored, batch["points"], self.configuration.size, affine, mirrored=mirrored)

    def figures(self, seen: list[Tensor]) -> dict[str, Any]:
        """Return the metrics over all validation faces."""
        points, truth, hidden, worn = seen
        told = (worn == hidden.any(dim=1)).float().mean()
        return {**landmark_figures(points, truth, hidden), "masked_told": told}


def train_landmarks(
    faces: Sequence[str | os.PathLike[str]],
    output: str | os.PathLike[str],
    *,
    templates: str | os.PathLike[str] | None = None,
    initial_weights: str | os.PathLike[str] | None = None,
    configuration: LandmarkConfiguration | None = None,
    recipe: LandmarkRecipe | None = None,
    most_pictures: int | None = None,
    **options: Unpack[TrunkOptions],
) -> TrainedNetwork:
    """Train a landmark network on annotated faces, bare and with drawn masks.

    The folder gets `run.yaml`, the crops (`train.npz`, `val.npz`), `last.ckpt`, curves, and at the
    end `landmarks.safetensors`, `result.json`, and in `catalog` a copy of the weights with record
    and model card. The same call resumes a killed run from its checkpoint.

    Args:
        faces: folders, each with a `faces.jsonl`; a folder named twice gets different masks each
            time.
        output: the run's folder.
        templates: folder of mask photos, used in addition to drawn masks.
        initial_weights: landmark weights to start from; "default", a name of the catalog or a file.
            If None, the recipe sets the trunk's initial weights, and the rest is initialised at
            random.
        configuration: of the network; None for the default.
        recipe: of the training; None for the default.
        most_pictures: maximum pictures per folder.
        **options: `device`, `threads`, `seed`, `time_budget_minutes`, `resume` and `said`, see
            `TrunkRun`.

    Raises:
        InputError: a folder cannot be read, or has no faces to train and to validate with.
        WeightsError: the weights to start from cannot be read, or are of another network.
        MissingDependencyError: the package with the trunk's first weights is missing.
        TrainingError: a loss or gradient is NaN or infinite, or the checkpoint is damaged.
    """
    configuration = configuration or LandmarkConfiguration()
    recipe = recipe or LandmarkRecipe()
    run = TrunkRun(Path(output), **options)
    run.begin(
        {
            "faces": faces,
            "templates": templates,
            "initial_weights": initial_weights,
            "configuration": asdict(configuration),
            "recipe": asdict(recipe),
        }
    )
    train, validation = (
        run.samples(
            part,
            LandmarkFaces,
            partial(
                collect_faces,
                faces,
                part,
                size=round(MARGIN * configuration.size),
                rendered=rendered,
                templates=templates,
                most_pictures=most_pictures,
                said=run.said,
            ),
        )
        for part, rendered in (("train", recipe.rendered), ("val", 1.0))
    )
    module = LandmarkTraining(configuration, recipe)
    module.start(initial_weights, recipe.trunk)
    return run.train(
        module,
        Samples(train.dataset(), validation.dataset(), sampling_weights(train, recipe), _ROUND),
        faces,
        f"{len(train)} crops, bare and with drawn masks",
    )


def sampling_weights(faces: LandmarkFaces, recipe: LandmarkRecipe) -> Tensor:
    """Sampling weights of the crops `(N,)`: masked and bare ones by the recipe's fractions."""
    worn = torch.from_numpy(faces.hidden.any(axis=1))
    return torch.where(
        worn,
        recipe.masked / max(1, int(worn.sum())),
        (1.0 - recipe.masked) / max(1, int((~worn).sum())),
    )
