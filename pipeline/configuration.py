"""Reading a pipeline's description from YAML."""

from __future__ import annotations

import functools
import inspect
import os
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from weights.dotted_paths import refuse_working_directory
from weights.errors import ConfigurationError
from weights.names import unknown_name
from weights.yaml_text import read_yaml_file

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping


@functools.cache
def configuration_defaults() -> Mapping[str, Any]:
    """The keys that a pipeline's YAML may have, and what each is where it is left out."""
    from pipeline.core import Pipeline

    parameters = inspect.signature(Pipeline).parameters
    return MappingProxyType({name: one.default for name, one in parameters.items()})


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
        ConfigurationError: the file cannot be read, is no YAML mapping, has an unknown key, or
            names code in the working directory.
    """
    content = read_yaml_file(path)
    if content is None:
        return {}
    if not isinstance(content, dict):
        raise ConfigurationError(
            f"{os.fspath(path)} must hold a mapping of arguments, "
            f"but holds a {type(content).__name__}."
        )
    check_keys(f"key of the pipeline in {os.fspath(path)}", content, configuration_defaults())
    refuse_working_directory(content, os.fspath(path))
    return content
