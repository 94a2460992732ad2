"""A teacher's guess is mixed into what is learned: inside the hole, by its share, mirrored."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import torch
from torch import Tensor

from inpainter import create_model
from inpainter.outputs import CompletionOutput
from inpainter.training.module import CompletionTraining, NetworkBatch
from inpainter.training.recipe import OptimizerSettings, Phase, SoftTargetSettings
from inpainter.training.soft_targets import SoftTargets
from inpainter.weight_files import load_completion_network, save_completion_network
from tests.inpainter.short_runs import fit, short_recipe
from weights.errors import ConfigurationError, WeightsError

if TYPE_CHECKING:
    from pathlib import Path

OPTIONS: dict[str, Any] = {"width": 4}


@pytest.fixture
def teacher(tmp_path: Path) -> Path:
    torch.manual_seed(7)
    file = tmp_path / "teacher.safetensors"
    network = create_model("unet", **OPTIONS)
    save_completion_network(network, file, name="unet", options=OPTIONS, input_size=32, half=False)
    return file


def sample() -> tuple[Tensor, Tensor]:
    torch.manual_seed(1)
    hole = torch.zeros(2, 1, 32, 32)
    hole[..., 8:24, 4:20] = 1.0
    return torch.rand(2, 3, 32, 32) * 2 - 1, hole


def guess_of(teacher: Path, image: Tensor, hole: Tensor) -> Tensor:
    with torch.no_grad():
        guess: Tensor = load_completion_network(weights=teacher)(image, hole).prediction
    return guess


def test_the_guess_counts_by_its_share_and_in_the_hole_only(teacher: Path) -> None:
    image, hole = sample()
    guess = guess_of(teacher, image, hole)
    for share in (0.0, 0.25, 1.0):
        soft = SoftTargets(SoftTargetSettings(str(teacher), share=share, mirrored=False))
        mixed = soft.mix(image, hole, image, hole)
        expected = torch.where(hole > 0.5, (1 - share) * image + share * guess, image)
        torch.testing.assert_close(mixed, expected)
        assert not mixed.requires_grad


def test_a_mirrored_guess_of_mirrored_pictures_is_the_mirrored_guess(teacher: Path) -> None:
    image, hole = sample()
    soft = SoftTargets(SoftTargetSettings(str(teacher), share=1.0))
    mixed = soft.mix(image, hole, image, hole)
    mirrored = soft.mix(image.flip(3), hole.flip(3), image.flip(3), hole.flip(3))
    torch.testing.assert_close(mirrored, mixed.flip(3))
    both = guess_of(teacher, image, hole) + guess_of(teacher, image.flip(3), hole.flip(3)).flip(3)
    torch.testing.assert_close(mixed, torch.where(hole > 0.5, both / 2, image))


class Flat:
    """A teacher that paints one level."""

    def __init__(self, level: float) -> None:
        self.level = level

    def to(self, *_: Any, **__: Any) -> None: ...

    def __call__(self, image: Tensor, hole: Tensor) -> CompletionOutput:
        del hole
        flat = torch.full_like(image, self.level)
        return CompletionOutput(None, flat, flat)


@pytest.mark.parametrize("level", [-1.0, 0.5])
def test_losses_compare_with_the_mix_where_there_is_a_truth(
    level: float, teacher: Path, tmp_path: Path
) -> None:
    recipe = short_recipe(
        tmp_path,
        losses=({"name": "l1", "region": "hole", "weight": 1.0},),
        soft_targets=SoftTargetSettings(str(teacher), share=1.0),
    )
    module = CompletionTraining(recipe)
    assert module.soft_targets is not None
    module.soft_targets.teacher = Flat(level)
    image, hole = sample()
    inside = torch.ones_like(hole)
    inside[..., 20:, :] = 0.0
    painted = torch.zeros_like(image)
    terms = module._picture_terms(
        NetworkBatch(image, hole, inside, image), CompletionOutput(None, painted, painted)
    )
    # A quarter of the hole lies past the frame and counts as right.
    assert float(terms["hole_l1"]) == pytest.approx(0.75 * abs(level))


def test_a_recipe_learns_its_teacher_that_stays_out_of_its_state(
    teacher: Path, tmp_path: Path
) -> None:
    recipe = short_recipe(
        tmp_path,
        phases=(Phase(steps=40, size=32, batch=2),),
        optimizer=OptimizerSettings(generator_rate=5e-3, warmup_steps=0, final_share=1.0),
        soft_targets=SoftTargetSettings(str(teacher), share=1.0),
    )
    module = fit(recipe)
    losses = [terms["hole_l1"] for terms in module.terms]
    assert sum(losses[-5:]) < 0.5 * sum(losses[:5])
    assert {name.partition(".")[0] for name in module.state_dict()} == {"generator", "average"}


def test_what_is_wrong_is_said_in_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match=r"teacher of the soft targets.*nowhere"):
        SoftTargets(SoftTargetSettings(str(tmp_path / "nowhere.safetensors")))
    with pytest.raises(ConfigurationError, match="share of a recipe's soft targets"):
        SoftTargetSettings("nowhere.safetensors", share=1.5)
