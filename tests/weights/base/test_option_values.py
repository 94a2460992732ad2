from __future__ import annotations

import inspect
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from weights.base.errors import ConfigurationError
from weights.base.option_values import check_option

if TYPE_CHECKING:
    from collections.abc import Sequence


def takes(
    count: int = 1,
    rate: float | None = None,
    on: bool = True,
    file: str | Path = "",
    anything: Any = None,
    several: Sequence[int] = (),
    unsaid=1,
) -> None:
    """Stand in for a constructor."""


PARAMETERS = inspect.signature(takes).parameters


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("count", 3),
        ("rate", 3),
        ("rate", 0.5),
        ("rate", None),
        ("on", False),
        ("file", "x"),
        ("file", Path("x")),
        ("anything", [1]),
        ("several", "x"),
        ("unsaid", []),
    ],
)
def test_what_a_parameter_takes_passes(option, value):
    check_option("inpainter 'x'", option, value, PARAMETERS[option])


@pytest.mark.parametrize(
    ("option", "value", "right"),
    [
        ("count", "x", "int"),
        ("count", True, "int"),
        ("count", 2.0, "int"),
        ("count", None, "int"),
        ("rate", "x", "float or None"),
        ("rate", float("nan"), "float or None"),
        ("rate", float("inf"), "float or None"),
        ("on", 1, "bool"),
        ("file", 5, "str or Path"),
        ("file", {}, "str or Path"),
    ],
)
def test_a_value_of_another_kind_is_one_sentence(option, value, right):
    with pytest.raises(ConfigurationError) as raised:
        check_option("inpainter 'x'", option, value, PARAMETERS[option])
    assert str(raised.value) == (
        f"The option {option!r} of the inpainter 'x' must be {right}, but is {value!r}."
    )


def test_types_that_are_no_text_are_understood():
    parameter = inspect.Parameter("x", inspect.Parameter.KEYWORD_ONLY, annotation=int | None)
    check_option("x", "x", None, parameter)
    with pytest.raises(ConfigurationError, match="must be int or None"):
        check_option("x", "x", "1", parameter)
