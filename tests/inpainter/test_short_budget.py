"""Recipes cut down to one size and a budget of time keep what makes them theirs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import torch

from inpainter import create_discriminator, create_model
from inpainter.training import read_recipe
from inpainter.training.recipe import DataSettings, HoleSettings, Phase
from inpainter.training.short_budget import ShortRecipe, planned_steps, shorten, train_for
from tests.faces import write_faces
from tests.inpainter.short_runs import FACE_HOLES
from weights.errors import ConfigurationError

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


def test_steps_keep_their_proportion_and_fill_the_time() -> None:
    phases = [Phase(90, 128, 8), Phase(10, 128, 8), Phase(400, 128, 8)]
    steps = planned_steps(phases, [0.1, 0.2, 0.3], 600.0)
    assert steps[0] == pytest.approx(9 * steps[1], abs=10)
    assert steps[2] == pytest.approx(40 * steps[1], abs=40)
    assert 0.1 * steps[0] + 0.2 * steps[1] + 0.3 * steps[2] == pytest.approx(600.0, rel=0.01)
    assert planned_steps(phases, [1.0, 1.0, 1.0], 0.001) == [1, 1, 1]


def test_all_phases_fit_into_a_short_time(tmp_path: Path) -> None:
    faces = write_faces(tmp_path / "faces")
    recipe = cut("glcic.tiny", size=32, faces=str(faces)).recipe
    trained = train_for(recipe, tmp_path / "run", 0.1, device="cpu", trial_steps=1)
    planned = read_recipe(tmp_path / "run" / "recipe.yaml")
    first, second, third = (phase.steps for phase in planned.phases)
    assert first >= third >= second >= 1
    assert trained.weights.is_file()
    assert not (tmp_path / "run" / "trial").exists()
    # A run that was stopped keeps its schedule, whatever the machine's speed is by now.
    again = train_for(recipe, tmp_path / "run", 0.1, device="cpu")
    assert read_recipe(tmp_path / "run" / "recipe.yaml") == planned
    assert again.steps >= trained.steps
