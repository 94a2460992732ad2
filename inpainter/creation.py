"""Making an object from what a recipe says: a name, or a dict of a name and options."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any

from weights.errors import ConfigurationError
from weights.names import import_object, unknown_name


def create_named(kind: str, table: Mapping[str, str], spec: str | Mapping[str, Any]) -> Any:
    """Make the object that a recipe names.

    Args:
        kind: what is made, in the singular, for the errors.
        table: short names and the dotted paths "package.module:Class" that they stand for.
        spec: a short name; a dotted path of one's own class; or a dict {name: one of these, and
            the class's options beside it}.

    Raises:
        ConfigurationError: the name or an option is unknown (the nearest one is named), or the
            options do not fit the class.
    """
    if isinstance(spec, str):
        name, options = spec, {}
    elif isinstance(spec, Mapping):
        options = dict(spec)
        name = options.pop("name", None)
        if not isinstance(name, str):
            raise ConfigurationError(
                f"A {kind} needs a 'name' beside its options, but got {dict(spec)!r}."
            )
    else:
        raise ConfigurationError(
            f"A {kind} is given by a name or by a dict with a 'name', "
            f"but got {type(spec).__name__}."
        )
    if ":" not in name and name not in table:
        raise unknown_name(kind, name, table)
    made = import_object(table.get(name, name))
    if not callable(made):
        raise ConfigurationError(f"{name!r} is no class or function that makes a {kind}.")
    parameters = inspect.signature(made).parameters
    open_ended = any(one.kind is inspect.Parameter.VAR_KEYWORD for one in parameters.values())
    for option in options:
        if option not in parameters and not open_ended:
            raise unknown_name(f"option of the {kind} {name!r}:", str(option), parameters)
    try:
        return made(**options)
    except TypeError as error:
        raise ConfigurationError(f"Cannot make the {kind} {name!r}: {error}.") from error
