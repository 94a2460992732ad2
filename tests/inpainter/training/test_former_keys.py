from __future__ import annotations

import warnings

import pytest

from inpainter.training.recipe import FORMER_KEYS, read_recipe

FORMER = """
network: {name: unet}
round_steps: 7
data: {faces: faces, grey_share: 0.25}
optimizer: {generator_rate: 1.0e-3, discriminator_rate: 2.0e-3}
phases:
  - {steps: 10, size: 64, batch: 2, generator_rate: 0.5}
"""


def test_former_keys_are_understood_with_a_note(tmp_path):
    path = tmp_path / "mine.yaml"
    path.write_text(FORMER)
    with pytest.warns(FutureWarning) as noted:
        recipe = read_recipe(path)
    assert recipe.validation_interval == 7
    assert recipe.data.grayscale_probability == 0.25
    assert (recipe.optimizer.generator_lr, recipe.optimizer.discriminator_lr) == (1e-3, 2e-3)
    assert recipe.phases[0].generator_lr == 0.5
    said = {str(one.message) for one in noted}
    assert said == {
        f"The recipe's key {former!r} is now called {present!r}."
        for former, present in FORMER_KEYS.items()
    }


def test_former_keys_are_understood_among_changes():
    with pytest.warns(FutureWarning, match="'generator_rate' is now called 'generator_lr'"):
        recipe = read_recipe("unet.tiny").with_changes({"optimizer.generator_rate": 0.125})
    assert recipe.optimizer.generator_lr == 0.125


def test_present_keys_are_no_matter_for_a_note():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        recipe = read_recipe("unet.tiny").with_changes(
            {"optimizer.generator_lr": 0.125, "validation_interval": 3}
        )
    assert recipe.validation_interval == 3
