"""Faces to learn landmarks from, the measures, and a training that lowers its error."""

from __future__ import annotations

import json
import signal
from dataclasses import replace

import cv2
import numpy as np
import pytest
import torch

from detector.data.landmark_faces import (
    MARGIN,
    LandmarkFaces,
    collect_faces,
    lay_patch,
)
from detector.train import landmarks_command as command
from detector.train.landmarks import (
    LandmarkTraining,
    centred_affine,
    landmark_figures,
    random_affine,
    reframe,
    train_landmarks,
)
from detector.train.recipe import LandmarkRecipe
from tests.faces import canonical_landmarks, draw_face, write_faces
from weights.base.checkpoint import read_checkpoint, write_checkpoint
from weights.base.errors import ConfigurationError, InputError, TrainingError, WeightsError
from weights.base.training_command import exit_status
from weights.catalog.record import read_record
from weights.landmarks import MIRRORED
from weights.landmarks.file import load_landmarks
from weights.landmarks.network import LandmarkConfiguration
from weights.landmarks.points import covered_by

SMALL = LandmarkConfiguration(widths=(16, 16, 16), size=32)
QUICK = LandmarkRecipe(trunk="chance", frozen_stages=0, steps=2, batch=4)
FACE = torch.from_numpy(canonical_landmarks(0.5, (0.5, 0.4))).float()[None]


def test_errors_are_shares_of_the_eye_distance():
    eyes = float((FACE[0, 36] - FACE[0, 45]).norm())
    truth = FACE.repeat(2, 1, 1)
    found = truth.clone()
    hidden = torch.zeros(2, 68, dtype=torch.bool)
    hidden[1, 48:] = hidden[1, 5:12] = True
    found[0, :, 0] += 0.01 * eyes
    found[1, :48, 1] += 0.02 * eyes
    found[1, 48:, 0] += 0.1 * eyes
    figures = landmark_figures(found, truth, hidden)
    assert figures == pytest.approx(
        {
            "bare": 0.01,
            "visible": 0.02,
            "hidden": (20 * 0.1 + 7 * 0.02) / 27,
            "hidden_jaw": 0.02,
            "hidden_mouth": 0.1,
        },
        rel=1e-3,
    )


def test_points_under_a_mask_are_hidden_and_those_past_the_frame_are_not():
    mask = np.zeros((10, 10), bool)
    mask[5:] = True
    points = np.array([[2.0, 2.0], [3.0, 7.0], [3.0, 12.0], [-1.0, 7.0], [9.4, 9.4]])
    assert covered_by(points, mask).tolist() == [False, True, False, False, True]


def test_a_patch_hides_the_mouth_and_leaves_the_brows():
    random = np.random.default_rng(0)
    image, points = draw_face(random)
    for _ in range(10):
        patched, hidden = lay_patch(image, points, random)
        assert hidden[48:60].mean() > 0.8 or hidden[5:12].any()
        assert not hidden[17:27].any()
        changed = (patched != image).any(axis=2)
        assert not changed[: int(points[17:27, 1].min())].any()


def dotted(points, size):
    """A picture that is bright at one point."""
    picture = np.zeros((size, size, 3), np.uint8)
    x, y = np.rint(points * size - 0.5).astype(int)
    cv2.circle(picture, (int(x), int(y)), 3, (255, 255, 255), -1)
    return torch.from_numpy(picture).permute(2, 0, 1)[None].float() / 255.0


@pytest.mark.parametrize("seed", range(4))
def test_points_move_with_the_picture(seed):
    torch.manual_seed(seed)
    affine, mirrored, lost = random_affine(1, astray=0.0)
    assert not lost.any()
    stored = 0.5 + (FACE - 0.5) / MARGIN
    shown, points = reframe(
        dotted(stored[0, 30].numpy(), 96), stored, 96, affine, mirrored=mirrored
    )
    number = MIRRORED[30] if mirrored[0] else 30
    weight = shown[0, 0]
    places = (torch.arange(96) + 0.5) / 96
    middle = torch.stack([(weight.sum(0) * places).sum(), (weight.sum(1) * places).sum()])
    assert torch.allclose(middle / weight.sum(), points[0, number], atol=0.02)


def test_a_straight_frame_is_the_face_s_own():
    stored = 0.5 + (FACE - 0.5) / MARGIN
    _, points = reframe(torch.zeros(1, 3, 32, 32), stored, 32, centred_affine(1))
    assert torch.allclose(points, FACE, atol=1e-5)


def test_a_share_of_the_frames_is_astray():
    torch.manual_seed(0)
    affine, _, lost = random_affine(2000, astray=0.25)
    assert float(lost.float().mean()) == pytest.approx(0.25, abs=0.03)
    size = MARGIN * torch.linalg.det(affine[:, :, :2]).abs().sqrt()
    assert float(size[~lost].max()) <= 1.6 + 1e-5
    assert float(size[~lost].min()) >= 0.75 - 1e-5


def test_only_the_named_part_is_looked_at(tmp_path):
    folder = write_faces(tmp_path / "faces", count=6, width=96, height=96)
    lines = [json.loads(line) for line in (folder / "faces.jsonl").read_text().splitlines()]
    lines[0]["split"] = "test"
    (folder / "faces.jsonl").write_text("\n".join(map(json.dumps, lines)))
    train = collect_faces([folder], "train", size=40, rendered=0.0)
    assert len(train) == 2 * 3
    assert train.pictures.shape == (6, 40, 40, 3)
    assert train.hidden.any(axis=1).sum() == 3
    train.save(tmp_path / "train.npz")
    assert np.array_equal(LandmarkFaces.load(tmp_path / "train.npz").points, train.points)
    with pytest.raises(InputError, match="'other'"):
        collect_faces([folder], "other", size=40)


