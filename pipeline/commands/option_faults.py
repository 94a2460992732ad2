"""Error messages for option values, saying what would be right."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from weights.base.errors import InputError

if TYPE_CHECKING:
    import typer

_LIMITS = {
    "greater_than_equal": ("ge", "{} or more"),
    "less_than_equal": ("le", "{} or less"),
    "greater_than": ("gt", "above {}"),
    "less_than": ("lt", "below {}"),
}
_KINDS = {"int": "a whole number", "float": "a number", "bool": "yes or no"}


def option_fault(error: typer.BadParameter) -> InputError | None:
    """Put a refusal into a sentence; None where Typer's own message already says what is right.

    Since 0.29 Typer has Pydantic check values and passes on its messages about fields.
    """
    if type(error).__name__ == "MissingParameter":  # Typer has a copy of click's since 0.29.
        return _missing(error)
    faults: Any = getattr(error.__cause__, "errors", None)
    if error.param is None or faults is None:
        return None
    fault = faults(include_url=False)[0]
    kind = fault["type"]
    limit, wording = _LIMITS.get(kind, (None, None))
    if wording is not None:
        wanted = wording.format(f"{fault['ctx'][limit]:.15g}")
    else:
        wanted = _KINDS.get(kind.partition("_")[0], "")
    if not wanted:
        return None
    name = max(error.param.opts, key=len)
    return InputError(f"{name} must be {wanted}, but is {str(fault['input'])!r}.")


def _missing(error: typer.BadParameter) -> InputError | None:
    """Name all options that a command requires, not only the first one that is missing."""
    params = [] if error.ctx is None else error.ctx.command.params
    required = [
        max(one.opts, key=len) for one in params if one.required and one.param_type_name == "option"
    ]
    missing = "" if error.param is None else max(error.param.opts, key=len)
    if missing not in required or len(required) == 1:
        return None
    return InputError(f"{missing} is missing: this command requires {', '.join(required)}.")
