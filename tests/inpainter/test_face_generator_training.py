"""Random faces are learned by one command, which goes on where it stopped."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from inpainter.latent_search import SemanticInpainter
from inpainter.train import main
from inpainter.training.face_generator import (
    FaceGeneratorRecipe,
    _Game,
    read_face_recipe,
    train_face_generator,
)
from inpainter.training.recipe import DataSettings
from tests.faces import write_faces
from weights.errors import ConfigurationError, InputError, TrainingError
from weights.store import load_state_dict


@pytest.fixture
def recipe(tmp_path):
    faces = write_faces(tmp_path / "faces")
    return FaceGeneratorRecipe(
        generator={"name": "dcgan", "width": 2},
        discriminator={"name": "dcgan", "channels": [4, 4, 4, 4]},
        epochs=4,
        batch=3,
        data=DataSettings(faces=str(faces)),
        checkpoint_steps=2,
    )


def test_the_defaults_are_the_papers():
    for recipe in (FaceGeneratorRecipe(), read_face_recipe("dcgan")):
        assert (recipe.epochs, recipe.batch, recipe.rate) == (25, 300, 3e-4)
        assert recipe.generator == recipe.discriminator == {"name": "dcgan"}


def test_a_run_leaves_weights_for_the_semantic_inpainter(recipe, tmp_path):
    folder = tmp_path / "run"
    weights = train_face_generator(recipe, folder, device="cpu")
    log = (folder / "epochs.log").read_text().splitlines()
    assert len(log) == 4
    for term in ("discriminator", "generator", "real score", "fake score"):
        assert term in log[0]
    assert len(list((folder / "sheets").iterdir())) == 4
    inpainter = SemanticInpainter(weights=weights, steps=2, device="cpu")
    assert inpainter.discriminator is not None
    crop = np.full((40, 40, 3), 90, np.uint8)
    hole = np.zeros((40, 40), bool)
    hole[10:20, 10:20] = True
    (result,) = inpainter.complete([crop], [hole])
    assert np.array_equal(result[~hole], crop[~hole])


def test_a_stopped_run_goes_on_as_if_nothing_had_happened(recipe, tmp_path):
    whole = train_face_generator(recipe, tmp_path / "whole", device="cpu")
    train_face_generator(replace(recipe, epochs=2), tmp_path / "parts", device="cpu")
    parts = train_face_generator(recipe, tmp_path / "parts", device="cpu")
    one, other = load_state_dict(whole), load_state_dict(parts)
    assert one.keys() == other.keys()
    assert all(torch.equal(value, other[name]) for name, value in one.items())


def test_a_run_takes_its_faces_as_the_recipe_says(recipe, tmp_path):
    threads = train_face_generator(recipe, tmp_path / "threads", device="cpu")
    made = replace(recipe, data=replace(recipe.data, processes=1))
    processes = train_face_generator(made, tmp_path / "processes", device="cpu")
    one, other = load_state_dict(threads), load_state_dict(processes)
    assert all(torch.equal(one[name], other[name]) for name in one)
    missing = replace(recipe, data=replace(recipe.data, pairs=str(tmp_path)))
    with pytest.raises(InputError, match="holds no pairs"):
        train_face_generator(missing, tmp_path / "pairs", device="cpu")


def test_no_gradient_is_left_in_either_network(recipe):
    game = _Game(recipe, torch.device("cpu"))
    game.step({"image": torch.zeros(2, 64, 64, 3, dtype=torch.uint8)})
    for part in (game.generator, game.discriminator):
        assert all(one.grad is None for one in part.parameters())


def test_a_loss_that_is_no_number_stops(recipe):
    game = _Game(recipe, torch.device("cpu"))
    torch.nn.init.constant_(game.discriminator.score[-1].bias, float("nan"))
    with pytest.raises(TrainingError, match="no finite number at step 0"):
        game.step({"image": torch.zeros(2, 64, 64, 3, dtype=torch.uint8)})


@pytest.mark.parametrize("part", ["generator", "discriminator"])
def test_a_gradient_that_is_no_number_reaches_no_network(recipe, part):
    game = _Game(recipe, torch.device("cpu"))
    last = list(getattr(game, part).parameters())[-1]
    last.register_hook(lambda gradient: gradient * float("inf"))
    before = {name: one.clone() for name, one in getattr(game, part).named_parameters()}
    with pytest.raises(TrainingError, match=f"The {part}'s gradient is no finite number"):
        game.step({"image": torch.zeros(2, 64, 64, 3, dtype=torch.uint8)})
    for name, one in getattr(game, part).named_parameters():
        assert torch.equal(one, before[name])


def test_a_run_that_goes_on_repeats_no_line_of_its_log(recipe, tmp_path):
    def epochs(run):
        return (tmp_path / run / "epochs.log").read_text().splitlines()

    train_face_generator(recipe, tmp_path / "whole", device="cpu")
    train_face_generator(replace(recipe, epochs=2), tmp_path / "parts", device="cpu")
    # An epoch's line was written, and the process killed before its checkpoint was.
    with (tmp_path / "parts" / "epochs.log").open("a") as log:
        log.write("epoch 3: made twice\nepoch")
    train_face_generator(recipe, tmp_path / "parts", device="cpu")
    assert epochs("parts") == epochs("whole") and len(epochs("whole")) == 4


def test_a_damaged_checkpoint_is_one_sentence(recipe, tmp_path):
    train_face_generator(replace(recipe, epochs=1), tmp_path, device="cpu")
    checkpoint = tmp_path / "last.ckpt"
    content = checkpoint.read_bytes()
    for damaged in (content[: len(content) // 2], b""):
        checkpoint.write_bytes(damaged)
        with pytest.raises(TrainingError, match=r"last\.ckpt is damaged"):
            train_face_generator(recipe, tmp_path, device="cpu")
    checkpoint.write_bytes(content)
    wider = replace(recipe, generator={"name": "dcgan", "width": 3})
    with pytest.raises(TrainingError, match="other networks"):
        train_face_generator(wider, tmp_path, device="cpu")


def test_wrong_recipes_and_folders_are_said(tmp_path, capsys):
    with pytest.raises(ConfigurationError, match="batch"):
        FaceGeneratorRecipe(batch=1)
    arguments = ["--config", "dcgan", "--faces", str(tmp_path), "--output", str(tmp_path / "run")]
    assert main(arguments) == 2
    assert capsys.readouterr().err.startswith("error: ")
