"""Key of a study: which model made which picture, hidden until the answers are in."""

from __future__ import annotations

import base64
import binascii
import json
import os
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from weights.base.atomic import write_whole
from weights.base.errors import ConfigurationError, InputError
from weights.base.json_text import parse_json, read_json
from weights.base.settings import settings_from_mapping

REAL = "real photos"
"""The name of the true photos among the models."""

_FORMAT = "unmask-study-key"
_LARGEST = 64 * 2**20


@dataclass(frozen=True)
class StudyKey:
    """Which model made which picture of a study.

    Attributes:
        study: identity of the study.
        models: names, `REAL` among them.
        pictures: model name and face name by picture identity.
    """

    study: str
    models: tuple[str, ...]
    pictures: Mapping[str, tuple[str, str]]

    def to_mapping(self) -> dict[str, Any]:
        """The key as plain JSON values."""
        return {
            "format": _FORMAT,
            "study": self.study,
            "models": list(self.models),
            "pictures": {name: list(what) for name, what in self.pictures.items()},
        }

    def sealed(self) -> str:
        """The key as unreadable text; obfuscation, not protection."""
        return base64.b64encode(zlib.compress(json.dumps(self.to_mapping()).encode(), 9)).decode()


def key_from_mapping(content: Any, where: str) -> StudyKey:
    """Validate a key.

    Args:
        content: JSON values.
        where: its name in messages.

    Raises:
        InputError: it is not a key of a study.
    """
    malformed = InputError(f"{where} is not a study key written by `unmask study make`.")
    if not isinstance(content, dict) or content.get("format") != _FORMAT:
        raise malformed
    named = {name: content.get(name) for name in ("study", "models", "pictures")}
    try:
        key = settings_from_mapping(StudyKey, named, where)
    except ConfigurationError as error:
        raise malformed from error
    if not {model for model, _ in key.pictures.values()} <= set(key.models):
        raise malformed
    return key


def unseal_key(text: str, where: str) -> StudyKey:
    """Read what `StudyKey.sealed` wrote.

    Raises:
        InputError: it is damaged.
    """
    try:
        unpacking = zlib.decompressobj()
        content = unpacking.decompress(base64.b64decode(text, validate=True), _LARGEST)
        return key_from_mapping(parse_json(content, where), where)
    except (binascii.Error, zlib.error, ValueError) as error:
        raise InputError(f"{where} holds a damaged key of the study.") from error


def write_key(key: StudyKey, path: str | os.PathLike[str], *, overwrite: bool = False) -> None:
    """Write a key as a JSON file.

    Raises:
        OutputError: the file exists or cannot be written.
    """
    write_whole(path, json.dumps(key.to_mapping(), indent=1) + "\n", overwrite=overwrite)


def read_key(path: str | os.PathLike[str]) -> StudyKey:
    """Read a key from a JSON file.

    Raises:
        InputError: the file cannot be read or is not a key.
    """
    return key_from_mapping(read_json(path), str(path))
