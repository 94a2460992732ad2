"""Settings that determine a data set's content, stored in it so that a resumed run keeps them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from pipeline.dataset.split import DEFAULT_SHARES, normalise_shares
from weights.base.atomic import write_whole
from weights.base.dealing import Part
from weights.base.errors import ConfigurationError, InputError

PictureFormat = Literal["jpeg", "png"]

LANDMARKS_FILE = "landmarks.jsonl"
"""File in a data set with the landmarks found in pictures without annotation."""

_FORMAT_VERSION = 1
"""Incremented when the builder makes different pictures from the same settings."""


@dataclass(frozen=True)
class DatasetSettings:
    """Settings of a data set.

    Attributes:
        seed: seeds all random choices.
        pairs: masks drawn on each face for the inpainter's pairs; 0 makes none.
        scenes: composite pictures for the detector; 0 makes none.
        size: side of the pairs' pictures, 64 to 1024, cropped as the completion network sees them;
            None keeps whole pictures at their own sizes.
        scene_size: longer side of the scenes, 64 to 4096.
        shares: fraction of the faces, and of the scenes, in each split.
        maskless: fraction of the scenes in which nobody wears a mask, 0 to 1.
        templates: folder with photos of masks; None draws all masks.
        negatives: folder with pictures without masks, shown in scenes.
        refiner: name of the refiner that makes the holes.
        picture_format: how the pairs' pictures are stored, "jpeg" or "png".

    Raises:
        InputError: a value is out of its range.
    """

    seed: int = 0
    pairs: int = 1
    scenes: int = 2000
    size: int | None = None
    scene_size: int = 640
    shares: Mapping[Part, float] = field(default_factory=lambda: dict(DEFAULT_SHARES))
    maskless: float = 0.2
    templates: Path | None = None
    negatives: Path | None = None
    refiner: str = "morphology"
    picture_format: PictureFormat = "jpeg"

    def __post_init__(self) -> None:
        for name, count in (("pairs", self.pairs), ("scenes", self.scenes)):
            if count < 0:
                raise InputError(f"{name} must be 0 or more, but is {count}.")
        for name, side, most in (("size", self.size, 1024), ("scene_size", self.scene_size, 4096)):
            if side is not None and not 64 <= side <= most:
                raise InputError(f"{name} must be from 64 to {most} pixels, but is {side}.")
        if not 0.0 <= self.maskless <= 1.0:
            raise InputError(f"maskless must be from 0 to 1, but is {self.maskless}.")
        if self.picture_format not in ("jpeg", "png"):
            raise InputError(f"picture_format must be jpeg or png, but is {self.picture_format!r}.")
        object.__setattr__(self, "shares", normalise_shares(self.shares))

    def to_mapping(self, faces: Iterable[str], negatives: Iterable[str]) -> dict[str, Any]:
        """Everything that an item's content depends on, as JSON values.

        `pairs` and `scenes` are left out: a set may be enlarged later.

        Args:
            faces: a text for each face that changes when file name or landmarks do.
            negatives: names of the pictures without masks.
        """
        return {
            "format": _FORMAT_VERSION,
            "seed": self.seed,
            "size": self.size,
            "scene_size": self.scene_size,
            "shares": {part: round(share, 6) for part, share in self.shares.items()},
            "maskless": self.maskless,
            "templates": None if self.templates is None else self.templates.name,
            "negatives": None if self.negatives is None else self.negatives.name,
            "negatives_digest": _digest(negatives),
            "refiner": self.refiner,
            "picture_format": self.picture_format,
            "faces_digest": _digest(faces),
        }


def _digest(texts: Iterable[str]) -> str:
    summary = hashlib.blake2b(digest_size=16)
    for text in texts:
        summary.update(text.encode() + b"\x00")
    return summary.hexdigest()


def claim_folder(out: Path, mapping: Mapping[str, Any]) -> None:
    """Write the settings into a new data set, or check that an existing one has the same.

    Raises:
        ConfigurationError: the folder holds a data set of other settings; the message names them.
        InputError: the folder holds other files.
    """
    path = out / "settings.json"
    if not path.exists():
        if out.exists() and (
            not out.is_dir() or any(entry.name != LANDMARKS_FILE for entry in out.iterdir())
        ):
            raise InputError(
                f"{out} is not empty and holds no data set of this program: name a new folder."
            )
        write_whole(path, json.dumps(mapping, indent=2) + "\n")
        return
    existing = None
    with suppress(OSError, ValueError, RecursionError):
        existing = json.loads(path.read_text(encoding="utf-8"))
    if not isinstance(existing, dict):
        raise InputError(f"{path} cannot be read as the settings of a data set.")
    keys = sorted(key for key in {*existing, *mapping} if existing.get(key) != mapping.get(key))
    if keys:
        changes = "; ".join(
            f"{key} was {existing.get(key)!r} and is now {mapping.get(key)!r}" for key in keys
        )
        raise ConfigurationError(
            f"{out} was started with other settings ({changes}): use those, or name a new folder."
        )
