"""A finished training measures its weights and leaves a catalog record and a model card."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from inpainter.completion import NetworkInpainter
from inpainter.evaluation.benchmark_cases import BenchmarkCases
from inpainter.evaluation.evaluate import evaluate_inpainter
from inpainter.holes import create_holes
from inpainter.train import main
from inpainter.training import train_inpainter
from inpainter.training.recipe import DataSettings, HoleSettings, Phase
from tests.faces import write_faces
from tests.inpainter.training.short_runs import FACE_HOLES, short_recipe
from weights.catalog.digest import file_sha256
from weights.catalog.lookup import resolve
from weights.catalog.record import read_record

if TYPE_CHECKING:
    from pathlib import Path


def run(folder: Path, **changes):
    changes = {"holes": HoleSettings(face=FACE_HOLES), **changes}
    recipe = short_recipe(folder, **changes)
    return recipe, train_inpainter(recipe, folder / "a run", device="cpu", recipe_name="mine")


def test_a_finished_run_is_measured_and_shelved(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    recipe, trained = run(tmp_path)
    assert trained.record is not None and trained.card is not None
    record = read_record(trained.record)
    assert (record.name, record.recipe, record.seed) == ("unet.a-run", "mine", recipe.seed)
    assert record.sha256 == file_sha256(trained.weights)
    cases = BenchmarkCases(recipe.data.faces, create_holes(FACE_HOLES), size=32)
    system = NetworkInpainter("unet", trained.weights, device="cpu")
    expected = evaluate_inpainter({"unet": system}, cases).estimate("unet", "psnr_hole").mean
    figures = record.metrics["val"]
    assert figures["psnr_hole"] == pytest.approx(expected, rel=1e-4)
    assert figures["cases"] == len(cases) and "ms_ssim_hole" not in figures
    # Nobody said where the faces come from, and the card says that.
    assert "not stated" in trained.card.read_text(encoding="utf-8")
    assert "2 steps of 2 at 32 px" in record.notes
    monkeypatch.setenv("UNMASK_HOME", str(trained.record.parent))
    assert resolve("unet.a-run", "inpainter").parent == trained.record.parent


def test_a_stopped_run_is_not_shelved(tmp_path: Path) -> None:
    recipe = replace(short_recipe(tmp_path), validation_interval=1)
    stopped = train_inpainter(recipe, tmp_path / "run", device="cpu", time_budget_minutes=1e-6)
    assert not stopped.finished and stopped.record is None
    assert not (tmp_path / "run" / "catalog").exists()
    assert train_inpainter(recipe, tmp_path / "run", device="cpu").record is not None


def test_a_plain_folder_is_divided_as_for_the_training(tmp_path: Path) -> None:
    faces = write_faces(tmp_path / "plain", count=60)
    (faces / "faces.jsonl").unlink()
    parts = [
        {
            face.path
            for face in BenchmarkCases(faces, create_holes("centre-box"), split_seed=seed).faces
        }
        for seed in (0, 2)
    ]
    assert parts[0] != parts[1]
    data = DataSettings(faces=str(faces), validation_count=1, split_seed=2)
    _, trained = run(tmp_path, data=data, holes=HoleSettings(face="centre-box"))
    assert trained.record is not None
    assert read_record(trained.record).metrics["val"]["cases"] == len(parts[1])


def test_without_whole_faces_the_last_validation_counts(tmp_path: Path) -> None:
    _, trained = run(tmp_path, phases=(Phase(steps=1, size=12, batch=2),))
    assert trained.record is not None
    figures = read_record(trained.record).metrics["val"]
    assert figures["hole_psnr"] == pytest.approx(trained.metrics["validation/hole_psnr"], rel=1e-4)
    assert not any("l1" in name for name in figures)


def test_a_network_of_one_s_own_has_no_name_to_be_shelved_by(tmp_path: Path) -> None:
    network = {"name": "inpainter.networks.unet:UNetCompletionNetwork", "width": 4}
    _, trained = run(tmp_path, network=network)
    assert trained.finished and trained.record is None


def test_the_command_names_record_and_card(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    faces = write_faces(tmp_path / "faces")
    arguments = ["--config", "unet.tiny", "--faces", str(faces), "--output", str(tmp_path / "run")]
    changes = ["phases.0.steps=2", "phases.0.size=32", "phases.0.batch=2", "validation_interval=2"]
    changes += ["data.validation_count=2", "network.width=4"]
    for change in changes:
        arguments += ["--set", change]
    assert main([*arguments, "--device", "cpu"]) == 0
    record = tmp_path / "run" / "catalog" / "unet.run.yaml"
    assert str(record) in capsys.readouterr().out
    assert read_record(record).recipe == "unet.tiny"
