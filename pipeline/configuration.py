"""Reading a pipeline's description from YAML."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from pipeline.stages.configured import check_keys
from weights.base.dotted_paths import refuse_working_directory
from weights.base.errors import ConfigurationError
from weights.base.yaml_text import read_yaml_file

WEIGHT_SUFFIXES = (".safetensors", ".onnx")
"""Suffixes of the weight files that stages load."""


def read_configuration(path: str | os.PathLike[str]) -> dict[str, Any]:
    """Read the arguments of a `Pipeline` from a YAML file.

    The file is a mapping such as `{inpainter: {name: gated, weights: mine.safetensors}, device:
    cpu}`; keys that are left out keep their defaults, and an empty file describes the default.
    Relative paths of weight files are resolved against the file's own folder.

    Raises:
        ConfigurationError: the file cannot be read, is not a YAML mapping, has an unknown key, or
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
    """An option's value; the path of a weight file is resolved against a folder."""
    if isinstance(value, str) and value.lower().endswith(WEIGHT_SUFFIXES):
        return str(folder / Path(value).expanduser())
    return value
