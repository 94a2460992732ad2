"""Several processes, started by torchrun, train one network."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import torch
import yaml

from inpainter.training import train_inpainter
from inpainter.training.recipe import AdversarialSettings, OptimizerSettings, Phase
from tests.inpainter.training.short_runs import PATCHES, short_recipe
from weights.catalog.store import load_state_dict

if TYPE_CHECKING:
    import pytest

ROOT = Path(__file__).parents[3]


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
    file = tmp_path / "recipe.yaml"
    file.write_text(yaml.safe_dump(recipe.to_mapping()), encoding="utf-8")
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone"]
    command += ["--nproc-per-node=2", "-m", "inpainter.train", "--config", str(file)]
    command += ["--output", str(tmp_path / "two"), "--device", "cpu", "--threads", "1"]
    # An hour is more than a round takes: the budget is agreed on and stops nobody.
    command += ["--time-budget", "60"]
    done = subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, timeout=300, check=False
    )
    assert done.returncode == 0, done.stderr[-2000:]
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


def test_torchrun_says_how_many_processes_there_are(monkeypatch: pytest.MonkeyPatch) -> None:
    from inpainter.training.loop import _processes

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
