"""Names given by users: suggesting the nearest known one, and importing dotted paths."""

from __future__ import annotations

import difflib
import importlib
from collections.abc import Iterable
from typing import Any

from weights.base.errors import ConfigurationError


def unknown_name(kind: str, name: str, known: Iterable[str]) -> ConfigurationError:
    """Make the error for an unknown name: it suggests the nearest known one and lists all.

    Args:
        kind: what is being named, in the singular, such as "inpainter" or "key of the recipe".
        name: the name as the user wrote it.
        known: all valid names.
    """
    choices = sorted(known)
    nearest = difflib.get_close_matches(name, choices, n=1, cutoff=0.5)
    hint = f" Did you mean {nearest[0]!r}?" if nearest else ""
    listing = ", ".join(choices) if choices else "none"
    return ConfigurationError(f"Unknown {kind} {name!r}.{hint} Known: {listing}.")


def import_object(dotted_path: str) -> Any:
    """Import what "package.module:Name" names.

    Raises:
        ConfigurationError: the path is malformed, or the module or the name does not exist.
    """
    module_name, separator, attribute = dotted_path.partition(":")
    if not separator or not attribute or not all(module_name.split(".")):
        raise ConfigurationError(
            f"Cannot import {dotted_path!r}: write it as 'package.module:Name'."
        )
    try:
        module = importlib.import_module(module_name)
    except ModuleNotFoundError as error:
        if error.name is not None and (
            module_name == error.name or module_name.startswith(error.name + ".")
        ):
            raise ConfigurationError(
                f"Cannot import {dotted_path!r}: there is no module {error.name!r}."
            ) from error
        raise
    try:
        return getattr(module, attribute)
    except AttributeError as error:
        raise ConfigurationError(
            f"Cannot import {dotted_path!r}: {module_name!r} has no {attribute!r}."
        ) from error
