"""Only patches that show some of the hole are called false, where a recipe says so."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import torch

from inpainter.losses import AdversarialLoss
from inpainter.training.patch_labels import (
    check_patch_kind,
    hole_generator_loss,
    labelled_discriminator_loss,
    patch_labels,
)
from inpainter.training.recipe import AdversarialSettings, Phase
from tests.inpainter.training.short_runs import PATCHES, fit, short_recipe
from weights.base.errors import ConfigurationError

if TYPE_CHECKING:
    from pathlib import Path

KINDS: tuple[Any, ...] = ("hinge", "bce", "logistic", "least-squares")


def corner_hole() -> torch.Tensor:
    hole = torch.zeros(1, 1, 32, 32)
    hole[..., :9, :3] = 1.0
    return hole


def test_a_patch_with_any_missing_pixel_is_false() -> None:
    labels = patch_labels(corner_hole(), torch.zeros(1, 5, 4, 4))
    assert labels.shape == (1, 1, 4, 4)
    assert labels[0, 0].nonzero().tolist() == [[0, 0], [1, 0]]


def test_blurred_labels_fall_off_and_keep_their_sum() -> None:
    hole = torch.zeros(1, 1, 64, 64)
    hole[..., 24:40, 24:40] = 1.0
    labels = patch_labels(hole, torch.zeros(1, 1, 16, 16), blurred=True)
    assert float(labels.sum()) == pytest.approx(16.0, abs=0.05)
    assert 0.5 < float(labels[0, 0, 6, 7]) < 0.99
    assert 0.01 < float(labels[0, 0, 5, 7]) < 0.5
    assert float(labels[0, 0, 0, 0]) == 0.0
    assert patch_labels(hole[..., :2, :2], torch.zeros(1, 1, 1, 1), blurred=True).shape[2:] == (
        1,
        1,
    )


@pytest.mark.parametrize("kind", KINDS)
def test_labels_of_one_are_the_plain_loss(kind: Any) -> None:
    torch.manual_seed(0)
    real, fake = torch.randn(2, 3, 4, 4), torch.randn(2, 3, 4, 4)
    plain = AdversarialLoss(kind)
    whole = labelled_discriminator_loss(kind, real, fake, torch.ones(2, 1, 4, 4))
    torch.testing.assert_close(whole, plain.discriminator(real, fake))
    # Nothing false in them: both are to be called true, and the fake's scores learn to be.
    none = labelled_discriminator_loss(kind, real, fake, torch.zeros(2, 1, 4, 4))
    torch.testing.assert_close(
        none, labelled_discriminator_loss(kind, fake, real, torch.zeros(2, 1, 4, 4))
    )


def test_least_squares_with_a_part_learns_that_part() -> None:
    # Zeng et al.'s target is 1 less the label; the loss has its least value there.
    fake = torch.full((1, 1, 2, 2), 0.3, requires_grad=True)
    labels = torch.full((1, 1, 2, 2), 0.7)
    loss = labelled_discriminator_loss("least-squares", torch.ones(1, 1, 2, 2), fake, labels)
    (slope,) = torch.autograd.grad(loss, fake)
    torch.testing.assert_close(slope, torch.zeros_like(slope), atol=1e-7, rtol=0.0)


def test_the_generator_may_be_judged_by_the_hole_alone() -> None:
    scores = torch.full((1, 2, 4, 4), 5.0)
    scores[:, :, :2, 0] = -1.0
    assert float(hole_generator_loss(AdversarialLoss("hinge"), scores, corner_hole())) == 1.0
    nothing = hole_generator_loss(AdversarialLoss("hinge"), scores, torch.zeros(1, 1, 32, 32))
    assert float(nothing) == 0.0


def test_what_cannot_be_labelled_is_said() -> None:
    with pytest.raises(ConfigurationError, match="one score for a picture"):
        patch_labels(corner_hole(), torch.zeros(1, 1))
    with pytest.raises(ConfigurationError, match="'relativistic-average' compares"):
        check_patch_kind("relativistic-average")


@pytest.mark.parametrize("region", ["hole", "blurred-hole"])
def test_a_recipe_trains_with_labelled_patches(tmp_path: Path, region: Any) -> None:
    recipe = short_recipe(
        tmp_path,
        phases=(Phase(steps=2, size=32, batch=2),),
        adversarial=AdversarialSettings(
            PATCHES,
            kind="least-squares",
            weight=0.1,
            fake_region=region,
            generator_region="hole",
            picture="prediction",
            feature_matching=1.0,
            feature_matching_layers=(1.0, 0.5),
        ),
    )
    module = fit(recipe)
    assert all(module.moved("generator.")) and all(module.moved("discriminator."))
    assert {"adversarial", "feature_matching", "discriminator"} < set(module.terms[0])
