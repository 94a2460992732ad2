from __future__ import annotations

import random

from tests.fuzz.attack import attack, mutated


def test_damaged_files_are_read_or_refused_in_a_sentence():
    found = attack(250, seed=1)
    assert found.raw == []
    assert found.read > 20 and found.refused > 50


def test_an_attack_is_repeated_by_its_seed():
    content = bytes(range(256)) * 4
    assert mutated(content, random.Random("a")) == mutated(content, random.Random("a")) != content
