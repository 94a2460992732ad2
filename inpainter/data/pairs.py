"""Pairs of true and masked faces with holes, as `unmask synthesize` writes them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np

from inpainter.data.decoded import DecodedFiles
from inpainter.data.face import read_picture
from weights.base.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from inpainter.data.sampling import Sample, Sampling
    from weights.base.contracts import Hole, Image


@dataclass(frozen=True)
class Pair:
    """The files of one pair; all three pictures have the same size.

    Attributes:
        image: the true face.
        masked: the same face with a mask.
        hole: a grey picture, above 127 in the hole that removing the mask leaves.
    """

    image: Path
    masked: Path
    hole: Path


def list_pairs(folder: str | Path, split: str) -> list[Pair]:
    """List the pairs of one split of a data set.

    Args:
        folder: contains `train/images`, `train/masked` and `train/holes`, and so on for the other
            splits; or a data set's folder with these in `pairs`.
        split: "train", "val" or "test".

    Raises:
        InputError: the folder does not exist, or contains no complete pair.
    """
    root = Path(folder)
    if not (root / split).is_dir():
        root = root / "pairs"
    part = root / split
    masked = _by_stem(part / "masked")
    holes = _by_stem(part / "holes")
    pairs = [
        Pair(image, masked[name], holes[name])
        for name, image in sorted(_by_stem(part / "images").items())
        if name in masked and name in holes
    ]
    if not pairs:
        raise InputError(
            f"{part} holds no pairs: pictures of the same name in its folders images, masked and "
            "holes, as `unmask synthesize` writes them."
        )
    return pairs


def _by_stem(folder: Path) -> dict[str, Path]:
    if not folder.is_dir():
        return {}
    return {path.stem: path for path in folder.iterdir() if not path.name.startswith(".")}


class DecodedPairs(DecodedFiles[Pair, "tuple[Image, Image, Hole]"]):
    """Pairs whose pictures are decoded once, on all cores, and served from memory.

    Args:
        pairs: what to decode; those that cannot be decoded are left out and listed in `failed`.
        memory: bytes that decoded pictures may take, see `DecodedFiles`.

    Raises:
        InputError: none can be decoded.
    """

    def __init__(self, pairs: list[Pair], memory: float | None = None) -> None:
        super().__init__(pairs, _decode, "pairs", memory)

    def images(self) -> Iterator[Image]:
        """Yield the true faces, uint8 RGB `(H, W, 3)`."""
        return (image for image, _, _ in self)

    def sample(
        self, index: int, sampling: Sampling, size: int, random: np.random.Generator
    ) -> Sample | None:
        """Make a sample of one pair; None if its hole is empty or it cannot be decoded."""
        try:
            image, masked, hole = self[index]
        except InputError:
            return None
        return sampling.frame(image, hole, masked, size, random)


def _decode(pair: Pair) -> tuple[Image, Image, Hole]:
    image, masked = read_picture(pair.image), read_picture(pair.masked)
    hole = cv2.cvtColor(read_picture(pair.hole), cv2.COLOR_RGB2GRAY) > 127
    if image.shape != masked.shape or hole.shape != image.shape[:2]:
        raise InputError(f"{pair.image} and its masked picture and hole differ in size.")
    return image, masked, np.asarray(hole, np.bool_)