def test_damaged_samples_of_a_run_are_one_sentence(tmp_path):
    file = tmp_path / "train.npz"
    faces = LandmarkFaces(
        np.zeros((1, 8, 8, 3), np.uint8), np.zeros((1, 68, 2), np.float32), np.zeros((1, 68), bool)
    )
    faces.save(file)
    assert len(LandmarkFaces.load(file)) == 1
    file.write_bytes(file.read_bytes()[:-40])
    with pytest.raises(TrainingError, match=r"train\.npz is damaged: start over with --restart"):
        LandmarkFaces.load(file)


def test_a_training_lowers_the_error_and_goes_on(tmp_path):
    folder = write_faces(tmp_path / "faces", count=14, width=96, height=96)

    def train(steps, output, **options):
        recipe = QUICK.with_changes({"steps": steps, "batch": 8, "astray": 0.0, "rendered": 0.0})
        settings = {"configuration": SMALL, "recipe": recipe, "device": "cpu", **options}
        return train_landmarks([folder], tmp_path / output, **settings, said=lambda _: None)

    first = train(1, "run")
    further = train(60, "run")
    assert further.steps == 60
    assert further.metrics["visible"] < 0.8 * first.metrics["visible"]
    assert further.metrics["hidden"] < 0.8 * first.metrics["hidden"]
    assert load_landmarks(further.weights)[1] == SMALL
    record = read_record(further.record)
    assert (record.name, record.kind) == ("landmarks.run", "landmarks")
    assert record.metrics["val"]["hidden"] == further.metrics["hidden"]

    began_from_it = train(1, "again", initial_weights=further.weights)
    assert began_from_it.metrics["visible"] < 0.8 * first.metrics["visible"]
    with pytest.raises(WeightsError, match="does not fit"):
        wide = replace(SMALL, widths=(24, 16, 16))
        train(1, "wide", initial_weights=further.weights, configuration=wide)


def test_a_run_that_a_signal_ends_goes_on_as_if_none_had_come(tmp_path, monkeypatch):
    monkeypatch.setattr("detector.train.landmarks._ROUND", 2)
    folder = write_faces(tmp_path / "faces", count=8, width=96, height=96)
    recipe, step = QUICK.with_changes({"steps": 5}), LandmarkTraining.training_step
    steps = []

    def train(output):
        settings = {"configuration": SMALL, "recipe": recipe, "device": "cpu"}
        return train_landmarks([folder], tmp_path / output, **settings, said=lambda _: None)

    def stopped(self, batch, index):
        steps.append(index)
        if len(steps) == 3:
            signal.raise_signal(signal.SIGINT)
        return step(self, batch, index)

    expected = load_landmarks(train("whole").weights)[0].state_dict()
    with monkeypatch.context() as patched:
        patched.setattr(LandmarkTraining, "training_step", stopped)
        assert exit_status(lambda: train("run")) == 130
    assert len(steps) == 3
    resumed = train("run")
    assert resumed.steps == 5
    for name, tensor in load_landmarks(resumed.weights)[0].state_dict().items():
        assert torch.equal(tensor, expected[name]), name


def test_a_checkpoint_that_does_not_fit_is_a_sentence_and_a_restart_removes_it(
    tmp_path, monkeypatch
):
    folder, run = write_faces(tmp_path / "faces", count=6, width=96, height=96), tmp_path / "run"
    recipe = QUICK.with_changes({"steps": 1})

    def train(**options):
        settings = {"configuration": SMALL, "recipe": recipe, "device": "cpu", **options}
        return train_landmarks([folder], run, **settings, said=lambda _: None)

    train()
    checkpoint = run / "last.ckpt"
    whole = read_checkpoint(checkpoint, ())
    for damage in (
        {"state_dict": {}},
        {"state_dict": 3},
        {"optimizer_states": [{"state": {}, "param_groups": []}]},
        {"loops": {"fit_loop": None}},
        {"callbacks": [1]},
    ):
        write_checkpoint(checkpoint, {**whole, **damage})
        with pytest.raises(TrainingError, match=r"last\.ckpt does not fit this run, start over"):
            train()

    def killed(*given):
        raise KeyboardInterrupt

    monkeypatch.setattr(LandmarkTraining, "start", killed)
    with pytest.raises(InputError):
        train_landmarks([tmp_path / "none"], run, configuration=SMALL, recipe=recipe, resume=False)
    assert checkpoint.exists(), "nothing is lost before there is something new"
    with pytest.raises(KeyboardInterrupt):
        train(resume=False)
    assert not checkpoint.exists()


def test_the_recipe_comes_with_the_package():
    assert LandmarkRecipe.read("cpu").trunk == "imagenet"
    with pytest.raises(ConfigurationError, match="cpu"):
        LandmarkRecipe.read("cpv")
    with pytest.raises(ConfigurationError, match="steps"):
        LandmarkRecipe(steps=0)


def test_the_command_says_what_is_wrong_in_one_sentence(tmp_path, capsys):
    status = command.main(["--faces", str(tmp_path / "none"), "--output", str(tmp_path / "run")])
    assert status == 2
    assert "none" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("former", "name", "value"),
    [("--recipe", "config", "mine.yaml"), ("--start", "initial_weights", "default")],
)
def test_options_are_understood_under_their_former_names(former, name, value, capsys):
    options = command.build_parser().parse_args(["--faces", "a", "--output", "b", former, value])
    assert getattr(options, name) == value
    new = "--" + name.replace("_", "-")
    assert capsys.readouterr().err == f"note: {former} is called {new} now\n"
    assert former not in command.build_parser().format_help()
    options = command.build_parser().parse_args(["--faces", "a", "--output", "b"])
    assert (options.config, options.initial_weights) == ("cpu", None)
