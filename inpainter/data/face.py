"""One face of a data set, as its annotation or its folder describes it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from weights.base.dealing import read_part
from weights.base.errors import InputError
from weights.images.decoding import decode_pixels, read_pixels

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from numpy.typing import NDArray

    from weights.base.contracts import Image

SHARES: Final[Mapping[str, float]] = {"val": 0.05, "test": 0.05, "train": 0.9}
"""Shares of the parts of faces, in folders that name no parts."""


@dataclass(frozen=True)
class Face:
    """One annotated face picture.

    Attributes:
        path: the picture file; of one in a shard, its name behind that of the shard.
        landmarks: iBUG points `(68, 2)`, x y in pixels, or None where there are none.
        split: "train", "val" or "test".
        labels: what else the annotation says, such as source, age, gender, ethnicity.
        member: where the picture lies in a shard; None for a file of its own.
    """

    path: Path
    landmarks: NDArray[np.float64] | None
    split: str
    labels: dict[str, Any] = field(default_factory=dict)
    member: ShardMember | None = None

    @classmethod
    def from_entry(cls, entry: dict[str, Any], path: Path) -> Face:
        """Make a face of what an annotation says of it, which keeps the labels alone."""
        points = entry.pop("landmarks", None)
        landmarks = None if points is None else np.asarray(points, np.float64).reshape(68, 2)
        if landmarks is not None and not np.isfinite(landmarks).all():
            raise ValueError("a landmark is not finite")
        return cls(path, landmarks, read_part(entry.pop("split", None)) or "", entry)

    def read(self) -> Image:
        """Decode the picture to uint8 RGB `(H, W, 3)`.

        Raises:
            InputError: it is missing or no picture.
        """
        return read_picture(self.path, self.member)


@dataclass(frozen=True)
class ShardMember:
    """A file within a shard, an uncompressed tar file.

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
        path: the file, or what messages call it where it lies in a shard.
        member: where in a shard.

    Raises:
        InputError: the file is missing or no picture.
    """
    if member is None:
        return read_pixels(path)
    try:
        encoded = np.fromfile(member.shard, np.uint8, member.size, offset=member.offset)
    except OSError as error:
        raise InputError(f"Cannot read {path}: {error.strerror or error}.") from error
    return decode_pixels(encoded, str(path))
