"""Typed settings from YAML: a frozen dataclass is the schema, an unknown key an error."""

from __future__ import annotations

import dataclasses
import types
import typing
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, TypeVar

from weights.base.errors import ConfigurationError
from weights.base.names import unknown_name
from weights.base.yaml_text import read_yaml_file

_Settings = TypeVar("_Settings")


def read_yaml(path: str | Path) -> dict[str, Any]:
    """Read a YAML file that holds one mapping.

    Raises:
        ConfigurationError: the file is missing, not YAML, or contains something else.
    """
    content = read_yaml_file(path)
    if not isinstance(content, Mapping):
        raise ConfigurationError(
            f"{path} must hold keys and values, but holds {type(content).__name__}."
        )
    return dict(content)


def settings_from_mapping(cls: type[_Settings], mapping: Any, where: str) -> _Settings:
    """Build a dataclass of settings from nested mappings.

    Annotations may be bool, int, float, str, Path, Any, unions with None, tuples of these, dicts,
    and other dataclasses. Ints are accepted for floats; lists become tuples.

    Args:
        cls: the dataclass.
        mapping: keys and values as parsed from YAML.
        where: what is being read, for the error message, such as "recipe.yaml".

    Raises:
        ConfigurationError: a key is unknown (the message suggests the nearest) or missing, or a
            value has the wrong type.
    """
    _require_mapping(mapping, where)
    fields = {field.name: field for field in dataclasses.fields(cls)}  # type: ignore[arg-type]
    hints = typing.get_type_hints(cls)
    values: dict[str, Any] = {}
    for key, value in mapping.items():
        if key not in fields:
            raise unknown_name(f"key in {where}", str(key), fields)
        values[key] = _converted(hints[key], value, f"{where}: {key}")
    for name, field in fields.items():
        defaults = (field.default, field.default_factory)
        if name not in values and all(one is dataclasses.MISSING for one in defaults):
            raise ConfigurationError(f"{where} lacks the key {name!r}.")
    return cls(**values)


def _require_mapping(value: Any, where: str) -> None:
    if not isinstance(value, Mapping):
        raise ConfigurationError(f"{where} must hold keys and values, but is {value!r}.")


def _converted(annotation: Any, value: Any, where: str) -> Any:
    if annotation is Any:
        return value
    origin, arguments = typing.get_origin(annotation), typing.get_args(annotation)
    if origin in (typing.Union, types.UnionType):
        if value is None and type(None) in arguments:
            return None
        problems = []
        for choice in arguments:
            if choice is not type(None):
                try:
                    return _converted(choice, value, where)
                except ConfigurationError as error:
                    problems.append(error)
        raise problems[0]
    if origin is typing.Literal:
        if value not in arguments:
            raise unknown_name(f"value of {where}", str(value), map(str, arguments))
        return value
    if origin is tuple:
        if not isinstance(value, Sequence) or isinstance(value, str):
            raise ConfigurationError(f"{where} must be a list, but is {value!r}.")
        inner = arguments[:1] * len(value) if arguments[1:] == (Ellipsis,) else arguments
        if len(inner) != len(value):
            raise ConfigurationError(
                f"{where} must have {len(inner)} values, but is {list(value)!r}."
            )
        return tuple(
            _converted(one, item, f"{where}[{index}]")
            for index, (one, item) in enumerate(zip(inner, value, strict=True))
        )
    if origin in (dict, Mapping) or annotation is dict:
        _require_mapping(value, where)
        inner_type = arguments[1] if len(arguments) == 2 else Any
        return {
            str(key): _converted(inner_type, item, f"{where}.{key}") for key, item in value.items()
        }
    if dataclasses.is_dataclass(annotation) and isinstance(annotation, type):
        return settings_from_mapping(annotation, value, where)
    if annotation is float and isinstance(value, int | str) and not isinstance(value, bool):
        # YAML 1.1 reads "1e-4" as a string.
        with suppress(ValueError):
            return float(value)
    if annotation is Path and isinstance(value, str):
        return Path(value)
    if not isinstance(value, annotation) or (annotation is int and isinstance(value, bool)):
        raise ConfigurationError(
            f"{where} must be of type {getattr(annotation, '__name__', annotation)}, "
            f"but is {value!r}."
        )
    return value
