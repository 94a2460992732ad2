"""Parsing YAML from a file or an option, with every fault reported in one sentence."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from weights.base.errors import ConfigurationError

_MOST_BYTES = 1 << 20
_MOST_VALUES = 20_000
_DEEPEST = 32
_LARGEST_INTEGER = 2**63


def parse_yaml(text: str, where: str) -> Any:
    """Read one YAML document of plain values; tags for other types are refused.

    Args:
        text: the YAML.
        where: what is being read, for the error message, such as "recipe.yaml".

    Raises:
        ConfigurationError: it is not YAML, a value is invalid, such as the date 2024-13-45, it is
            larger (with aliases expanded) or deeper than any configuration, or it contains an
            integer of more than 64 bits.
    """
    if len(text) > _MOST_BYTES:
        raise ConfigurationError(f"{where} is too large: at most 1 MiB of YAML is read.")
    try:
        content = _content(text, where)
    except (ConfigurationError, MemoryError):
        raise
    except RecursionError as error:
        raise ConfigurationError(f"{where} is nested too deeply.") from error
    # Apart from its own error the library passes on whatever int(), datetime() and its tables
    # raise.
    except Exception as error:
        reason = " ".join(str(error).split()) or type(error).__name__
        raise ConfigurationError(f"{where} is not valid YAML ({reason}).") from error
    _check_extent(content, where)
    return content


def read_yaml_file(path: str | os.PathLike[str]) -> Any:
    """Read a file containing one YAML document.

    Raises:
        ConfigurationError: the file is missing, or as for `parse_yaml`.
    """
    name = os.fspath(path)
    try:
        if Path(name).stat().st_size > _MOST_BYTES:
            raise ConfigurationError(f"{name} is too large: at most 1 MiB of YAML is read.")
        text = Path(name).read_text(encoding="utf-8-sig")
    except OSError as error:
        raise ConfigurationError(f"Cannot read {name}: {error.strerror or error}.") from error
    except ValueError as error:
        raise ConfigurationError(f"Cannot read {name}: it is not UTF-8 text.") from error
    return parse_yaml(text, name)


def _content(text: str, where: str) -> Any:
    """The values; oversized documents are refused before these are built."""
    import yaml

    # PyYAML is rarely built without its C parser, which is ten times faster.
    kind: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    _check_events(yaml.parse(text, Loader=kind), where)
    loader = kind(text)
    try:
        node = loader.get_single_node()
        if node is None:
            return None
        _check_extent(node, where)
        return loader.construct_document(node)
    finally:
        loader.dispose()


def _check_events(events: Iterator[Any], where: str) -> None:
    """Refuse oversized text during parsing, before the C parser recurses into nesting."""
    import yaml

    depth = values = 0
    for event in events:
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1
        values += isinstance(event, yaml.NodeEvent)
        _check(values, depth, where)


def _check_extent(content: Any, where: str) -> None:
    """Refuse oversized content; aliases are followed, so that they cannot hide it.

    Args:
        content: values, or the nodes from which values will be built.
        where: for the error message.
    """
    stack: list[tuple[Any, int]] = [(content, 0)]
    values = 0
    while stack:
        value, depth = stack.pop()
        values += 1
        _check(values, depth, where)
        if isinstance(value, int) and abs(value) >= _LARGEST_INTEGER:
            raise ConfigurationError(f"{where} holds a number that is too large.")
        stack += [(inner, depth + 1) for inner in _inner(value)]


def _check(values: int, depth: int, where: str) -> None:
    if values > _MOST_VALUES:
        raise ConfigurationError(
            f"{where} holds more than {_MOST_VALUES} values, aliases written out."
        )
    if depth > _DEEPEST:
        raise ConfigurationError(f"{where} is nested too deeply, or holds itself.")


def _inner(value: Any) -> Iterator[Any]:
    import yaml

    if isinstance(value, yaml.MappingNode):
        for pair in value.value:
            yield from pair
    elif isinstance(value, yaml.SequenceNode):
        yield from value.value
    elif isinstance(value, Mapping):
        yield from value
        yield from value.values()
    elif isinstance(value, list | tuple | set):
        yield from value
