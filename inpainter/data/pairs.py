"""Pairs of true and masked faces with their holes, as `unmask synthesize` writes them."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np

from inpainter.data.faces import read_picture
from weights.errors import InputError

if TYPE_CHECKING:
    from inpainter.data.sampling import Sample, Sampling
    from weights.contracts import Hole, Image


@dataclass(frozen=True)
class Pair:
    """The files of one pair; all three pictures have one size.

    Attributes:
        image: the true face.
        masked: the same face with a mask.
        hole: a grey picture, over 127 where taking the mask off leaves a hole.
    """

    image: Path
    masked: Path
    hole: Path


def list_pairs(folder: str | Path, split: str) -> list[Pair]:
    """List the pairs of one part of a data set.

    Args:
        folder: holds `train/images`, `train/masked` and `train/holes`, and so on for the other
            parts; or a data set's folder with these in `pairs`.
        split: "train", "val" or "test".

    Raises:
        InputError: there is no such folder, or it holds no whole pair.
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
            f"{part} holds no pairs: pictures of one name in its folders images, masked and holes, "
            "as `unmask synthesize` writes them."
        )
    return pairs


def _by_stem(folder: Path) -> dict[str, Path]:
    if not folder.is_dir():
        return {}
    return {path.stem: path for path in folder.iterdir() if not path.name.startswith(".")}


class DecodedPairs:
    """Pairs whose pictures are decoded once, on all cores, and then served from memory.

    Args:
        pairs: what to decode; those that cannot be are left out and listed in `failed`.

    Raises:
        InputError: none can be decoded.
    """

    def __init__(self, pairs: list[Pair]) -> None:
        with ThreadPoolExecutor() as pool:
            decoded = list(pool.map(_decode_or_reason, pairs))
        self.pairs = [one for one in decoded if not isinstance(one, str)]
        self.failed = [one for one in decoded if isinstance(one, str)]
        if not self.pairs:
            raise InputError("None of the pairs can be decoded: " + "; ".join(self.failed[:3]))

    def __len__(self) -> int:
        return len(self.pairs)

    @property
    def images(self) -> list[Image]:
        """The true faces."""
        return [image for image, _, _ in self.pairs]

    def sample(
        self, index: int, sampling: Sampling, size: int, random: np.random.Generator
    ) -> Sample | None:
        """Make a sample of one pair; None where nothing is missing in it."""
        image, masked, hole = self.pairs[index]
        return sampling.frame(image, hole, masked, size, random)


def _decode_or_reason(pair: Pair) -> tuple[Image, Image, Hole] | str:
    try:
        image, masked = read_picture(pair.image), read_picture(pair.masked)
        hole = cv2.cvtColor(read_picture(pair.hole), cv2.COLOR_RGB2GRAY) > 127
    except InputError as error:
        return str(error)
    if image.shape != masked.shape or hole.shape != image.shape[:2]:
        return f"{pair.image} and its masked picture and hole differ in size"
    return image, masked, np.asarray(hole, np.bool_)
