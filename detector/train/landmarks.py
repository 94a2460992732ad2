"""Training a landmark network: all points of faces, bare and under drawn masks."""

from __future__ import annotations

import math
import os
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Unpack

import torch
from torch import Tensor
from torch.nn import functional
from torch.utils.data import Dataset, StackDataset

from detector.data.landmark_faces import MARGIN, LandmarkFaces, collect_faces
from detector.train.crop_augmentation import cast_shadow, vary_photograph
from detector.train.recipe import RECIPES
from detector.train.trunk_recipe import TrunkRecipe
from detector.train.trunk_training import (
    Samples,
    TrainedNetwork,
    TrunkOptions,
    TrunkRun,
    TrunkTraining,
)
from weights.landmarks.file import describe_landmarks, load_landmarks, save_landmarks
from weights.landmarks.network import LandmarkConfiguration, LandmarkNetwork
from weights.landmarks.points import GROUPS, MIRRORED, OUTER_EYE_CORNERS

if TYPE_CHECKING:
    from collections.abc import Sequence

_ROUND = 50
"""Steps between two checkpoints."""


@dataclass(frozen=True)
class LandmarkRecipe(TrunkRecipe):
    """How a landmark network is trained, beside what `TrunkRecipe` says.

    Attributes:
        trunk: what the trunk starts from, "imagenet" features or "chance".
        trunk_rate: learning rate of the trunk, at its height.
        astray: share of crops that are moved, turned or scaled so far that they are no face's.
        masked: share of crops that show a masked face.
        rendered: share of the masks to learn from that are drawn in full, others are flat patches.
    """

    what = "a landmark recipe"
    kind = "recipe of landmarks"
    folder = RECIPES / "landmarks"

    frozen_stages: int = 2
    batch: int = 32
    learning_rate: float = 2e-3
    weight_decay: float = 0.01
    precision: str = "32-true"
    trunk: Literal["imagenet", "chance"] = "imagenet"
    trunk_rate: float = 5e-4
    astray: float = 0.2
    masked: float = 0.6
    rendered: float = 0.25


def _dataset(faces: LandmarkFaces) -> Dataset[Any]:
    columns: dict[str, Any] = {
        "picture": torch.from_numpy(faces.pictures).permute(0, 3, 1, 2),
        "points": torch.from_numpy(faces.points),
        "hidden": torch.from_numpy(faces.hidden),
    }
    return StackDataset(**columns)


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


class LandmarkTraining(TrunkTraining):
    """The loop's steps: mean distance of the points, two judgements, validation.

    Args:
        configuration: of the network.
        recipe: how it is trained.
    """

    kind = "landmarks"
    load_file = staticmethod(load_landmarks)
    save_file = staticmethod(save_landmarks)
    describe_file = staticmethod(describe_landmarks)
    figures_explained = (
        "The figures are mean distances as shares of the distance of the outer eye corners, on "
        "faces of the part val: 'bare' of faces without a mask, 'visible' and 'hidden' of masked "
        "ones; 'masked_told' is the share of crops that are rightly called masked or bare."
    )

    def __init__(self, configuration: LandmarkConfiguration, recipe: LandmarkRecipe) -> None:
        network = LandmarkNetwork(configuration)
        super().__init__(network, configuration, network.trunk, recipe, recipe.trunk_rate)

    def training_step(self, batch: dict[str, Tensor], index: int) -> Tensor:
        """Give the loss of one batch."""
        del index
        way, mirrored, lost = (
            one.to(self.device) for one in jittered_way(len(batch["picture"]), self.recipe.astray)
        )
        pictures, points = self._reframed(batch, way, mirrored)
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

    def validation_step(self, batch: dict[str, Tensor], index: int) -> None:
        """Keep what the figures need."""
        del index
        way = straight_way(len(batch["picture"])).to(self.device)
        pictures, points = self._reframed(batch, way)
        found = self.network(pictures.contiguous(memory_format=torch.channels_last))
        self.seen.append((found.points, points, batch["hidden"], found.masked > 0.0))

    def _reframed(
        self, batch: dict[str, Tensor], way: Tensor, mirrored: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        stored = batch["picture"].float() / 255.0
        return reframe(stored, batch["points"], self.configuration.size, way, mirrored=mirrored)

    def figures(self, seen: list[Tensor]) -> dict[str, Any]:
        """Give the figures over all validation faces."""
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
    """Train a landmark network on faces whose landmarks are known, bare and with drawn masks.

    The folder gets `run.yaml`, the crops (`train.npz`, `val.npz`), `last.ckpt`, curves, and at the
    end `landmarks.safetensors`, `result.json`, and in `catalog` the weights once more with their
    record and model card. A killed run goes on from its checkpoint by the same call.

    Args:
        faces: folders, each with a `faces.jsonl`; one that is named twice gives other masks.
        output: the run's folder.
        templates: folder of mask photos, used beside drawn masks.
        initial_weights: landmark weights to start from; "default", a name of the catalog or a file.
            Where None, the recipe says where the trunk starts, and the rest starts from chance.
        configuration: of the network; the default where None.
        recipe: how it is trained; the default where None.
        most_pictures: from each folder at most so many pictures.
        **options: `device`, `threads`, `seed`, `time_budget_minutes`, `resume` and `said`, see
            `TrunkRun`.

    Raises:
        InputError: a folder cannot be read, or has no faces to train and to validate with.
        WeightsError: the weights to start from cannot be read, or are of another network.
        MissingDependencyError: the package with the trunk's first weights is missing.
        TrainingError: a loss or gradient is not a number, or the checkpoint is damaged.
    """
    configuration = configuration or LandmarkConfiguration()
    recipe = recipe or LandmarkRecipe()
    run = TrunkRun(Path(output), **options)
    run.begin(
        {
            "faces": [os.fspath(path) for path in faces],
            "templates": None if templates is None else os.fspath(templates),
            "initial_weights": None if initial_weights is None else os.fspath(initial_weights),
            "configuration": asdict(configuration),
            "recipe": asdict(recipe),
        }
    )
    train, validation = (
        run.samples(
            part,
            LandmarkFaces.load,
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
        Samples(_dataset(train), _dataset(validation), sampling_weights(train, recipe), _ROUND),
        faces,
        f"{len(train)} crops, bare and with drawn masks",
    )


def sampling_weights(faces: LandmarkFaces, recipe: LandmarkRecipe) -> Tensor:
    """How likely each crop is drawn `(N,)`: masked and bare ones by the recipe's shares."""
    worn = torch.from_numpy(faces.hidden.any(axis=1))
    return torch.where(
        worn,
        recipe.masked / max(1, int(worn.sum())),
        (1.0 - recipe.masked) / max(1, int((~worn).sum())),
    )
