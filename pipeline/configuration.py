"""Reading a pipeline's description from YAML."""

from __future__ import annotations

import functools
import inspect
import os
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from pipeline.stages.registry import has_option
from weights.base.dotted_paths import refuse_working_directory
from weights.base.errors import ConfigurationError
from weights.base.names import unknown_name
from weights.base.protocols import STAGE_KINDS
from weights.base.yaml_text import read_yaml_file

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping


WEIGHT_SUFFIXES = (".safetensors", ".onnx")
"""How the names of files end that stages load."""


@functools.cache
def configuration_defaults() -> Mapping[str, Any]:
    """The keys that a pipeline's YAML may have, and what each is where it is left out."""
    from pipeline.core import Pipeline

    parameters = inspect.signature(Pipeline).parameters.values()
    return MappingProxyType(
        {one.name: one.default for one in parameters if one.kind is not one.VAR_KEYWORD}
    )


def check_keys(kind: str, arguments: Mapping[str, Any], further: Iterable[str] = ()) -> None:
    """Refuse arguments that a pipeline does not have.

    Args:
        kind: what they are, in the singular.
        arguments: by name, those that are known too.
        further: names that are known besides the pipeline's own.

    Raises:
        ConfigurationError: one is unknown; the sentence says which stage has an option of that
            name, or names the nearest and lists all.
    """
    defaults = configuration_defaults()
    known = [*further, *defaults]
    for key, value in arguments.items():
        if key in known:
            continue
        key = str(key)
        for stage in STAGE_KINDS:
            given = arguments.get(stage, defaults[stage])
            if isinstance(given, str | dict) and has_option(stage, given, key):
                written = {**({"name": given} if isinstance(given, str) else given), key: value}
                raise ConfigurationError(
                    f"Unknown {kind} {key!r}: it is an option of the {stage}, so write "
                    f"{stage}={written!r}."
                )
        raise unknown_name(kind, key, known)


def read_configuration(path: str | os.PathLike[str]) -> dict[str, Any]:
    """Read the arguments of a `Pipeline` from a YAML file.

    The file is a mapping such as `{inpainter: {name: gated, weights: mine.safetensors}, device:
    cpu}`; keys that are left out keep their defaults, and an empty file describes the default.
    Weight files that it names by a relative path are looked for from the file's own folder.

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
    check_keys(f"key of the pipeline in {os.fspath(path)}", content)
    refuse_working_directory(content, os.fspath(path))
    folder = Path(path).absolute().parent
    return {
        key: {name: _from_folder(value, folder) for name, value in stage.items()}
        if isinstance(stage, dict)
        else stage
        for key, stage in content.items()
    }


def _from_folder(value: Any, folder: Path) -> Any:
    """An option's value; a weight file as seen from a folder."""
    if isinstance(value, str) and value.lower().endswith(WEIGHT_SUFFIXES):
        return str(folder / Path(value).expanduser())
    return value
