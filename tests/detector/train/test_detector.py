from __future__ import annotations

import math
import os
import random
import signal
from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch
import yaml

from detector.find.weight_file import load_detector, read_extra
from detector.find.yolo import YoloMaskDetector
from detector.train.command import main
from detector.train.detector import RUN_NAME, TrainedDetector, train_detector
from detector.train.ultralytics_dataset import MaskDataset
from tests.detector.blobs import write_blob_dataset
from tests.detector.conftest import TINY, read_losses
from weights.base.checkpoint import read_checkpoint, write_checkpoint
from weights.base.errors import (
    ConfigurationError,
    InputError,
    OutputError,
    TrainingError,
)
from weights.base.training_command import exit_status
from weights.catalog import lookup
from weights.catalog.digest import file_sha256

if TYPE_CHECKING:
    from pathlib import Path

    from detector.train.plan import TrainingProgress


class Killed(BaseException):
    """Stands for the end of a process in the middle of a training."""


def test_tiny_run_lowers_every_loss(trained: TrainedDetector) -> None:
    assert trained.epochs == 6
    for name in ("train/box_loss", "train/seg_loss", "train/cls_loss"):
        losses = read_losses(trained.folder, name)
        assert len(losses) == 6
        assert losses[-1] < losses[0]


def test_run_ends_with_weights_and_their_figures(trained: TrainedDetector) -> None:
    assert trained.weights == trained.folder / "detector.safetensors"
    assert trained.weights.stat().st_size < 16 * 2**20
    assert math.isfinite(trained.metrics["metrics/mAP50(M)"])
    assert read_extra(trained.weights)["metrics"] == dict(trained.metrics)
    network, configuration = load_detector(trained.weights)
    assert configuration.image_size == 64
    assert configuration.class_names == ("mask",)
    assert not network.training
    run = yaml.safe_load((trained.folder / RUN_NAME).read_text())
    assert run["recipe"]["image_size"] == 64
    assert run["seed"] == 1


def test_curves_and_pictures_lie_in_the_folder(trained: TrainedDetector) -> None:
    names = {path.name for path in trained.folder.iterdir()}
    assert {"results.csv", "results.png", "labels.jpg", "train.log", "args.yaml"} < names
    assert {"train_batch0.jpg", "val_batch0_labels.jpg", "val_batch0_pred.jpg"} < names
    assert {"MaskPR_curve.png", "BoxPR_curve.png", "confusion_matrix.png"} < names


def test_run_ends_with_a_record_that_the_catalog_takes(
    trained: TrainedDetector, monkeypatch: pytest.MonkeyPatch
) -> None:
    catalog = trained.folder / "catalog"
    name = "yolo26n-seg.tiny"
    assert sorted(path.name for path in catalog.iterdir()) == [
        f"{name}.md",
        f"{name}.safetensors",
        f"{name}.yaml",
    ]
    monkeypatch.setenv("UNMASK_HOME", str(catalog))
    weights = lookup.verify(name)
    assert weights.read_bytes() == trained.weights.read_bytes()
    record = lookup.get_record(name)
    assert trained.record == catalog / f"{name}.yaml"
    assert record.sha256 == file_sha256(trained.weights)
    assert record.bytes == trained.weights.stat().st_size
    assert (record.recipe, record.seed, record.input_size) == ("cpu", 1, 64)
    assert record.parameters == 2_772_048
    figures = record.metrics["val"]
    assert figures["pictures"] == 4
    assert figures["recall"] == pytest.approx(trained.metrics["metrics/recall(M)"], rel=1e-4)
    assert figures["box_ap50"] == pytest.approx(trained.metrics["metrics/mAP50(B)"], rel=1e-4)
    assert YoloMaskDetector(name, image_size=64, device="cpu").detect(
        [np.zeros((50, 70, 3), np.uint8)]
    )


def test_card_says_what_was_trained_on_what(trained: TrainedDetector) -> None:
    card = trained.card.read_text(encoding="utf-8")
    assert card.startswith("# yolo26n-seg.tiny\n")
    assert file_sha256(trained.weights) in card
    assert "not stated: there is no sources.yaml next to it" in card
    assert "Trained for 6 epochs" in card and "on 8 pictures" in card
    assert "learning_rate = 0.003" in card
    assert "| val, ap50 |" in card


