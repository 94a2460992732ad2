"""Assigning names to parts such as train and val, stable when further names are added."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any, Literal, TypeVar, get_args

from weights.base.errors import InputError
from weights.base.names import unknown_name

Part = Literal["train", "val", "test"]
PARTS: tuple[Part, ...] = get_args(Part)

_Part = TypeVar("_Part", bound=str)


def read_part(name: Any) -> Part | None:
    """The part that an annotation names, or None if it names none.

    Raises:
        ConfigurationError: there is no such part; the message suggests the nearest.
    """
    if name in (None, ""):
        return None
    part = next((known for known in PARTS if known == name), None)
    if part is None:
        raise unknown_name("split", str(name), PARTS)
    return part


def name_digest(seed: int, name: str) -> bytes:
    """16 pseudo-random bytes, fixed for a seed and a name."""
    return hashlib.blake2b(f"{seed}\x00{name}".encode(), digest_size=16).digest()


def name_fraction(seed: int, name: str) -> float:
    """Map a name to a number in [0, 1), uniform over names and fixed for a seed."""
    return int.from_bytes(name_digest(seed, name)[:8], "little") / 2.0**64


def deal_out(
    names: Iterable[str], shares: Mapping[_Part, float], seed: int, salt: str = ""
) -> dict[str, _Part]:
    """Assign each name to a part by its own hash, independently of the other names.

    Only a part that would stay empty takes the lowest name of the largest part, so that small sets
    have every part if there are enough names.

    Args:
        names: the names to assign.
        shares: relative sizes of the parts; those of 0 get nothing.
        seed: of the hashes.
        salt: prefix of the names in the hash.
    """
    order = sorted({(name_fraction(seed, f"{salt}{name}"), name) for name in names})
    wanted = {part: share for part, share in shares.items() if share > 0.0}
    if not wanted:
        return {}
    total = sum(wanted.values())
    parts: dict[str, _Part] = {}
    for number, name in order:
        left = number * total
        for part, share in wanted.items():
            parts[name] = part
            left -= share
            if left < 0.0:
                break
    for empty in [part for part in wanted if part not in parts.values()]:
        counts = Counter(parts.values())
        if not counts or max(counts.values()) < 2:
            break
        largest = max(counts, key=counts.__getitem__)
        parts[next(name for _, name in order if parts[name] == largest)] = empty
    return parts


def person_of(labels: Mapping[str, Any]) -> str | None:
    """The person in a picture: the entry `person`, or else `group`, of its annotation."""
    found = labels.get("person", labels.get("group"))
    return None if found is None else str(found)


def parts_of_people(named: Iterable[tuple[str, _Part]], where: str) -> dict[str, _Part]:
    """The part of each person.

    Args:
        named: persons, each with the part that an annotation names for a picture of them.
        where: what names them, for the error message.

    Raises:
        InputError: pictures of one person are in two parts.
    """
    parts: dict[str, _Part] = {}
    for person, part in named:
        if parts.setdefault(person, part) != part:
            raise InputError(
                f"{where} has pictures of {person!r} in the parts {parts[person]!r} and {part!r}: "
                "a person belongs to one part."
            )
    return parts
