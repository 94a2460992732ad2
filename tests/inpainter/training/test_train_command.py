"""The trainers' programs: the same options of the same meaning, and the recipe's values by name."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING

import pytest

from inpainter import train
from inpainter.training import read_recipe
from inpainter.training.face_data import FaceData
from inpainter.training.face_generator import read_face_recipe
from inpainter.training.module import CompletionTraining
from inpainter.training.trainer import CHECKPOINT
from pipeline import command_line
from tests.faces import write_faces
from weights.base.checkpoint import read_checkpoint, write_checkpoint
from weights.base.errors import ConfigurationError

if TYPE_CHECKING:
    from pathlib import Path


def test_a_recipe_is_named_trained_and_changed(tmp_path: Path, capsys) -> None:
    faces = write_faces(tmp_path / "faces")
    arguments = ["--config", "unet.tiny", "--faces", str(faces), "--output", str(tmp_path / "run")]
    arguments += ["--device", "cpu", "--set", "network.width=4", "--set", "phases.0.steps=2"]
    arguments += ["--set", "phases.0.batch=2", "--set", "optimizer.generator_lr=1e-5"]
    assert train.main(arguments) == 0
    out = capsys.readouterr().out
    assert "after 2 steps, finished" in out
    recipe = read_recipe(tmp_path / "run" / "recipe.yaml")
    assert recipe.network["width"] == 4
    assert recipe.optimizer.generator_lr == 1e-5
    # The same command again finds nothing to do; with --restart it begins anew.
    assert train.main(arguments) == 0
    assert "round 1/1" not in capsys.readouterr().out
    assert train.main([*arguments, "--restart"]) == 0
    assert "round 1/1" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ("optimizer.generator_rte=1", "Did you mean 'generator_lr'"),
        ("optimiser.generator_lr=1", "no entry 'optimiser.generator_lr'"),
        ("phases.7.steps=1", "no entry 'phases.7.steps'"),
        ("phases.0.steps=many", "must be of type int"),
        ("seed.x=1", "no entry 'seed.x'"),
    ],
)
def test_a_wrong_change_is_one_sentence(tmp_path: Path, capsys, change: str, sentence: str) -> None:
    arguments = ["--config", "unet.tiny", "--output", str(tmp_path / "run"), "--set", change]
    assert train.main(arguments) == 2
    assert sentence in capsys.readouterr().err


def test_changes_leave_the_recipe_as_it_was() -> None:
    recipe = read_recipe("gated.cpu")
    changed = recipe.with_changes({"phases.0.weights": {"adversarial": 0.5}})
    assert recipe.phases[0].weights == {}
    assert changed.weights_in(changed.phases[0])["adversarial"] == 0.5
    assert recipe.with_changes({}) == recipe
    with pytest.raises(ConfigurationError, match="adversarial"):
        recipe.with_changes({"phases.0.weights": {"adverserial": 0.5}})


def test_a_face_generator_is_trained_by_the_same_command(tmp_path: Path, capsys) -> None:
    faces = write_faces(tmp_path / "faces")
    arguments = ["--config", "dcgan.tiny", "--faces", str(faces), "--output", str(tmp_path / "run")]
    arguments += ["--device", "cpu", "--set", "generator.width=4", "--set", "epochs=1"]
    arguments += ["--seed", "3"]
    log = tmp_path / "run" / "rounds.log"
    for extra, trained in (([], True), ([], False), (["--restart"], True)):
        assert train.main([*arguments, *extra]) == 0
        assert len(log.read_text(encoding="utf-8").splitlines()) == 1
        said = capsys.readouterr().out
        assert "faces.safetensors" in said and ("round 1, step" in said) == trained
    recipe = read_face_recipe(tmp_path / "run" / "recipe.yaml")
    assert (recipe.generator["width"], recipe.epochs, recipe.seed) == (4, 1, 3)


@pytest.mark.parametrize(
    ("more", "sentence"),
    [
        (["--pairs", "here"], "takes no --pairs"),
        (["--progress"], "takes no --progress"),
        (["--set", "epoch=2"], "Did you mean 'epochs'"),
        (["--set", "data.face=2"], "Did you mean 'faces'"),
    ],
)
def test_what_a_face_generator_does_not_take_is_said(
    tmp_path: Path, capsys, more: list[str], sentence: str
) -> None:
    assert train.main(["--config", "dcgan.tiny", "--output", str(tmp_path / "run"), *more]) == 2
    assert sentence in capsys.readouterr().err


def short_run(tmp_path: Path) -> list[str]:
    faces = write_faces(tmp_path / "faces")
    arguments = ["--config", "unet.tiny", "--faces", str(faces), "--output", str(tmp_path / "run")]
    arguments += ["--device", "cpu", "--set", "network.width=4", "--set", "phases.0.steps=4"]
    return [*arguments, "--set", "phases.0.batch=2", "--set", "validation_interval=2"]


def whole_command(arguments: list[str]) -> int:
    """Train as `unmask train inpainter` does, whose own handlers are there before."""
    with pytest.raises(SystemExit) as ended:
        command_line.main(["train", "inpainter", *arguments])
    return int(ended.value.code or 0)


@pytest.mark.parametrize("run", [train.main, whole_command])
@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_ends_a_run_between_two_steps_and_the_same_command_goes_on(
    tmp_path: Path, capsys, monkeypatch, run, number: int, code: int
) -> None:
    arguments, step = short_run(tmp_path), CompletionTraining.training_step
    steps = []

    def stopped(module: CompletionTraining, batch: object, index: int) -> None:
        step(module, batch, index)
        steps.append(index)
        if len(steps) == 3:
            signal.raise_signal(number)

    # Handlers that are a program's own are left to it, and earlier tests may have left some.
    before = {
        signal.SIGINT: signal.signal(signal.SIGINT, signal.default_int_handler),
        signal.SIGTERM: signal.signal(signal.SIGTERM, signal.SIG_DFL),
    }
    try:
        with monkeypatch.context() as patched:
            patched.setattr(CompletionTraining, "training_step", stopped)
            assert run(arguments) == code
        assert len(steps) == 3
        kept = read_checkpoint(tmp_path / "run" / CHECKPOINT, ("steps_done",))
        assert kept["steps_done"] == 3
        assert "run the same command to resume" in capsys.readouterr().err
        assert run(arguments) == 0
    finally:
        for one, handler in before.items():
            signal.signal(one, handler)
    assert "after 4 steps, finished" in capsys.readouterr().out
    assert (tmp_path / "run" / "rounds.log").read_text(encoding="utf-8").count("round 2/2") == 1


def test_a_signal_before_the_first_step_ends_a_run(tmp_path, capsys, monkeypatch) -> None:
    arguments, load = short_run(tmp_path), FaceData.train_dataloader

    def stopped(data: FaceData) -> object:
        # By now Lightning has put a handler before ours, which would end the process.
        signal.raise_signal(signal.SIGTERM)
        return load(data)

    before = signal.signal(signal.SIGTERM, signal.SIG_DFL)
    try:
        with monkeypatch.context() as patched:
            patched.setattr(FaceData, "train_dataloader", stopped)
            assert train.main(arguments) == 143
        assert "run the same command to resume" in capsys.readouterr().err
        assert train.main(arguments) == 0
    finally:
        signal.signal(signal.SIGTERM, before)
    assert "after 4 steps, finished" in capsys.readouterr().out


def test_a_run_that_starts_over_is_not_resumed_from_an_earlier_one(
    tmp_path, capsys, monkeypatch
) -> None:
    arguments, step = short_run(tmp_path), CompletionTraining.training_step
    checkpoint = tmp_path / "run" / CHECKPOINT
    assert train.main(arguments) == 0
    whole = read_checkpoint(checkpoint, ("steps_done",))
    for damage in ({"steps_done": "4"}, {"epoch": None}, {"state_dict": {}}, {"loops": 1}):
        write_checkpoint(checkpoint, {**whole, **damage})
        assert train.main(arguments) == 2
        assert f"{checkpoint} does not fit this run, start over" in capsys.readouterr().err

    def stopped(module: CompletionTraining, batch: object, index: int) -> None:
        assert not checkpoint.exists()
        signal.raise_signal(signal.SIGINT)
        step(module, batch, index)

    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        monkeypatch.setattr(CompletionTraining, "training_step", stopped)
        assert train.main([*arguments, "--restart"]) == 130
    finally:
        signal.signal(signal.SIGINT, before)
    assert "run the same command without --restart to resume" in capsys.readouterr().err
    assert read_checkpoint(checkpoint, ("steps_done",))["steps_done"] == 1


def test_a_signal_while_validating_ends_a_run_after_the_round(tmp_path, monkeypatch) -> None:
    arguments, step = short_run(tmp_path), CompletionTraining.validation_step

    def stopped(module: CompletionTraining, *given: object) -> None:
        signal.raise_signal(signal.SIGINT)
        step(module, *given)

    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        monkeypatch.setattr(CompletionTraining, "validation_step", stopped)
        assert train.main(arguments) == 130
    finally:
        signal.signal(signal.SIGINT, before)
    kept = read_checkpoint(tmp_path / "run" / CHECKPOINT, ("steps_done",))
    assert kept["steps_done"] == 2, "the whole first round, and no step of the second"


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("--threads", "0"),
        ("--threads", "x"),
        ("--seed", "-1"),
        ("--seed", "1e3"),
        ("--seed", str(2**40)),
        ("--time-budget", "nan"),
        ("--time-budget", "inf"),
        ("--time-budget", "0"),
    ],
)
def test_a_number_that_is_none_of_its_option_is_refused(capsys, option: str, value: str) -> None:
    with pytest.raises(SystemExit) as left:
        train.main(["--config", "unet.tiny", "--output", "run", option, value])
    assert left.value.code == 2
    said = capsys.readouterr().err
    assert f"argument {option}: must be " in said and f"but is {value!r}" in said


def test_a_finished_run_keeps_its_record(tmp_path: Path, capsys) -> None:
    arguments = short_run(tmp_path)
    assert train.main(arguments) == 0
    record = tmp_path / "run" / "catalog" / "unet.run.yaml"
    before = record.read_bytes()
    assert b"psnr" in before
    assert train.main(arguments) == 0
    assert record.read_bytes() == before
    assert train.main([*arguments, "--set", "validation_interval=1"]) == 2
    assert "validation_interval 2" in capsys.readouterr().err
