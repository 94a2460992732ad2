"""Chance that belongs to one item, whatever process makes it and in whatever order."""

from __future__ import annotations

import hashlib

import numpy as np


def _digest(seed: int, name: str) -> bytes:
    return hashlib.blake2b(f"{seed}\x00{name}".encode(), digest_size=16).digest()


def item_generator(seed: int, name: str) -> np.random.Generator:
    """Make the random generator of the item `name` in a data set with this seed."""
    return np.random.default_rng(int.from_bytes(_digest(seed, name), "little"))


def item_fraction(seed: int, name: str) -> float:
    """Map a name to a number in [0, 1), spread evenly over names and fixed for a seed."""
    return int.from_bytes(_digest(seed, name)[:8], "little") / 2.0**64
