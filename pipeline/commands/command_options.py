"""Command options described by docstrings, and grouped in dataclasses."""

from __future__ import annotations

import copy
import functools
import inspect
import re
from collections.abc import Callable
from dataclasses import MISSING, fields, is_dataclass
from typing import Annotated, Any, get_args, get_origin, get_type_hints

import typer
from typer.models import ParameterInfo


def command_options(command: Callable[..., None]) -> Callable[..., None]:
    """Let typer take a command's options from its signature and its docstring.

    An option's help comes from the docstring's "Args" section, unless its annotation has one. A
    flag has no `--no-` form unless its annotation names one, and a default of None is not shown.

    A parameter whose type is a dataclass becomes an option or argument for each field, with the
    field's annotation and default and the help from the "Attributes" section, under the heading
    `panel` of the class, if it has one.
    """
    groups: dict[str, type] = {}
    options: dict[str, inspect.Parameter] = {}
    hints = get_type_hints(command, include_extras=True)
    text, helps = _described(command.__doc__)
    for name, parameter in inspect.signature(command).parameters.items():
        if is_dataclass(hints[name]):
            group = groups[name] = hints[name]
            options |= _options_of_group(group)
        else:
            options[name] = _option(name, hints[name], parameter.default, helps.get(name))

    @functools.wraps(command)
    def flat(**values: Any) -> None:
        for name, group in groups.items():
            values[name] = group(**{field.name: values.pop(field.name) for field in fields(group)})
        command(**values)

    flat.__doc__ = text
    flat.__signature__ = inspect.Signature(list(options.values()))  # type: ignore[attr-defined]  # read by inspect
    flat.__annotations__ = {name: option.annotation for name, option in options.items()}
    return flat


def _options_of_group(group: type) -> dict[str, inspect.Parameter]:
    hints = get_type_hints(group, include_extras=True)
    _, helps = _described(group.__doc__)
    return {
        field.name: _option(
            field.name,
            hints[field.name],
            inspect.Parameter.empty if field.default is MISSING else field.default,
            helps.get(field.name),
            getattr(group, "panel", None),
        )
        for field in fields(group)
    }


def _described(docstring: str | None) -> tuple[str, dict[str, str]]:
    """A docstring's text before its parameters or attributes, and their descriptions by name."""
    documentation = inspect.cleandoc(docstring or "")
    text, *lists = re.split(r"^(?:Args|Attributes):\n", documentation, maxsplit=1, flags=re.M)
    _, *entries = re.split(r"^    (\w+): ", "".join(lists), flags=re.M)
    pairs = zip(entries[::2], entries[1::2], strict=True)
    helps = {name: " ".join(words.split()) for name, words in pairs}
    return text.strip(), helps


def _option(
    name: str, annotation: Any, default: Any, text: str | None, panel: str | None = None
) -> inspect.Parameter:
    """Make a parameter as typer reads it."""
    kind, *metadata = get_args(annotation) if get_origin(annotation) is Annotated else [annotation]
    given = next((copy.copy(one) for one in metadata if isinstance(one, ParameterInfo)), None)
    if given is None and default is inspect.Parameter.empty:
        given = typer.Argument()
    elif given is None:
        given = typer.Option(f"--{name.replace('_', '-')}") if kind is bool else typer.Option()
    given.help = given.help or text
    given.rich_help_panel = given.rich_help_panel or panel
    if default in (None, inspect.Parameter.empty) and given.show_default is True:
        given.show_default = False
    return inspect.Parameter(
        name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=Annotated[kind, given]
    )
