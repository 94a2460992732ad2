"""Checkpoints come back whole, or not at all."""

from __future__ import annotations

import random

import pytest
import torch

from weights.base.checkpoint import read_checkpoint, write_checkpoint
from weights.base.errors import TrainingError

STATE = {"epoch": 3, "model": {"weight": torch.arange(600.0).view(20, 30)}, "best": [0.5, 2]}


def cut(content, chance):
    del content[chance.randrange(len(content)) :]


def flip(content, chance):
    content[chance.randrange(len(content))] ^= 1 << chance.randrange(8)


def garble(content, chance):
    place = chance.randrange(len(content))
    content[place : place + 8] = chance.randbytes(8)


@pytest.mark.parametrize("damage", [cut, flip, garble])
def test_a_damaged_checkpoint_is_refused_or_read_as_it_was(tmp_path, damage):
    path = tmp_path / "last.pt"
    write_checkpoint(path, STATE)
    whole, chance, refused = path.read_bytes(), random.Random(0), 0
    for _ in range(150):
        content = bytearray(whole)
        damage(content, chance)
        path.write_bytes(content)
        try:
            state = read_checkpoint(path, ("epoch", "model"))
        except TrainingError as error:
            assert "last.pt is damaged, or not a checkpoint of this program" in str(error)
            refused += 1
            continue
        assert (state["epoch"], state["best"]) == (3, [0.5, 2])
        assert torch.equal(state["model"]["weight"], STATE["model"]["weight"])
    assert refused > 75
