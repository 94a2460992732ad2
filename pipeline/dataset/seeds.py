"""Chance that belongs to one item, whatever process makes it and in whatever order."""

from __future__ import annotations

import numpy as np

from weights.base.dealing import name_digest, name_fraction

item_fraction = name_fraction
"""A number in [0, 1) for each item, spread evenly and fixed for a seed."""


def item_generator(seed: int, name: str) -> np.random.Generator:
    """Make the random generator of the item `name` in a data set with this seed."""
    return np.random.default_rng(int.from_bytes(name_digest(seed, name), "little"))
