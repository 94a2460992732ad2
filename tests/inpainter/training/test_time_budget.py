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
from inpainter.training.time_budget import fit_schedule, planned_steps, time_steps
from tests.inpainter.training.short_runs import short_recipe
from weights.base.run_settings import RunSettings


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
    def take_a_minute(recipe: Recipe, minutes: float, run: RunSettings) -> list[float]:
        assert (minutes, run.device) == (pytest.approx(1.5), "cpu")
        clock.append(clock[-1] + 60.0)
        return [0.1, 0.2, 0.3]

    clock = [0.0]
    monkeypatch.setattr(time_budget.time, "monotonic", lambda: clock[-1])
    monkeypatch.setattr(time_budget, "time_steps", take_a_minute)
    phases = (Phase(90, 32, 8), Phase(10, 32, 8), Phase(400, 32, 8))
    recipe = replace(read_recipe("glcic.tiny"), phases=phases)
    planned = fit_schedule(recipe, tmp_path / "run", 10.0, device="cpu")
    # 131 seconds for all phases, and nine tenths of the other nine minutes are there.
    assert [phase.steps for phase in planned.phases] == [333, 37, 1483]
    assert planned.validation_interval == 1853 // 5
    assert planned.optimizer.warmup_steps == min(recipe.optimizer.warmup_steps, 1853 // 20)


def test_every_phase_is_timed_and_a_slow_trial_ends_in_time(tmp_path: Path) -> None:
    recipe = short_recipe(tmp_path)
    recipe = replace(recipe, phases=(Phase(1, 32, 2), Phase(3, 32, 2)))
    run = RunSettings(device="cpu")
    each = time_steps(recipe, 10.0, run)
    assert len(each) == 2 and all(0.0 < seconds < 10.0 for seconds in each)
    # No time at all: one step is made, of the first phase, and stands for both.
    (one,) = set(time_steps(recipe, 0.0, run))
    assert one > 0.0


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
    monkeypatch.setattr(time_budget, "time_steps", lambda *_: [0.1] * len(recipe.phases))
    planned = fit_schedule(recipe, folder, 1.0, device="cpu", **options)
    return [phase.steps for phase in planned.phases]


def test_the_command_fits_a_schedule_to_its_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    seen: list[tuple[list[int], float | None]] = []

    def train(recipe: Recipe, folder: Path, **options: Any) -> TrainedInpainter:
        seen.append(([phase.steps for phase in recipe.phases], options.get("time_budget_minutes")))
        return TrainedInpainter(Path("weights"), Path(), {}, 0, True)

    def take_six_seconds(recipe: Recipe, *_: Any) -> list[float]:
        clock.append(clock[-1] + 6.0)
        return [0.1] * len(recipe.phases)

    clock = [0.0]
    monkeypatch.setattr("time.monotonic", lambda: clock[-1])
    monkeypatch.setattr("inpainter.training.loop.train_inpainter", train)
    monkeypatch.setattr(time_budget, "time_steps", take_six_seconds)
    arguments = ["--config", "glcic.tiny", "--output", str(tmp_path / "run"), "--fit-schedule"]
    assert main(arguments) == 2
    assert "give --time-budget MINUTES" in capsys.readouterr().err
    assert main([*arguments, "--time-budget", "2"]) == 0
    assert "Timing a few steps" in capsys.readouterr().out
    ((planned, minutes),) = seen
    assert minutes == pytest.approx(1.9)
    # A tenth of a second a step: nine tenths of 114 seconds hold 1026.
    assert sum(planned) == pytest.approx(1026, abs=len(planned))
