"""Trainings of a few steps on drawn faces, and a look at what they did in each step."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from lightning.pytorch import Trainer

from inpainter.training.face_data import FaceData
from inpainter.training.module import CompletionTraining
from inpainter.training.recipe import DataSettings, OptimizerSettings, Phase, Recipe
from tests.faces import write_faces

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

    from inpainter.networks.base import CompletionNetwork
    from inpainter.outputs import CompletionOutput

FACE_HOLES = {"name": "detector.synthesis.holes:FaceMaskHoles"}
PATCHES = {"name": "sn-patchgan", "channels": [8, 8, 8]}


def short_recipe(folder: Path, **changes: Any) -> Recipe:
    """A small U-Net, two steps of two faces of 32 pixels, without warm-up and fall of the rates."""
    settings: dict[str, Any] = {
        "network": {"name": "unet", "width": 4},
        "phases": (Phase(steps=2, size=32, batch=2),),
        "losses": ({"name": "l1", "region": "hole", "weight": 4.0},),
        "data": DataSettings(faces=str(write_faces(folder / "faces")), validation_count=2),
        "optimizer": OptimizerSettings(warmup_steps=0, final_share=1.0),
        "precision": "32-true",
    }
    return Recipe(**{**settings, **changes})


def watch_guides(
    monkeypatch: pytest.MonkeyPatch, network: type[CompletionNetwork]
) -> list[tuple[torch.Tensor, torch.Tensor | None]]:
    """A list that gets the picture and the guide of each call of a kind of network."""
    seen: list[tuple[torch.Tensor, torch.Tensor | None]] = []
    forward = network.forward

    def watched(
        self: CompletionNetwork,
        image: torch.Tensor,
        hole: torch.Tensor,
        guide: torch.Tensor | None = None,
    ) -> CompletionOutput:
        seen.append((image.detach(), guide))
        return forward(self, image, hole, guide)

    monkeypatch.setattr(network, "forward", watched)
    return seen


class Watched(CompletionTraining):
    """Notes after each step the terms that were learned from, the rates, and the weights."""

    def __init__(self, recipe: Recipe) -> None:
        super().__init__(recipe)
        self.terms: list[dict[str, float]] = []
        self.rates_seen: list[list[float]] = []
        self.states = [self._copy()]

    def _copy(self) -> dict[str, torch.Tensor]:
        return {name: value.clone() for name, value in self.state_dict().items()}

    def log_dict(self, dictionary: Any, **options: Any) -> None:
        self.terms.append(
            {name.partition("/")[2]: float(value) for name, value in dictionary.items()}
        )
        optimizers = self.optimizers()
        optimizers = optimizers if isinstance(optimizers, list) else [optimizers]
        self.rates_seen.append([one.param_groups[0]["lr"] for one in optimizers])
        self.states.append(self._copy())

    def moved(self, part: str) -> list[bool]:
        """Whether trained weights of a part changed in each step."""
        names = [name for name, _ in self.named_parameters() if name.startswith(part)]
        return [
            any(not torch.equal(before[name], after[name]) for name in names)
            for before, after in zip(self.states, self.states[1:], strict=False)
        ]


def fit(recipe: Recipe) -> Watched:
    """Train by a recipe on this machine's CPU, without files."""
    torch.manual_seed(0)
    module = Watched(recipe)
    trainer = Trainer(
        accelerator="cpu",
        max_epochs=len(recipe.rounds()),
        reload_dataloaders_every_n_epochs=1,
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        limit_val_batches=0,
        num_sanity_val_steps=0,
    )
    trainer.fit(module, FaceData(recipe))
    return module
