"""Random generators per item, independent of process and order."""

from __future__ import annotations

import numpy as np

from weights.base.dealing import name_digest


def item_generator(seed: int, name: str) -> np.random.Generator:
    """Make the random generator of the item `name` in a data set with this seed."""
    return np.random.default_rng(int.from_bytes(name_digest(seed, name), "little"))
