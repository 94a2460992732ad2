"""Assigns each face to exactly one split of the data set."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from pipeline.dataset.source_face import SourceFace
from weights.base.dealing import PARTS, Part, deal_out, parts_of_people
from weights.base.errors import InputError
from weights.base.names import unknown_name

DEFAULT_SHARES: Mapping[Part, float] = {"train": 0.9, "val": 0.07, "test": 0.03}


def parse_shares(text: str) -> dict[Part, float]:
    """Parse shares such as "train=0.9,val=0.07,test=0.03"; splits not named get 0.

    Returns:
        The share of every split, scaled to sum to one.

    Raises:
        ConfigurationError: a split is unknown.
        InputError: a share is not a number from 0 up, or all are zero.
    """
    shares: dict[Part, float] = dict.fromkeys(PARTS, 0.0)
    for entry in text.split(","):
        name, _, value = entry.partition("=")
        part = next((known for known in PARTS if known == name.strip()), None)
        if part is None:
            raise unknown_name("part of the split", name.strip(), PARTS)
        try:
            shares[part] = float(value)
        except ValueError:
            raise InputError(
                f"The share of {part} must be a number as in 'train=0.9,val=0.07,test=0.03', "
                f"but is {value!r}."
            ) from None
    return normalise_shares(shares)


def normalise_shares(shares: Mapping[Part, float]) -> dict[Part, float]:
    """Scale shares so that they sum to one.

    Raises:
        InputError: a share is negative or not finite, or all are zero.
    """
    total = sum(shares.values())
    if any(not 0.0 <= share < float("inf") for share in shares.values()) or total <= 0.0:
        raise InputError(
            f"The shares of the split must be 0 or more and not all 0: {dict(shares)}."
        )
    return {part: shares.get(part, 0.0) / total for part in PARTS}


def split_names(names: Iterable[str], shares: Mapping[Part, float], seed: int) -> dict[str, Part]:
    """Assign names to splits with `deal_out`; adding names moves none of the others."""
    return deal_out(names, shares, seed, salt="split:")


def split_faces(
    faces: Sequence[SourceFace], shares: Mapping[Part, float], seed: int
) -> dict[str, Part]:
    """Assign every face to a split by the person in its picture, or else by the picture's name.

    Annotated splits are kept, unless no annotation names a split that has a share: then `test` is
    taken from the annotated `val` faces, if there are several, and vice versa, so that a network
    trained on the annotated `train` faces has seen neither.

    Returns:
        The split of every name in `faces`; a picture with two faces has one split.

    Raises:
        InputError: the annotation has one person in two splits.
    """
    owners = {face.name: face.person or face.name for face in reversed(faces)}
    known = [(owners[face.name], face.split) for face in faces if face.split in PARTS]
    parts = parts_of_people(known, "faces.jsonl")
    free = {owner for owner in owners.values() if owner not in parts}
    dealt: dict[str, Part] = split_names(free, shares, seed)
    named = {part: [owner for owner, own in parts.items() if own == part] for part in PARTS}
    missing = [part for part in ("val", "test") if shares.get(part, 0.0) > 0.0 and not named[part]]
    for part in PARTS:
        held_out = part != "train" and len(missing) == 1
        if held_out and len(named[part]) > 1 and shares.get(part, 0.0) > 0.0:
            both: dict[Part, float] = {"val": shares["val"], "test": shares["test"]}
            dealt |= split_names(named[part], both, seed)
        else:
            dealt |= dict.fromkeys(named[part], part)
    return {name: dealt[owner] for name, owner in owners.items()}
