"""What a recipe can say about phases, rates, optimizers and the discriminator's steps."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import pytest
import torch
from timm.optim.muon import Muon
from torch import nn

from inpainter.training.adversary import Adversary
from inpainter.training.objective import PictureObjective
from inpainter.training.optimizers import create_optimizers
from inpainter.training.recipe import (
    AdversarialSettings,
    OptimizerSettings,
    Phase,
    read_recipe,
)
from inpainter.training.terms import read_terms
from tests.inpainter.training.short_runs import PATCHES, fit, short_recipe
from weights.base.errors import ConfigurationError, MissingDependencyError

if TYPE_CHECKING:
    from pathlib import Path


def test_weights_and_rates_may_change_from_phase_to_phase(tmp_path: Path) -> None:
    recipe = short_recipe(
        tmp_path,
        phases=(
            Phase(steps=1, size=32, batch=2, weights={"adversarial": 0.0, "feature_matching": 0}),
            Phase(
                steps=1,
                size=32,
                batch=2,
                generator_lr=1e-3,
                discriminator_lr=5e-3,
                weights={"hole_l1": 1.0},
            ),
        ),
        adversarial=AdversarialSettings(PATCHES, weight=0.5, feature_matching=2.0),
    )
    module = fit(recipe)
    first, second = module.terms
    # The discriminator may already learn what it does not yet say to the generator.
    assert set(first) == {"discriminator", "hole_l1"}
    assert set(second) == {"discriminator", "hole_l1", "adversarial", "feature_matching"}
    assert second["hole_l1"] < 0.5 * first["hole_l1"]
    assert module.rates_seen == [[2e-4, 2e-4], [1e-3, 5e-3]]


def test_weights_of_unknown_terms_name_the_nearest(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="Did you mean 'hole_l1'"):
        short_recipe(tmp_path, phases=(Phase(1, 32, 2, weights={"hole_l2": 1.0}),))
    with pytest.raises(ConfigurationError, match="no loss has a weight"):
        short_recipe(tmp_path, phases=(Phase(1, 32, 2, weights={"hole_l1": 0.0}),))


def test_phases_and_terms_survive_yaml(tmp_path: Path) -> None:
    file = tmp_path / "recipe.yaml"
    file.write_text(
        "network: {name: unet}\n"
        "losses:\n"
        "  - {name: l1, weight: 1.0, picture: completed, coarse: 0.5}\n"
        "adversarial: {fake_region: hole, every: 5, r1: 10.0}\n"
        "phases: [{steps: 1, size: 8, batch: 2, weights: {completed_l1: 2}}]\n"
        "optimizer: {kind: adadelta, discriminator_betas: [0.0, 0.9]}\n",
        encoding="utf-8",
    )
    recipe = read_recipe(file)
    assert recipe.weights_in(recipe.phases[0])["completed_l1"] == 2.0
    assert recipe.adversarial is not None and recipe.adversarial.every == 5
    assert recipe.optimizer.discriminator_betas == (0.0, 0.9)
    file.write_text(
        "network: {name: unet}\noptimizer: {kind: adamw}\n"
        "phases: [{steps: 1, size: 8, batch: 2}]\n",
        encoding="utf-8",
    )
    with pytest.raises(ConfigurationError, match="'adam'"):
        read_recipe(file)


def test_a_loss_looks_at_the_picture_that_it_names() -> None:
    objective = PictureObjective(
        [
            {"name": "l1", "weight": 1.0},
            {"name": "l1", "weight": 1.0, "picture": "completed", "coarse": 0.5},
        ]
    )
    target = torch.zeros(1, 3, 4, 4)
    hole = torch.zeros(1, 1, 4, 4)
    hole[..., :1] = 1.0
    prediction = torch.ones_like(target)
    completed = torch.where(hole > 0.5, prediction, target)
    found = objective(prediction, completed, target, hole)
    assert {name: float(value) for name, value in found.items()} == {
        "l1": 1.0,
        "completed_l1": 0.25,
    }
    coarse = objective(prediction, completed, target, hole, {"l1": 0.0}, coarse=True)
    assert {name: float(value) for name, value in coarse.items()} == {"completed_l1": 0.125}


def test_terms_say_what_is_wrong_with_them() -> None:
    with pytest.raises(ConfigurationError, match="Did you mean 'completed'"):
        read_terms([{"name": "l1", "weight": 1.0, "picture": "complete"}])
    with pytest.raises(ConfigurationError, match="a number as weight"):
        read_terms([{"name": "l1"}])
    with pytest.raises(ConfigurationError, match="coarse of a recipe's loss"):
        read_terms([{"name": "l1", "weight": 1, "coarse": "none"}])
    names = [term.name for term in read_terms([{"name": "l1", "weight": 1}] * 3)]
    assert names == ["l1", "l1_1", "l1_2"]


@pytest.mark.parametrize(
    ("kind", "made"),
    [("adam", torch.optim.Adam), ("adadelta", torch.optim.Adadelta), ("sgd", torch.optim.SGD)],
)
def test_optimizers_by_name(kind: str, made: type) -> None:
    settings = OptimizerSettings(
        kind=kind,  # type: ignore[arg-type]
        generator_lr=0.5,
        discriminator_lr=0.25,
        betas=(0.5, 0.9),
        discriminator_betas=(0.0, 0.99),
        momentum=0.9,
    )
    painter, judge = nn.Linear(1, 1), nn.Linear(1, 1)
    first, second = create_optimizers(settings, painter, judge)
    assert type(first) is type(second) is made
    assert (first.param_groups[0]["lr"], second.param_groups[0]["lr"]) == (0.5, 0.25)
    if kind == "adam":
        assert first.param_groups[0]["betas"] == (0.5, 0.9)
        assert second.param_groups[0]["betas"] == (0.0, 0.99)
    if kind == "sgd":
        assert first.param_groups[0]["momentum"] == 0.9
    assert len(create_optimizers(settings, painter, None)) == 1


def test_muon_turns_kernels_and_leaves_the_discriminator_to_adam() -> None:
    settings = OptimizerSettings(kind="muon", generator_lr=0.01, betas=(0.5, 0.9))
    painter, judge = nn.Conv2d(16, 8, 3), nn.Linear(1, 1)
    muon, adam = create_optimizers(settings, painter, judge)
    assert isinstance(muon, Muon) and type(adam) is torch.optim.Adam
    before = painter.weight.detach().clone()
    painter(torch.randn(2, 16, 5, 5)).square().sum().backward()
    muon.step()
    step = (painter.weight.detach() - before).flatten(1)
    # A step like this is a rotation of the kernel's rows: all of its directions are equally long,
    # and its values are as large as Adam's would be.
    lengths = torch.linalg.svdvals(step)
    assert lengths.max() < 2.0 * lengths.min()
    assert step.square().mean().sqrt().item() == pytest.approx(0.01 * 0.2, rel=0.2)


def test_muon_says_what_it_needs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "timm.optim.muon", None)
    with pytest.raises(MissingDependencyError, match="needs timm"):
        create_optimizers(OptimizerSettings(kind="muon"), nn.Linear(1, 1), None)


@pytest.mark.parametrize("kind", ["adadelta", "muon", "sgd"])
def test_other_optimizers_lower_the_loss(tmp_path: Path, kind: str) -> None:
    recipe = short_recipe(
        tmp_path,
        phases=(Phase(steps=30, size=32, batch=4),),
        optimizer=OptimizerSettings(
            kind=kind,  # type: ignore[arg-type]
            generator_lr={"adadelta": 1.0, "muon": 1e-2, "sgd": 0.05}[kind],
            warmup_steps=0,
            final_share=1.0,
        ),
    )
    losses = [terms["hole_l1"] for terms in fit(recipe).terms]
    assert sum(losses[-5:]) < 0.85 * sum(losses[:5])


def test_the_discriminator_may_step_every_few_batches(tmp_path: Path) -> None:
    recipe = short_recipe(
        tmp_path,
        phases=(Phase(steps=7, size=32, batch=2),),
        adversarial=AdversarialSettings(PATCHES, weight=0.1, every=3),
    )
    module = fit(recipe)
    assert module.moved("discriminator.") == [True, False, False, True, False, False, True]
    assert all(module.moved("generator."))
    assert all("adversarial" in terms for terms in module.terms)
    with pytest.raises(ConfigurationError, match="1 or more"):
        AdversarialSettings(every=0)


def test_the_slope_is_punished_at_intervals_and_as_often_as_strongly(tmp_path: Path) -> None:
    recipe = short_recipe(
        tmp_path,
        phases=(Phase(steps=5, size=32, batch=2),),
        adversarial=AdversarialSettings(
            {"name": "tests.inpainter.training.test_training_settings:LinearJudge"},
            kind="logistic",
            weight=0.1,
            r1=10.0,
            r1_interval=2,
        ),
        optimizer=OptimizerSettings(
            discriminator_lr=0.0, warmup_steps=0, final_share=1.0, betas=(0.0, 0.9)
        ),
    )
    module = fit(recipe)
    assert ["r1" in terms for terms in module.terms] == [True, False, True, False, True]
    # The slope of a linear score is its weight, 0.01 at each of 3 x 32 x 32 places.
    expected = 2 * 10.0 / 2 * 3 * 32 * 32 * 0.01**2
    assert module.terms[0]["r1"] == pytest.approx(expected, rel=1e-4)


@pytest.mark.parametrize("distance", ["absolute", "squared"])
def test_features_are_compared_as_the_recipe_says(tmp_path: Path, distance: Any) -> None:
    recipe = short_recipe(
        tmp_path,
        phases=(Phase(steps=1, size=32, batch=2),),
        adversarial=AdversarialSettings(
            {"name": "tests.inpainter.training.test_training_settings:FiveApart"},
            weight=0.0,
            feature_matching=2.0,
            feature_matching_distance=distance,
        ),
    )
    expected = {"absolute": 2 * 5.0, "squared": 2 * 5.0**2}
    assert fit(recipe).terms[0]["feature_matching"] == pytest.approx(expected[distance])


def test_batch_normalisation_judges_true_and_painted_pictures_apart(tmp_path: Path) -> None:
    def batches(norm: bool) -> list[int]:
        settings = {
            "name": "tests.inpainter.training.test_training_settings:CountingJudge",
            "normalised": norm,
        }
        recipe = short_recipe(
            tmp_path,
            phases=(Phase(steps=1, size=32, batch=2),),
            adversarial=AdversarialSettings(settings, weight=0.1),
        )
        module = fit(recipe)
        assert isinstance(module.discriminator, CountingJudge)
        return module.discriminator.batches

    # The discriminator's step, then the generator's.
    assert batches(norm=True) == [2, 2, 2]
    assert batches(norm=False) == [4, 2]


def test_a_generator_with_batch_normalisation_stands_still_while_frozen(tmp_path: Path) -> None:
    recipe = short_recipe(
        tmp_path,
        network={"name": "glcic", "width": 4},
        phases=(Phase(steps=2, size=32, batch=2, generator=False),),
        adversarial=AdversarialSettings(PATCHES),
    )
    module = fit(recipe)
    before, after = module.states[0], module.states[-1]
    own = [name for name in before if name.startswith(("generator.", "average."))]
    # Running means and the count of batches are no parameters, but part of the state.
    assert any("running_mean" in name for name in own)
    assert all(torch.equal(before[name], after[name]) for name in own)
    assert module.generator.training
    assert all(module.moved("discriminator."))
    assert all(one.grad is None for one in module.generator.parameters())


def test_the_papers_discriminators_that_look_at_the_batch_are_found() -> None:
    apart = {
        name: Adversary(read_recipe(f"{name}.tiny").adversarial).separate_batches  # type: ignore[arg-type]
        for name in ("glcic", "dmfn", "lama", "deepfillv2", "comodgan", "migan")
    }
    assert apart == {
        "glcic": True,
        "dmfn": True,
        "lama": True,
        "deepfillv2": False,
        "comodgan": True,
        "migan": True,
    }


class LinearJudge(nn.Module):
    """Scores a picture by 0.01 times the sum of its values."""

    def __init__(self) -> None:
        super().__init__()
        self.slope = nn.Parameter(torch.tensor(0.01))

    def forward(self, picture: torch.Tensor, hole: torch.Tensor) -> list[torch.Tensor]:
        return [(self.slope * picture).sum(dim=(1, 2, 3))[:, None]]


class CountingJudge(nn.Module):
    """Notes the batches that it is asked about."""

    def __init__(self, normalised: bool) -> None:
        super().__init__()
        self.layer = nn.Conv2d(3, 2, 3, stride=4)
        self.norm = nn.BatchNorm2d(2) if normalised else nn.Identity()
        self.batches: list[int] = []

    def forward(self, picture: torch.Tensor, hole: torch.Tensor) -> list[torch.Tensor]:
        self.batches.append(len(picture))
        return [self.norm(self.layer(picture))]


class FiveApart(nn.Module):
    """Has features of 5 for what was painted, told by its gradient, and of 0 for what is true."""

    def __init__(self) -> None:
        super().__init__()
        self.slope = nn.Parameter(torch.tensor(0.01))

    def forward(self, picture: torch.Tensor, hole: torch.Tensor) -> list[torch.Tensor]:
        features = picture * 0.0 + (5.0 if picture.requires_grad else 0.0)
        return [features, self.slope * picture]
