"""Perceptual hashes, to keep what measures a network out of what trains it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from collections.abc import Iterable

    from weights.base.contracts import Image

Hash = NDArray[np.bool_]

NEAR = 10
"""Pictures whose hashes differ in at most this many of 64 bits count as the same."""


def perceptual_hash(image: Image) -> Hash:
    """Hash a picture, uint8 RGB `(H, W, 3)`, to 64 bits that survive scaling and compression.

    The signs of the 8 x 8 lowest frequencies against their median (Zauner 2010, "Implementation and
    benchmarking of perceptual image hash functions").
    """
    grey = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)
    small = cv2.resize(grey, (32, 32), interpolation=cv2.INTER_AREA).astype(np.float32)
    lowest = cv2.dct(small)[:8, :8].ravel()
    return np.asarray(lowest > np.median(lowest))


def is_near_duplicate(one: Hash, other: Hash) -> bool:
    """Whether two hashes belong to what looks like one picture, mirrored ones not counted."""
    return int(np.count_nonzero(one != other)) <= NEAR


def resembles(image: Image, known: Iterable[Hash]) -> bool:
    """Whether a picture, uint8 RGB `(H, W, 3)`, looks like one of those with the hashes `known`."""
    own = perceptual_hash(image)
    return any(is_near_duplicate(own, other) for other in known)
