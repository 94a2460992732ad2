"""Creating objects from recipes: by a name, or by a dict of a name and options."""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from weights.base.dotted_paths import import_component
from weights.base.errors import ConfigurationError
from weights.base.names import import_object, unknown_name
from weights.base.option_values import check_option

_ONLY_SHORT_NAMES: ContextVar[bool] = ContextVar("only_short_names", default=False)


@contextmanager
def short_names_only() -> Iterator[None]:
    """Allow only short names, no dotted paths: for options from untrusted weights."""
    token = _ONLY_SHORT_NAMES.set(True)
    try:
        yield
    finally:
        _ONLY_SHORT_NAMES.reset(token)


def create_named(
    kind: str, table: Mapping[str, str], spec: str | Mapping[str, Any], calls: int = 2
) -> Any:
    """Create the object that a recipe names.

    Args:
        kind: what is created, in the singular, for error messages.
        table: short names and their dotted paths "package.module:Class".
        spec: a short name; a dotted path of your own class; or a dict with one of these as `name`
            and the class's options.
        calls: number of arguments with which instances are called.

    Raises:
        ConfigurationError: the name or an option is unknown (the message suggests the nearest one),
            a dotted path does not lead to a suitable class, or the options do not fit the class.
    """
    if isinstance(spec, str):
        name, options = spec, {}
    elif isinstance(spec, Mapping):
        options = dict(spec)
        name = options.pop("name", None)
        if not isinstance(name, str):
            raise ConfigurationError(
                f"A {kind} needs a 'name' in addition to its options, but got {dict(spec)!r}."
            )
    else:
        raise ConfigurationError(
            f"A {kind} is given by a name or by a dict with a 'name', "
            f"but got {type(spec).__name__}."
        )
    if name not in table and (":" not in name or _ONLY_SHORT_NAMES.get()):
        raise unknown_name(kind, name, table)
    if name in table:
        made = import_object(table[name])
    else:
        made = import_component(kind, name)
        if not _makes_called_with(made, calls):
            raise ConfigurationError(
                f"{name!r} is not a {kind}: it must be a class whose instances are called with "
                f"{calls} arguments."
            )
    parameters = inspect.signature(made).parameters
    open_ended = any(one.kind is inspect.Parameter.VAR_KEYWORD for one in parameters.values())
    for option in options:
        if option not in parameters and not open_ended:
            raise unknown_name(f"option of the {kind} {name!r}:", str(option), parameters)
        if option in parameters:
            check_option(f"{kind} {name!r}", option, options[option], parameters[option])
    try:
        return made(**options)
    except TypeError as error:
        raise ConfigurationError(f"Cannot create the {kind} {name!r}: {error}.") from error


def _makes_called_with(made: Any, count: int) -> bool:
    """Whether something is a class whose instances take this many positional arguments."""
    if not isinstance(made, type) or "__call__" not in dir(made):
        return False
    # Calling a torch module calls its `forward`.
    call = getattr(made, "forward", None) or made.__call__
    try:
        inspect.signature(call).bind(None, *[None] * count)
    except (TypeError, ValueError):
        return False
    return True
