"""Several processes, started by torchrun, train one network."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import torch
import yaml

from inpainter.training import train_inpainter
from inpainter.training.recipe import AdversarialSettings, OptimizerSettings, Phase
from tests.inpainter.training.short_runs import PATCHES, short_recipe
from weights.base.checkpoint import read_checkpoint
from weights.catalog.store import load_state_dict

if TYPE_CHECKING:
    import pytest

    from inpainter.training.recipe import Recipe

ROOT = Path(__file__).parents[3]


def train_in_two_processes(recipe: Recipe, output: Path, program: str = "inpainter.train") -> None:
    """Train by a recipe in two processes on this CPU; a run that is there goes on."""
    file = output.with_suffix(".yaml")
    file.write_text(yaml.safe_dump(recipe.to_mapping()), encoding="utf-8")
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone"]
    command += ["--nproc-per-node=2", "-m", program, "--config", str(file)]
    command += ["--output", str(output), "--device", "cpu", "--threads", "1"]
    # An hour is more than a round takes: the budget is agreed on and stops nobody.
    command += ["--time-budget", "60"]
    done = subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, timeout=600, check=False
    )
    assert done.returncode == 0, done.stderr[-2000:]


def test_two_processes_take_the_steps_of_one_with_twice_the_batch(tmp_path: Path) -> None:
    recipe = short_recipe(
        tmp_path,
        network={"name": "gated-unet", "width": 4, "depth": 1},
        phases=(
            Phase(steps=1, size=32, batch=1, discriminator=False),
            Phase(steps=2, size=32, batch=1),
        ),
        adversarial=AdversarialSettings(PATCHES, weight=0.1, feature_matching=1.0, every=2),
        optimizer=OptimizerSettings(
            kind="sgd", generator_lr=0.05, discriminator_lr=0.05, warmup_steps=0
        ),
    )
    train_in_two_processes(recipe, tmp_path / "two")
    assert (tmp_path / "two" / "rounds.log").read_text(encoding="utf-8").count("round ") == 2
    doubled = tuple(
        Phase(phase.steps, 32, 2, discriminator=phase.discriminator) for phase in recipe.phases
    )
    alone = train_inpainter(
        short_recipe(
            tmp_path,
            network=recipe.network,
            phases=doubled,
            adversarial=recipe.adversarial,
            optimizer=recipe.optimizer,
        ),
        tmp_path / "one",
        device="cpu",
    )
    two = load_state_dict(tmp_path / "two" / "average.safetensors")
    for name, value in load_state_dict(alone.weights).items():
        torch.testing.assert_close(two[name], value, rtol=2e-3, atol=2e-4)


def test_a_resumed_run_with_batch_norm_and_compilation_is_that_of_one_process(
    tmp_path: Path,
) -> None:
    phases = (
        Phase(steps=1, size=32, batch=4, discriminator=False),
        Phase(steps=2, size=32, batch=4),
    )
    recipe = short_recipe(
        tmp_path,
        network={"name": "gated-unet", "width": 4, "depth": 1},
        phases=phases,
        adversarial=AdversarialSettings(
            {"name": "pix2pixhd", "width": 4, "layers": 2}, weight=0.1, feature_matching=1.0
        ),
        optimizer=OptimizerSettings(
            kind="sgd",
            generator_lr=0.05,
            discriminator_lr=0.05,
            momentum=0.5,
            warmup_steps=0,
            final_share=1.0,
            accumulate=2,
        ),
        compile=True,
    )
    program = "tests.inpainter.training.compiled_eagerly"
    train_in_two_processes(replace(recipe, phases=phases[:1]), tmp_path / "two", program)
    train_in_two_processes(recipe, tmp_path / "two", program)
    rounds = (tmp_path / "two" / "rounds.log").read_text(encoding="utf-8").splitlines()
    assert [line.partition(",")[0] for line in rounds] == ["round 1/1", "round 2/2"]

    # Each part of a batch that is cut is normalised by its own pictures, in any process.
    alone = train_inpainter(
        replace(
            recipe,
            phases=tuple(replace(phase, batch=8) for phase in phases),
            optimizer=replace(recipe.optimizer, accumulate=4),
            compile=False,
        ),
        tmp_path / "one",
        device="cpu",
    )
    holds = ("state_dict", "optimizer_states")
    two = read_checkpoint(tmp_path / "two" / "last.ckpt", holds, "cpu")
    one = read_checkpoint(alone.checkpoint, holds, "cpu")
    assert two["state_dict"].keys() == one["state_dict"].keys()
    compared = {name.partition(".")[0] for name in one["state_dict"]}
    assert compared == {"generator", "average", "discriminator"}
    for name, value in one["state_dict"].items():
        # Running statistics are those of the first process's pictures, and train nothing.
        if "running_" not in name and "num_batches" not in name:
            torch.testing.assert_close(
                two["state_dict"][name],
                value,
                rtol=2e-3,
                atol=2e-4,
                msg=lambda m, n=name: f"{n}: {m}",
            )
    for first, second in zip(two["optimizer_states"], one["optimizer_states"], strict=True):
        for key, state in second["state"].items():
            torch.testing.assert_close(
                first["state"][key]["momentum_buffer"],
                state["momentum_buffer"],
                rtol=5e-3,
                atol=5e-4,
            )


def test_torchrun_says_how_many_processes_there_are(monkeypatch: pytest.MonkeyPatch) -> None:
    from inpainter.training.trainer import _processes

    for name in ("TORCHELASTIC_RUN_ID", "LOCAL_WORLD_SIZE", "GROUP_WORLD_SIZE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 4)
    assert _processes(torch.device("cuda")) == (1, 4)
    assert _processes(torch.device("cuda:2")) == (1, 1)
    assert _processes(torch.device("cpu")) == (1, 1)
    monkeypatch.setitem(os.environ, "TORCHELASTIC_RUN_ID", "run")
    monkeypatch.setitem(os.environ, "LOCAL_WORLD_SIZE", "2")
    monkeypatch.setitem(os.environ, "GROUP_WORLD_SIZE", "3")
    assert _processes(torch.device("cuda")) == (3, 2)
    assert _processes(torch.device("cpu")) == (3, 2)
