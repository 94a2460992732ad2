"""Perceptual hashes, to keep evaluation pictures out of training data."""

from __future__ import annotations

from collections.abc import Iterable

import cv2
import numpy as np
from numpy.typing import NDArray

from weights.base.contracts import Image

Hash = NDArray[np.bool_]

NEAR = 10
"""Pictures whose hashes differ in at most this many of 64 bits count as near-duplicates."""


def perceptual_hash(image: Image) -> Hash:
    """Hash a picture, uint8 RGB `(H, W, 3)`, to 64 bits robust to scaling and compression.

    Whether each of the 8 x 8 lowest frequencies is above their median (Zauner 2010, "Implementation
    and benchmarking of perceptual image hash functions").
    """
    grey = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)
    small = cv2.resize(grey, (32, 32), interpolation=cv2.INTER_AREA).astype(np.float32)
    lowest = cv2.dct(small)[:8, :8].ravel()
    return np.asarray(lowest > np.median(lowest))


def is_near_duplicate(one: Hash, other: Hash) -> bool:
    """Whether two hashes are of near-duplicates; mirror images are not recognised."""
    return int(np.count_nonzero(one != other)) <= NEAR


def resembles(image: Image, known: Iterable[Hash]) -> bool:
    """Whether a picture, uint8 RGB `(H, W, 3)`, is a near-duplicate of one hashed in `known`."""
    own = perceptual_hash(image)
    return any(is_near_duplicate(own, other) for other in known)
