"""A schedule is fitted to a time: steps are timed, and planned in proportion."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from inpainter.train import main
from inpainter.training import read_recipe, time_budget
from inpainter.training.loop import TrainedInpainter
from inpainter.training.recipe import Phase, Recipe
from inpainter.training.time_budget import fit_schedule, planned_steps


def test_steps_keep_their_proportion_and_fill_the_time() -> None:
    phases = [Phase(90, 128, 8), Phase(10, 128, 8), Phase(400, 128, 8)]
    steps = planned_steps(phases, [0.1, 0.2, 0.3], 600.0)
    assert steps[0] == pytest.approx(9 * steps[1], abs=10)
    assert steps[2] == pytest.approx(40 * steps[1], abs=40)
    assert 0.1 * steps[0] + 0.2 * steps[1] + 0.3 * steps[2] == pytest.approx(600.0, rel=0.01)
    assert planned_steps(phases, [1.0, 1.0, 1.0], 0.001) == [1, 1, 1]


def test_phases_are_timed_and_planned_for_the_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[tuple[Recipe, Path, dict[str, Any]]] = []

    def train(recipe: Recipe, folder: Path, **options: Any) -> TrainedInpainter:
        calls.append((recipe, folder, options))
        folder.mkdir(parents=True, exist_ok=True)
        # Three phases, each with a round to warm up and one of four steps that counts.
        return TrainedInpainter(folder, folder, {}, 0, True, (9.0, 0.4, 9.0, 0.8, 9.0, 1.2))

    monkeypatch.setattr(time_budget, "train_inpainter", train)
    phases = (Phase(90, 32, 8), Phase(10, 32, 8), Phase(400, 32, 8))
    recipe = replace(read_recipe("glcic.tiny"), phases=phases)
    planned = fit_schedule(recipe, tmp_path / "run", 10.0, device="cpu")
    ((trial, trial_folder, trial_options),) = calls
    assert [phase.steps for phase in trial.phases] == [8, 8, 8]
    assert trial.validation_interval == 4
    assert trial_options["resume"] is False
    assert not trial_folder.exists()
    # 0.1, 0.2 and 0.3 seconds a step: 131 seconds for all, and nine tenths of 600 are there.
    assert [phase.steps for phase in planned.phases] == [370, 41, 1648]
    assert planned.validation_interval == 2059 // 5
    assert planned.optimizer.warmup_steps == min(recipe.optimizer.warmup_steps, 2059 // 20)


def test_a_run_that_was_stopped_keeps_its_schedule(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    recipe = read_recipe("glcic.tiny")
    kept = replace(recipe, phases=tuple(replace(one, steps=7) for one in recipe.phases))
    text = yaml.safe_dump(kept.to_mapping(), sort_keys=False)
    (tmp_path / "recipe.yaml").write_text(text, encoding="utf-8")
    assert fit_schedule(recipe, tmp_path, 10.0, device="cpu") == kept
    assert _planned_steps(monkeypatch, kept, tmp_path, resume=False) != [7]


def _planned_steps(
    monkeypatch: pytest.MonkeyPatch, recipe: Recipe, folder: Path, **options: Any
) -> list[int]:
    rounds = (9.0, 0.4) * len(recipe.phases)

    def train(recipe: Recipe, folder: Path, **_: Any) -> TrainedInpainter:
        folder.mkdir(parents=True, exist_ok=True)
        return TrainedInpainter(folder, folder, {}, 0, True, rounds)

    monkeypatch.setattr(time_budget, "train_inpainter", train)
    planned = fit_schedule(recipe, folder, 1.0, device="cpu", **options)
    return [phase.steps for phase in planned.phases]


def test_the_command_fits_a_schedule_to_its_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    seen: list[tuple[list[int], float | None]] = []

    def train(recipe: Recipe, folder: Path, **options: Any) -> TrainedInpainter:
        Path(folder).mkdir(parents=True, exist_ok=True)
        seen.append(([phase.steps for phase in recipe.phases], options.get("time_budget_minutes")))
        return TrainedInpainter(
            Path("weights"), Path(), {}, 0, True, (9.0, 0.4) * len(recipe.phases)
        )

    for module in ("inpainter.training.loop", "inpainter.training.time_budget"):
        monkeypatch.setattr(f"{module}.train_inpainter", train)
    arguments = ["--config", "glcic.tiny", "--output", str(tmp_path / "run"), "--fit-schedule"]
    assert main(arguments) == 2
    assert "give --time-budget MINUTES" in capsys.readouterr().err
    assert main([*arguments, "--time-budget", "2"]) == 0
    (trial, _), (planned, minutes) = seen
    assert set(trial) == {8} and minutes == 2.0
    # A tenth of a second a step: nine tenths of 120 seconds hold 1080.
    assert sum(planned) == pytest.approx(1080, abs=len(planned))
