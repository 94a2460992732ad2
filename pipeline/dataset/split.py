"""Which part of the data set a face belongs to: one part for a face, never two."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, get_args

from pipeline.dataset.seeds import item_fraction
from weights.errors import InputError
from weights.names import unknown_name

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pipeline.dataset.face_source import SourceFace

Part = Literal["train", "val", "test"]
PARTS: tuple[Part, ...] = get_args(Part)

DEFAULT_SHARES: Mapping[Part, float] = {"train": 0.9, "val": 0.07, "test": 0.03}


def parse_shares(text: str) -> dict[Part, float]:
    """Read shares written as "train=0.9,val=0.07,test=0.03"; what is not named gets none.

    Returns:
        The share of every part, scaled so that they sum to one.

    Raises:
        ConfigurationError: a part is unknown.
        InputError: a share is no number from 0 up, or all are zero.
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


def split_names(names: Sequence[str], shares: Mapping[Part, float], seed: int) -> dict[str, Part]:
    """Deal names out to the parts by the order of their seeded hashes.

    Every part whose share is above zero gets at least one name where there are names enough.
    """
    order = sorted(set(names), key=lambda name: (item_fraction(seed, f"split:{name}"), name))
    wanted = [part for part in PARTS if shares.get(part, 0.0) > 0.0]
    if not order or not wanted:
        return {}
    total = sum(shares[part] for part in wanted)
    counts = {part: int(len(order) * shares[part] / total) for part in wanted}
    if len(order) >= len(wanted):
        counts = {part: max(1, count) for part, count in counts.items()}
    largest = max(wanted, key=lambda part: shares[part])
    counts[largest] += len(order) - sum(counts.values())
    parts: dict[str, Part] = {}
    start = 0
    for part in wanted:
        for name in order[start : start + counts[part]]:
            parts[name] = part
        start += counts[part]
    return parts


def split_faces(
    faces: Sequence[SourceFace], shares: Mapping[Part, float], seed: int
) -> dict[str, Part]:
    """Give every face its part, by the name of its picture.

    A split that the annotation names is kept. Annotated faces are only moved when a part with a
    share is named by no annotation: `test`, then, is taken from the annotated `val` faces and the
    other way round, so that a network trained on the annotated `train` faces has seen neither.

    Returns:
        The part of every name in `faces`; a picture with two faces has one part.
    """
    named: dict[Part, list[str]] = {part: [] for part in PARTS}
    free: list[str] = []
    for face in faces:
        part = next((known for known in PARTS if known == face.split), None)
        (free if part is None else named[part]).append(face.name)
    parts: dict[str, Part] = split_names(free, shares, seed)
    missing = [part for part in ("val", "test") if shares.get(part, 0.0) > 0.0 and not named[part]]
    for part in PARTS:
        held_out = part != "train" and len(missing) == 1
        if held_out and named[part] and shares.get(part, 0.0) > 0.0:
            both: dict[Part, float] = {"val": shares["val"], "test": shares["test"]}
            parts.update(split_names(named[part], both, seed))
        else:
            parts.update(dict.fromkeys(named[part], part))
    return parts
