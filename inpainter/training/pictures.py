"""A recipe's training and validation pictures, and their augmentation."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import fields
from functools import partial

from inpainter.data.augmentation import Augmentation
from inpainter.data.faces import DecodedFaces, list_faces
from inpainter.data.pairs import DecodedPairs, list_pairs
from inpainter.data.processes import FaceProcesses
from inpainter.data.sampling import MaskSource, Sampling
from inpainter.data.turned import repeat_turned
from inpainter.holes import create_holes
from inpainter.training.recipe import DataSettings, HoleSettings


@contextmanager
def open_training_pictures(
    data: DataSettings,
) -> Iterator[DecodedFaces | DecodedPairs | FaceProcesses]:
    """Keep a recipe's training pictures in memory: here, or in the processes it asks for.

    If the recipe says so, faces are deblocked and turned heads repeated.

    Raises:
        InputError: there are no pictures, or none can be decoded.
    """
    decode = _decoder_of(data, data.train_split, training=True)
    if not data.processes:
        yield decode(None)
        return
    with FaceProcesses(decode, data.processes) as processes:
        yield processes


def decode_split(
    data: DataSettings, split: str, memory: float | None = None
) -> DecodedFaces | DecodedPairs:
    """Read one split of a recipe's faces or pairs, unchanged.

    Args:
        data: the recipe's data settings.
        split: the split.
        memory: bytes that they may take; with 0 each is decoded on access.

    Raises:
        InputError: there are none, or none can be decoded.
    """
    return _decoder_of(data, split, training=False)(memory)


def _decoder_of(
    data: DataSettings, split: str, *, training: bool
) -> Callable[[float | None], DecodedFaces | DecodedPairs]:
    if data.pairs:
        return partial(DecodedPairs, list_pairs(data.pairs, split))
    faces = list_faces(data.faces, split, data.split_seed)
    if not training:
        return partial(DecodedFaces, faces)
    return partial(DecodedFaces, repeat_turned(faces, data.turned_share), deblocked=data.deblocked)


def create_sampling(
    data: DataSettings, holes: HoleSettings, masks: MaskSource | None = None
) -> Sampling:
    """Create the sampling that turns a recipe's training pictures into augmented samples.

    Args:
        data: how pictures are framed and augmented.
        holes: which holes are generated.
        masks: draws masks on faces, whose holes then replace all others; None for none.

    Raises:
        ConfigurationError: there are no such holes, or their options do not fit.
    """
    return Sampling(
        create_holes(holes.face),
        None if holes.other is None else create_holes(holes.other),
        holes.other_share,
        holes.union_share,
        masks=masks,
        **{one.name: getattr(data, one.name) for one in fields(Augmentation)},
    )
