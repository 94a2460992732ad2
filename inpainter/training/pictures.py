"""The pictures that a recipe learns from, and those that it is validated on."""

from __future__ import annotations

from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING

from inpainter.data.faces import DecodedFaces, list_faces
from inpainter.data.pairs import DecodedPairs, list_pairs
from inpainter.data.processes import FaceProcesses

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from inpainter.training.recipe import DataSettings


@contextmanager
def open_training_pictures(
    data: DataSettings,
) -> Iterator[DecodedFaces | DecodedPairs | FaceProcesses]:
    """Hold what a recipe learns from in memory: here, or in the processes that it asks for.

    JPEG's block grid is taken out of faces where the recipe says so.

    Raises:
        InputError: there are no pictures, or none can be decoded.
    """
    decode = _listed(data, data.train_split, deblocked=data.deblocked)
    if not data.processes:
        yield decode(None)
        return
    with FaceProcesses(decode, data.processes) as processes:
        yield processes


def decode_split(data: DataSettings, split: str) -> DecodedFaces | DecodedPairs:
    """Read one part of a recipe's faces or pairs into memory, as they are.

    Raises:
        InputError: there are none, or none can be decoded.
    """
    return _listed(data, split, deblocked=False)(None)


def _listed(
    data: DataSettings, split: str, *, deblocked: bool
) -> Callable[[float | None], DecodedFaces | DecodedPairs]:
    if data.pairs:
        return partial(DecodedPairs, list_pairs(data.pairs, split))
    faces = list_faces(data.faces, split, data.split_seed)
    return partial(DecodedFaces, faces, deblocked=deblocked)
