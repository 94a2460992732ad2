"""Every recipe that ships builds, and the tiny ones train."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch

import inpainter
from inpainter import create_discriminator, create_model, list_models
from inpainter.holes import create_holes
from inpainter.losses import create_loss
from inpainter.networks.registry import FACE_GENERATORS
from inpainter.training import read_recipe, train_inpainter
from inpainter.training.recipe import makes_faces
from tests.faces import write_faces
from weights.base.errors import WeightsError

EVERY = sorted((Path(inpainter.__file__).parent / "recipes").glob("*.yaml"))
RECIPES = [path for path in EVERY if not makes_faces(path)]
TINY = sorted(path.name.split(".")[0] for path in RECIPES if ".tiny." in path.name)


def test_every_system_has_a_recipe_of_its_paper_and_a_tiny_one() -> None:
    stems = {path.stem for path in EVERY}
    # These are the project's own, in one size for each kind of machine.
    for name in {*list_models(), *FACE_GENERATORS} - {"gated", "gated-detail", "gated-unet"}:
        assert {name, f"{name}.tiny"} <= stems


@pytest.mark.parametrize("path", RECIPES, ids=lambda path: path.stem)
def test_every_shipped_recipe_builds(path: Path) -> None:
    recipe = read_recipe(path)
    network = dict(recipe.network)
    name = network.pop("name")
    assert name in list_models()
    with torch.device("meta"):
        create_model(name, **network)
        if recipe.adversarial is not None:
            options = dict(recipe.adversarial.discriminator)
            create_discriminator(options.pop("name"), **options)
    for part in (recipe.holes.face, recipe.holes.other):
        if part is not None:
            create_holes(part)
    for term in recipe.terms():
        try:
            create_loss(term.loss)
        except WeightsError as error:
            # The recipe is right; only VGG's weights are not on this machine.
            assert "unmask never downloads" in str(error)


@pytest.mark.parametrize("name", TINY)
def test_a_tiny_recipe_trains_through_all_its_phases(name: str, tmp_path: Path) -> None:
    recipe = read_recipe(f"{name}.tiny")
    recipe = replace(
        recipe,
        phases=tuple(replace(phase, steps=2, batch=2) for phase in recipe.phases),
        data=replace(recipe.data, faces=str(write_faces(tmp_path / "faces")), validation_count=2),
        validation_interval=2,
    )
    trained = train_inpainter(recipe, tmp_path / "run", device="cpu")
    assert trained.finished
    assert trained.steps == 2 * len(recipe.phases)
    assert create_model(name, pretrained=str(trained.weights)).input_size == 64
