"""Recipes cut down to one size and batch keep what makes them theirs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import torch

from examples.maintenance.trial_recipes import ShortRecipe, shorten
from inpainter import create_discriminator, create_model
from inpainter.training import read_recipe
from inpainter.training.recipe import DataSettings, HoleSettings
from tests.inpainter.training.short_runs import FACE_HOLES
from weights.base.errors import ConfigurationError

if TYPE_CHECKING:
    from pathlib import Path

NAMES = (
    "aot-gan",
    "comodgan",
    "deepfillv2",
    "dmfn",
    "gated.cpu",
    "gated-dmfb",
    "gated-dmfb.model1",
    "gated-unet.cpu",
    "glcic",
    "lama",
    "migan",
    "ndmha",
    "paired-gan",
    "pconv",
    "residual-cnn",
    "unet",
)


def cut(name: str, size: int = 128, faces: str = "") -> ShortRecipe:
    return shorten(
        read_recipe(name),
        size=size,
        batch=8,
        data=DataSettings(faces=faces, validation_count=2),
        holes=HoleSettings(face=FACE_HOLES),
    )


@pytest.mark.parametrize("name", NAMES)
def test_every_system_fits_the_size(name: str) -> None:
    recipe = cut(name).recipe
    network, sample = dict(recipe.network), torch.zeros(1, 3, 128, 128)
    with torch.device("meta"):
        painter = create_model(network.pop("name"), **network).eval()
        hole = torch.ones(1, 1, 128, 128)
        assert painter(sample.to("meta"), hole).completed.shape == sample.shape
        assert 128 % painter.divisor == 0
    if recipe.adversarial is not None:
        options = dict(recipe.adversarial.discriminator)
        if options["name"] != "projected":
            judge = create_discriminator(options.pop("name"), **options).eval()
            *maps, scores = judge(sample, torch.ones(1, 1, 128, 128))
            assert torch.isfinite(scores).all()
            layers = recipe.adversarial.feature_matching_layers
            assert layers is None or len(layers) == len(maps)
            if "stylegan2" in str(recipe.adversarial) or "context" in str(recipe.adversarial):
                assert scores.shape == (1, 1)
    assert all((phase.size, phase.batch) == (128, 8) for phase in recipe.phases)
    assert recipe.holes.other is None


def test_what_is_not_on_this_machine_is_left_out_and_said(monkeypatch, tmp_path: Path) -> None:
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    short = cut("gated-dmfb.model3")
    assert short.left_out == ("perceptual",)
    assert [term.name for term in short.recipe.terms()] == ["whole_l1", "hole_l1"]
    migan = cut("migan")
    assert migan.left_out == ("distillation",)
    assert migan.recipe.distillation is None
    assert migan.recipe.weights_in(None)["hole_l1"] == 2.0
    assert migan.recipe.network["resolution"] == 128
    assert cut("unet").left_out == ()
    with pytest.raises(ConfigurationError, match="power of two"):
        cut("unet", size=100)
