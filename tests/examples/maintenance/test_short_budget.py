"""Recipes cut down to one size and a budget of time keep what makes them theirs."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
import torch
import yaml

from examples.maintenance import short_budget
from examples.maintenance.short_budget import ShortRecipe, planned_steps, shorten, train_for
from inpainter import create_discriminator, create_model
from inpainter.training import read_recipe
from inpainter.training.loop import TrainedInpainter
from inpainter.training.recipe import DataSettings, HoleSettings, Phase, Recipe
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


def test_steps_keep_their_proportion_and_fill_the_time() -> None:
    phases = [Phase(90, 128, 8), Phase(10, 128, 8), Phase(400, 128, 8)]
    steps = planned_steps(phases, [0.1, 0.2, 0.3], 600.0)
    assert steps[0] == pytest.approx(9 * steps[1], abs=10)
    assert steps[2] == pytest.approx(40 * steps[1], abs=40)
    assert 0.1 * steps[0] + 0.2 * steps[1] + 0.3 * steps[2] == pytest.approx(600.0, rel=0.01)
    assert planned_steps(phases, [1.0, 1.0, 1.0], 0.001) == [1, 1, 1]


def test_phases_are_timed_and_then_trained_for_the_budget(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[tuple[Recipe, Path, dict[str, Any]]] = []

    def train(recipe: Recipe, folder: Path, **options: Any) -> TrainedInpainter:
        calls.append((recipe, folder, options))
        folder.mkdir(parents=True, exist_ok=True)
        # Three phases, each with a round to warm up and one of four steps that counts.
        return TrainedInpainter(folder, folder, {}, 0, True, (9.0, 0.4, 9.0, 0.8, 9.0, 1.2))

    monkeypatch.setattr(short_budget, "train_inpainter", train)
    phases = (Phase(90, 32, 8), Phase(10, 32, 8), Phase(400, 32, 8))
    recipe = replace(cut("glcic.tiny", size=32).recipe, phases=phases)
    train_for(recipe, tmp_path / "run", 10.0, device="cpu")
    (trial, trial_folder, trial_options), (planned, folder, options) = calls
    assert [phase.steps for phase in trial.phases] == [8, 8, 8]
    assert trial.validation_interval == 4
    assert trial_options["resume"] is False
    assert not trial_folder.exists()
    # 0.1, 0.2 and 0.3 seconds a step: 131 seconds for all, and nine tenths of 600 are there.
    assert [phase.steps for phase in planned.phases] == [370, 41, 1648]
    assert planned.validation_interval == 2059 // 5
    assert planned.optimizer.warmup_steps == min(recipe.optimizer.warmup_steps, 2059 // 20)
    assert folder == tmp_path / "run"
    assert options["time_budget_minutes"] == 10.0


def test_a_run_that_was_stopped_keeps_its_schedule(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[Recipe] = []
    monkeypatch.setattr(
        short_budget, "train_inpainter", lambda recipe, *_, **__: calls.append(recipe)
    )
    recipe = cut("glcic.tiny", size=32).recipe
    kept = replace(recipe, phases=tuple(replace(one, steps=7) for one in recipe.phases))
    text = yaml.safe_dump(kept.to_mapping(), sort_keys=False)
    (tmp_path / "recipe.yaml").write_text(text, encoding="utf-8")
    train_for(recipe, tmp_path, 10.0, device="cpu")
    assert calls == [kept]
