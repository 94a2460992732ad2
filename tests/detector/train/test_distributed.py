from __future__ import annotations

import json
import os
import signal
import sys
from dataclasses import asdict
from functools import partial
from typing import TYPE_CHECKING

import pytest
import torch

from detector.find.architecture import DetectorConfiguration
from detector.train import detector, distributed
from detector.train.detector import train_detector
from detector.train.distributed import launch_command, run_distributed
from detector.train.plan import TrainingPlan, TrainingProgress
from tests.detector.conftest import TINY, read_losses
from weights.base.errors import TrainingError
from weights.base.training_command import exit_status

if TYPE_CHECKING:
    from pathlib import Path


def make_plan(folder: Path, device: str = "0,1,2") -> TrainingPlan:
    return TrainingPlan(
        folder,
        DetectorConfiguration("yolo11s-seg", 320, ("mask", "shield")),
        {"device": device, "imgsz": 320, "cos_lr": True, "cache": False, "nms": None},
        workers=3,
        validation_pictures=7,
        initial_weights=folder / "start.safetensors",
        seconds=90.0,
    )


def test_a_plan_arrives_as_it_was_sent(tmp_path: Path) -> None:
    plan = make_plan(tmp_path)
    assert TrainingPlan.from_json(plan.to_json()) == plan
    assert plan.processes == 3
    assert make_plan(tmp_path, "cpu").processes == 1


def test_the_command_starts_a_process_for_each_device(tmp_path: Path) -> None:
    command = launch_command(tmp_path / "plan.json", 3)
    assert command[:3] == [sys.executable, "-m", "torch.distributed.run"]
    assert "--nproc-per-node=3" in command
    assert command[-3:] == ["-m", "detector.train.distributed", str(tmp_path / "plan.json")]


def test_all_gpus_are_taken_but_none_without_a_picture(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 4)
    names = detector._device_names
    assert names(torch.device("cuda"), 16) == "0,1,2,3"
    assert names(torch.device("cuda"), 2) == "0,1"
    assert names(torch.device("cuda:2"), 16) == "2"
    assert names(torch.device("cpu"), 16) == "cpu"


def test_a_signal_ends_the_processes_and_leaves_no_plan(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    report = json.dumps(asdict(TrainingProgress(1, 2, 1, 2, {})))
    program = (
        "import os, time\n"
        f"print(os.getpid(), file=open({str(tmp_path / 'number')!r}, 'w'), flush=True)\n"
        f"print('unmask-training ' + {report!r}, flush=True)\n"
        "time.sleep(600)\n"
    )
    command = [sys.executable, "-c", program]
    monkeypatch.setattr(distributed, "launch_command", lambda *given: command)

    def stopped(progress: TrainingProgress) -> None:
        assert (tmp_path / "plan.json").exists() and progress.epoch == 1
        signal.raise_signal(signal.SIGINT)

    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        assert exit_status(lambda: run_distributed(make_plan(tmp_path), stopped)) == 130
    finally:
        signal.signal(signal.SIGINT, before)
    assert not (tmp_path / "plan.json").exists()
    with pytest.raises(ProcessLookupError):
        os.kill(int((tmp_path / "number").read_text()), 0)


def test_two_processes_train_one_network(
    blob_data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    together = partial(run_distributed, processes=2, module="tests.detector.train.processes_on_cpu")
    monkeypatch.setattr(detector, "run_training", together)
    told: list[TrainingProgress] = []
    run = train_detector(
        blob_data,
        tmp_path / "run",
        recipe="cpu",
        image_size=64,
        epochs=2,
        batch=4,
        changes=TINY,
        device="cpu",
        seed=1,
        time_budget_minutes=0.05,
        plots=False,
        progress=told.append,
    )
    # Each process has half of the eight pictures, two in a batch.
    assert told[0].batches == 2
    assert told[-1].metrics["metrics/mAP50(M)"] == run.metrics["metrics/mAP50(M)"]
    assert len(read_losses(run.folder, "train/box_loss")) == run.epochs
    assert run.record.is_file() and run.card.is_file()
    assert not (run.folder / "plan.json").exists()


def test_a_fault_in_a_process_is_said_in_one_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def process(program: str) -> None:
        monkeypatch.setattr(
            distributed, "launch_command", lambda *_: [sys.executable, "-c", program]
        )

    process('print(\'unmask-training {"fault": "No mask."}\'); raise SystemExit(1)')
    with pytest.raises(TrainingError, match=r"^No mask\.$"):
        run_distributed(make_plan(tmp_path))
    process("print('unmask-training [1'); raise SystemExit('out of memory')")
    with pytest.raises(TrainingError, match=r"failed: see .*train\.log"):
        run_distributed(make_plan(tmp_path))
    log = (tmp_path / "train.log").read_text()
    assert "out of memory" in log and "unmask-training [1" in log