def test_sources_beside_the_data_come_into_the_card(tmp_path: Path) -> None:
    data = write_blob_dataset(tmp_path / "data", train=2, val=1)
    sources = tmp_path / "data" / "sources.yaml"
    sources.write_text("sources:\n- {name: Blobs, licence: CC0-1.0}\n")
    with pytest.raises(ConfigurationError, match="lacks the key 'credit'"):
        _train(data, tmp_path / "run")
    assert not (tmp_path / "run").exists()
    sources.write_text(
        "sources:\n- {name: Blobs, licence: CC0-1.0, credit: A. Painter}\nnotes: Painted.\n"
    )
    run = _train(data, tmp_path / "run", batch=2)
    assert "| Blobs | CC0-1.0 | A. Painter |" in run.card.read_text()
    assert "Painted. Trained for 1 epochs" in run.card.read_text()


def test_training_stops_early_where_nothing_betters(
    blob_data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from detector.train.ultralytics_trainer import MaskTrainer

    measure = MaskTrainer.validate

    def measure_the_same(trainer: MaskTrainer) -> tuple[object, float]:
        metrics, _ = measure(trainer)
        trainer.best_fitness = 0.5
        return metrics, 0.5

    monkeypatch.setattr(MaskTrainer, "validate", measure_the_same)
    run = _train(blob_data, tmp_path / "run", epochs=9, changes={**TINY, "patience": 2})
    assert run.epochs == 3


def test_a_seed_repeats_a_training(blob_data: Path, tmp_path: Path) -> None:
    first, again, other = (
        read_losses(_train(blob_data, tmp_path / name, seed=seed).folder, "train/box_loss")
        for name, seed in (("a", 3), ("b", 3), ("c", 4))
    )
    assert first == again != other
    with pytest.raises(InputError, match="seed"):
        _train(blob_data, tmp_path / "d", seed=-1)


def test_run_writes_nothing_beside_the_data(blob_data: Path, trained: TrainedDetector) -> None:
    kinds = {file.suffix for file in blob_data.parent.rglob("*") if file.is_file()}
    assert kinds == {".png", ".txt", ".yaml"}


def test_global_state_is_as_before(blob_data: Path, tmp_path: Path) -> None:
    random.seed(5)
    torch.manual_seed(5)
    np.random.seed(5)  # noqa: NPY002
    threads = torch.get_num_threads()
    expected = random.getstate(), torch.get_rng_state(), np.random.get_state()[1].copy()  # noqa: NPY002
    calls: list[TrainingProgress] = []

    def stop_at_first(progress: TrainingProgress) -> None:
        calls.append(progress)
        raise Killed

    with pytest.raises(Killed):
        _train(blob_data, tmp_path / "run", progress=stop_at_first)
    assert calls[0].epoch == 1
    assert calls[0].batches == 2
    assert random.getstate() == expected[0]
    assert torch.equal(torch.get_rng_state(), expected[1])
    assert np.array_equal(np.random.get_state()[1], expected[2])  # noqa: NPY002
    assert torch.get_num_threads() == threads


def test_killed_run_goes_on_and_a_finished_one_is_not_repeated(
    blob_data: Path, tmp_path: Path
) -> None:
    epochs: list[int] = []

    def die_in_second_epoch(progress: TrainingProgress) -> None:
        epochs.append(progress.epoch)
        if progress.epoch == 2 and not progress.metrics:
            raise Killed

    folder = tmp_path / "run"
    with pytest.raises(Killed):
        _train(blob_data, folder, epochs=3, progress=die_in_second_epoch)
    assert (folder / "detector.safetensors").is_file()

    epochs.clear()
    finished = _train(blob_data, folder, progress=lambda now: epochs.append(now.epoch))
    assert finished.epochs == 3
    assert set(epochs) == {2, 3}
    assert len(read_losses(folder, "train/box_loss")) == 3

    epochs.clear()
    again = _train(blob_data, folder, progress=lambda now: epochs.append(now.epoch))
    assert epochs == []
    assert again.metrics == pytest.approx(dict(finished.metrics))

    # Killed when all was trained and the record not yet written.
    (folder / "result.json").unlink()
    for file in (folder / "catalog").iterdir():
        file.unlink()
    ended = _train(blob_data, folder, progress=lambda now: epochs.append(now.epoch))
    assert (epochs, ended.epochs) == ([], 3)
    assert ended.record.is_file() and ended.card.is_file()

    anew = _train(blob_data, folder, resume=False, progress=lambda now: epochs.append(now.epoch))
    assert (anew.epochs, set(epochs)) == (1, {1})
    assert len(read_losses(folder, "train/box_loss")) == 1


def test_time_budget_ends_in_good_order_and_counts_earlier_calls(
    blob_data: Path, tmp_path: Path
) -> None:
    epochs: list[int] = []

    def die_in_third_epoch(progress: TrainingProgress) -> None:
        epochs.append(progress.epochs)
        if progress.epoch == 3:
            raise Killed

    folder = tmp_path / "run"
    with pytest.raises(Killed):
        _train(blob_data, folder, epochs=5, time_budget_minutes=100, progress=die_in_third_epoch)
    assert epochs[0] == 5 < epochs[-1]

    lines = (folder / "results.csv").read_text().splitlines()
    cells = lines[-1].split(",")
    lines[-1] = ",".join([cells[0], "7000", *cells[2:]])
    (folder / "results.csv").write_text("\n".join(lines) + "\n")
    finished = _train(blob_data, folder)
    assert finished.epochs == 3
    assert finished.seconds > 7000
    assert finished.record.is_file()


def test_a_folder_that_holds_something_else_is_left_alone(blob_data: Path, tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("mine")
    for resume in (True, False):
        with pytest.raises(OutputError, match="holds no training run"):
            _train(blob_data, tmp_path, resume=resume)
    assert [path.name for path in tmp_path.iterdir()] == ["notes.txt"]


def test_goes_on_from_given_weights(
    blob_data: Path, trained: TrainedDetector, tmp_path: Path
) -> None:
    further = _train(blob_data, tmp_path / "run", initial_weights=trained.weights)
    start = read_losses(further.folder, "train/box_loss")[0]
    assert start < read_losses(trained.folder, "train/box_loss")[0]
    with pytest.raises(ConfigurationError, match="cannot start the training"):
        _train(
            blob_data,
            tmp_path / "other",
            initial_weights=trained.weights,
            architecture="yolo11n-seg",
        )


@pytest.mark.parametrize("architecture", ["yolo26n-seg", "yolo11n-seg"])
def test_other_networks_train_in_float32(
    blob_data: Path, tmp_path: Path, architecture: str
) -> None:
    result = _train(
        blob_data,
        tmp_path / "run",
        architecture=architecture,
        changes={**TINY, "one_to_one": True, "bfloat16": False},
    )
    _, configuration = load_detector(result.weights)
    assert configuration.one_to_one == (architecture == "yolo26n-seg")
    picture = np.zeros((50, 70, 3), np.uint8)
    assert YoloMaskDetector(result.weights, image_size=64, device="cpu").detect([picture])


def test_data_without_masks_is_refused(tmp_path: Path) -> None:
    data = write_blob_dataset(tmp_path / "data")
    for label in (tmp_path / "data" / "labels" / "train").glob("*.txt"):
        label.write_text("")
    with pytest.raises(TrainingError, match="shows a mask"):
        _train(data, tmp_path / "run")


def test_command_line_reports_errors_in_one_sentence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    status = main(["--data", str(tmp_path / "data.yaml"), "--output", str(tmp_path / "run")])
    assert status == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith("unmask: Cannot read the data set description")
    with pytest.raises(InputError):
        train_detector(tmp_path / "data.yaml", tmp_path / "run")


def test_command_line_changes_the_recipe(
    blob_data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["--data", str(blob_data), "--output", str(tmp_path / "run"), "--device", "cpu"]
    assert main([*arguments, "--set", "mosaik=1"]) == 2
    assert "Did you mean 'mosaic'?" in capsys.readouterr().err


def _train(data: Path, folder: Path, **options: object) -> TrainedDetector:
    settings: dict[str, object] = {"recipe": "cpu", "epochs": 1, "batch": 4, "changes": TINY}
    return train_detector(
        data, folder, image_size=64, device="cpu", plots=False, **{**settings, **options}
    )


def test_a_killed_run_ends_with_the_weights_of_one_that_was_not(
    blob_data: Path, tmp_path: Path
) -> None:
    def die_in_third_epoch(progress: TrainingProgress) -> None:
        if progress.epoch == 3:
            raise Killed

    # Steps of two batches of three of eight pictures: gradients are left over at an epoch's end.
    # Mosaics end and warming up has ended where it goes on.
    changes = {**TINY, "step_batch": 5, "mosaic": 1.0, "plain_epochs": 2, "warmup_epochs": 1.0}
    settings = {"epochs": 4, "batch": 3, "changes": changes}
    whole = _train(blob_data, tmp_path / "whole", **settings)
    with pytest.raises(Killed):
        _train(blob_data, tmp_path / "killed", progress=die_in_third_epoch, **settings)
    curves = tmp_path / "killed" / "results.csv"
    # The next epoch's line was written, and the process killed before its checkpoint was.
    curves.write_text(curves.read_text() + curves.read_text().splitlines()[-1].replace("2", "3", 1))
    resumed = _train(blob_data, tmp_path / "killed", **settings)
    expected = load_detector(whole.weights)[0].state_dict()
    for name, tensor in load_detector(resumed.weights)[0].state_dict().items():
        assert torch.equal(tensor, expected[name]), name
    one, other = (
        read_checkpoint(run.folder / "weights" / "last.pt", ("epoch",)) for run in (whole, resumed)
    )
    for part in ("model", "ema", "updates"):
        torch.testing.assert_close(one[part], other[part], rtol=0.0, atol=0.0, equal_nan=True)
    moments = (state["optimizer"]["state"] for state in (one, other))
    torch.testing.assert_close(*moments, rtol=0.0, atol=0.0)
    for name in ("epoch", "train/box_loss", "val/box_loss"):
        assert read_losses(resumed.folder, name) == read_losses(whole.folder, name)


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_ends_a_run_between_two_steps_and_it_goes_on(
    blob_data: Path, tmp_path: Path, number: int, code: int
) -> None:
    seen = []

    def stopped(progress: TrainingProgress) -> None:
        seen.append(progress)
        if progress.epoch == 2 and len([one for one in seen if one.epoch == 2]) == 1:
            signal.raise_signal(number)

    run = tmp_path / "run"
    assert exit_status(lambda: _train(blob_data, run, epochs=2, progress=stopped)) == code
    assert {one.epoch for one in seen} == {1, 2} and len(seen) < 6
    assert not list(run.rglob(".*unmask-part*"))
    assert _train(blob_data, run, epochs=2).epochs == 2


def test_a_signal_while_pictures_are_read_into_memory_ends_a_run(
    blob_data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    load, read = MaskDataset.load_image, []

    def stopped(dataset: MaskDataset, index: int, *given: object) -> object:
        read.append(index)
        if len(read) == 1:
            os.kill(os.getpid(), signal.SIGTERM)
        return load(dataset, index, *given)

    monkeypatch.setattr(MaskDataset, "load_image", stopped)
    run = tmp_path / "run"
    changes = {**TINY, "cache": "ram"}
    assert exit_status(lambda: _train(blob_data, run, epochs=1, changes=changes)) == 143
    assert not (run / "results.csv").exists() and not (run / "weights" / "last.pt").exists()


class Planted:
    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.system, (f"touch {self.mark}",)


@pytest.mark.parametrize("damage", ["planted", "cut", "empty", "other"])
def test_a_checkpoint_runs_no_code(blob_data: Path, tmp_path: Path, damage: str) -> None:
    def die_in_second_epoch(progress: TrainingProgress) -> None:
        if progress.epoch == 2:
            raise Killed

    folder = tmp_path / "run"
    with pytest.raises(Killed):
        _train(blob_data, folder, epochs=3, progress=die_in_second_epoch)
    last = folder / "weights" / "last.pt"
    whole = last.read_bytes()
    if damage == "planted":
        torch.save({"epoch": 0, "ema": Planted(tmp_path / "ran")}, last)
    elif damage == "other":
        torch.save({"epoch": 0}, last)
    else:
        last.write_bytes(whole[: len(whole) // 2] if damage == "cut" else b"")
    with pytest.raises(TrainingError, match=r"last\.pt is damaged, or not a checkpoint"):
        _train(blob_data, folder)
    assert not (tmp_path / "ran").exists()
    last.write_bytes(whole)
    if damage == "other":
        state = read_checkpoint(last, ())
        for name, value in (
            ("epoch", "0"), ("epoch", -3), ("model", {}), ("ema", 3), ("optimizer", {"state": 1}),
            ("updates", "x"), ("best_fitness", []), ("stopper", [1.0]),
        ):  # fmt: skip
            write_checkpoint(last, {**state, name: value})
            with pytest.raises(TrainingError, match=r"last\.pt does not fit this run, start over"):
                _train(blob_data, folder)
        last.write_bytes(whole)
    (folder / "results.csv").write_bytes((folder / "results.csv").read_bytes()[:-40])
    assert _train(blob_data, folder).epochs == 3


def test_a_damaged_picture_is_left_out_and_named(tmp_path: Path) -> None:
    data = write_blob_dataset(tmp_path / "data", train=4, val=2)
    damaged = tmp_path / "data" / "images" / "train" / "1.png"
    damaged.write_bytes(damaged.read_bytes()[:-200])
    run = _train(data, tmp_path / "run", batch=2)
    log = (run.folder / "train.log").read_text(encoding="utf-8")
    assert f"{damaged} cannot be decoded and is left out." in log
