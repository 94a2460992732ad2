"""Reading a pipeline's description from YAML."""

from __future__ import annotations

import inspect
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from weights.errors import ConfigurationError, InputError
from weights.names import unknown_name

if TYPE_CHECKING:
    from collections.abc import Iterable


def configuration_keys() -> list[str]:
    """The keys that a pipeline's YAML may have: the constructor's arguments."""
    from pipeline.core import Pipeline

    return [name for name in inspect.signature(Pipeline.__init__).parameters if name != "self"]


def check_keys(kind: str, keys: Iterable[Any], known: Iterable[str]) -> None:
    """Refuse keys that are not known.

    Raises:
        ConfigurationError: a key is unknown; the sentence names the nearest and lists all.
    """
    known = list(known)
    for key in keys:
        if key not in known:
            raise unknown_name(kind, str(key), known)


def read_configuration(path: str | os.PathLike[str]) -> dict[str, Any]:
    """Read the arguments of a `Pipeline` from a YAML file.

    The file is a mapping such as `{inpainter: {name: gated, weights: mine.safetensors}, device:
    cpu}`; keys that are left out keep their defaults, and an empty file describes the default.

    Raises:
        InputError: the file cannot be read.
        ConfigurationError: it is no YAML mapping, or has an unknown key.
    """
    import yaml

    try:
        text = Path(path).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else error
        raise InputError(f"Cannot read the configuration {os.fspath(path)}: {reason}.") from error
    try:
        content = yaml.safe_load(text)
    except yaml.YAMLError as error:
        first = " ".join(str(error).split())
        raise ConfigurationError(f"{os.fspath(path)} is no valid YAML: {first}.") from error
    if content is None:
        return {}
    if not isinstance(content, dict):
        raise ConfigurationError(
            f"{os.fspath(path)} must hold a mapping of arguments, "
            f"but holds a {type(content).__name__}."
        )
    check_keys(f"key of the pipeline in {os.fspath(path)}", content, configuration_keys())
    return content
