"""Random faces are learned by one command, which goes on where it stopped."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from itertools import count

import numpy as np
import pytest
import torch
from lightning.pytorch import Trainer

from inpainter.latent_search import SemanticInpainter
from inpainter.train import main
from inpainter.training.face_generator import (
    FaceGeneratorRecipe,
    FaceTraining,
    read_face_recipe,
    train_face_generator,
)
from inpainter.training.pictures import open_training_pictures
from inpainter.training.recipe import DataSettings
from tests.faces import write_faces
from weights.base.checkpoint import read_checkpoint
from weights.base.errors import ConfigurationError, InputError, TrainingError
from weights.catalog.store import load_state_dict


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
    log = (folder / "rounds.log").read_text().splitlines()
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


def test_a_time_budget_ends_a_run_within_a_round_and_loses_no_step(recipe, tmp_path):
    whole = load_state_dict(train_face_generator(recipe, tmp_path / "whole", device="cpu"))
    cut = partial(train_face_generator, recipe, tmp_path / "parts", device="cpu")
    for done in range(1, 9):
        parts = load_state_dict(cut(time_budget_minutes=1e-6))
        state = read_checkpoint(tmp_path / "parts" / "last.ckpt", ("steps_done",))
        assert state["steps_done"] == done
    log = (tmp_path / "parts" / "rounds.log").read_text().splitlines()
    assert [line.partition(":")[0] for line in log] == [
        f"round {number}, step {2 * number}" for number in range(1, 5)
    ]
    assert all(torch.equal(value, parts[name]) for name, value in whole.items())


def test_a_time_budget_that_is_ample_ends_nothing(recipe, tmp_path, monkeypatch):
    # Where no round is validated, the time since the machine was started is no validation's.
    clock = partial(next, count(1e6, 1e-3))
    monkeypatch.setattr("inpainter.training.callbacks.time.monotonic", clock)
    train_face_generator(recipe, tmp_path / "run", device="cpu", time_budget_minutes=60)
    state = read_checkpoint(tmp_path / "run" / "last.ckpt", ("steps_done",))
    assert state["steps_done"] == 8


def test_a_run_takes_its_faces_as_the_recipe_says(recipe, tmp_path):
    threads = train_face_generator(recipe, tmp_path / "threads", device="cpu")
    made = replace(recipe, data=replace(recipe.data, processes=1))
    processes = train_face_generator(made, tmp_path / "processes", device="cpu")
    one, other = load_state_dict(threads), load_state_dict(processes)
    assert all(torch.equal(one[name], other[name]) for name in one)
    missing = replace(recipe, data=replace(recipe.data, pairs=str(tmp_path)))
    with pytest.raises(InputError, match="holds no pairs"):
        train_face_generator(missing, tmp_path / "pairs", device="cpu")


def fit(module):
    """Train on this machine's CPU, without files."""
    with open_training_pictures(module.recipe.data) as faces:
        module.faces = faces
        Trainer(
            accelerator="cpu",
            max_epochs=1,
            logger=False,
            enable_checkpointing=False,
            enable_progress_bar=False,
            enable_model_summary=False,
        ).fit(module)
    return module


def test_no_gradient_is_left_in_either_network(recipe):
    module = FaceTraining(recipe)
    before = {name: value.clone() for name, value in module.state_dict().items()}
    fit(module)
    for part in ("generator", "discriminator", "average"):
        network = getattr(module, part)
        assert all(one.grad is None for one in network.parameters())
        moved = [
            not torch.equal(value, before[f"{part}.{name}"])
            for name, value in network.state_dict().items()
        ]
        assert any(moved)


def test_the_average_is_kept(recipe, tmp_path):
    weights = train_face_generator(recipe, tmp_path / "run", device="cpu")
    kept = torch.load(tmp_path / "run" / "last.ckpt", weights_only=True)["state_dict"]
    for name, value in load_state_dict(weights).items():
        part, _, rest = name.partition(".")
        source = f"average.network.{rest}" if part == "generator" else name
        assert torch.equal(value, kept[source])


def test_a_loss_that_is_no_number_stops(recipe):
    module = FaceTraining(recipe)
    torch.nn.init.constant_(module.discriminator.score[-1].bias, float("nan"))
    with pytest.raises(TrainingError, match="NaN or infinite at step 0"):
        fit(module)


@pytest.mark.parametrize("part", ["generator", "discriminator"])
def test_a_gradient_that_is_no_number_reaches_no_network(recipe, part):
    module = FaceTraining(recipe)
    network = getattr(module, part)
    list(network.parameters())[-1].register_hook(lambda gradient: gradient * float("inf"))
    before = {name: one.clone() for name, one in network.named_parameters()}
    with pytest.raises(TrainingError, match=f"The {part}'s gradient became NaN or infinite"):
        fit(module)
    for name, one in network.named_parameters():
        assert torch.equal(one, before[name])


def test_a_run_that_goes_on_repeats_no_line_of_its_log(recipe, tmp_path):
    def rounds(run):
        return (tmp_path / run / "rounds.log").read_text().splitlines()

    train_face_generator(recipe, tmp_path / "whole", device="cpu")
    train_face_generator(replace(recipe, epochs=2), tmp_path / "parts", device="cpu")
    # A round's line was written, and the process killed before its checkpoint was.
    with (tmp_path / "parts" / "rounds.log").open("a") as log:
        log.write("round 3, made twice\nround")
    train_face_generator(recipe, tmp_path / "parts", device="cpu")
    assert rounds("parts") == rounds("whole") and len(rounds("whole")) == 4


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
    assert capsys.readouterr().err.startswith("unmask: ")
