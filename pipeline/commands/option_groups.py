"""Options of commands in groups: a dataclass for those that belong together."""

from __future__ import annotations

import functools
import inspect
from dataclasses import MISSING, fields, is_dataclass
from typing import TYPE_CHECKING, Any, get_type_hints

if TYPE_CHECKING:
    from collections.abc import Callable


def grouped_options(command: Callable[..., None]) -> Callable[..., None]:
    """Let a command of typer take options in groups.

    In place of a parameter whose type is a dataclass, the command line has an option or argument
    for each of its fields, with the field's annotation and default.
    """
    groups: dict[str, type] = {}
    options: dict[str, inspect.Parameter] = {}
    hints = get_type_hints(command, include_extras=True)
    for name, parameter in inspect.signature(command).parameters.items():
        own = {name: (hints[name], parameter.default)}
        if is_dataclass(hints[name]):
            group = groups[name] = hints[name]
            annotations = get_type_hints(group, include_extras=True)
            own = {
                field.name: (
                    annotations[field.name],
                    inspect.Parameter.empty if field.default is MISSING else field.default,
                )
                for field in fields(group)
            }
        for option, (annotation, default) in own.items():
            options[option] = inspect.Parameter(
                option, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=annotation
            )

    @functools.wraps(command)
    def flat(**values: Any) -> None:
        for name, group in groups.items():
            values[name] = group(**{field.name: values.pop(field.name) for field in fields(group)})
        command(**values)

    flat.__signature__ = inspect.Signature(list(options.values()))  # type: ignore[attr-defined]  # read by inspect
    flat.__annotations__ = {name: option.annotation for name, option in options.items()}
    return flat
