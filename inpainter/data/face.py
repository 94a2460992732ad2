"""One face of a data set, described by its annotation or folder."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from weights.base.contracts import Image
from weights.base.dealing import read_part
from weights.base.errors import InputError
from weights.images.decoding import decode_pixels, read_pixels

SHARES: Final[Mapping[str, float]] = {"val": 0.05, "test": 0.05, "train": 0.9}
"""Fractions of the splits, for folders that define none."""


@dataclass(frozen=True)
class Face:
    """One annotated face picture.

    Attributes:
        path: the picture file; in a shard, the shard's path followed by the picture's name.
        landmarks: iBUG points `(68, 2)`, x y in pixels, or None.
        split: "train", "val" or "test".
        labels: other annotations, such as source, age, gender, ethnicity.
        member: location of the picture in a shard; None for a separate file.
    """

    path: Path
    landmarks: NDArray[np.float64] | None
    split: str
    labels: dict[str, Any] = field(default_factory=dict)
    member: ShardMember | None = None

    @classmethod
    def from_entry(cls, entry: dict[str, Any], path: Path) -> Face:
        """Make a face from its annotation, which is left with the labels alone."""
        points = entry.pop("landmarks", None)
        landmarks = None if points is None else np.asarray(points, np.float64).reshape(68, 2)
        if landmarks is not None and not np.isfinite(landmarks).all():
            raise ValueError("a landmark is not finite")
        return cls(path, landmarks, read_part(entry.pop("split", None)) or "", entry)

    def read(self) -> Image:
        """Decode the picture to uint8 RGB `(H, W, 3)`.

        Raises:
            InputError: it is missing or not a picture.
        """
        return read_picture(self.path, self.member)


@dataclass(frozen=True)
class ShardMember:
    """A file in a shard, an uncompressed tar file.

    Attributes:
        shard: the tar file.
        offset: of the file's first byte.
        size: bytes of the file.
    """

    shard: Path
    offset: int
    size: int


def read_picture(path: Path, member: ShardMember | None = None) -> Image:
    """Decode a picture file to uint8 RGB `(H, W, 3)`.

    Args:
        path: the file, or its name in messages if it is in a shard.
        member: its location in a shard.

    Raises:
        InputError: the file is missing or not a picture.
    """
    if member is None:
        return read_pixels(path)
    try:
        encoded = np.fromfile(member.shard, np.uint8, member.size, offset=member.offset)
    except OSError as error:
        raise InputError(f"Cannot read {path}: {error.strerror or error}.") from error
    return decode_pixels(encoded, str(path))
