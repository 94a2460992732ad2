from __future__ import annotations

import inspect
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from weights.base.errors import ConfigurationError, InputError
from weights.base.option_values import check_option, check_whole_number

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


@pytest.mark.parametrize("value", [1, 40, np.int64(3), np.uint8(1)])
def test_integers_from_the_least_on_are_taken(value):
    check_whole_number("batch", value)


@pytest.mark.parametrize("value", [0, -1, True, np.True_, 2.5, 2.0, "3", None, [1]])
def test_all_else_is_refused_in_one_sentence(value):
    with pytest.raises(InputError) as refused:
        check_whole_number("batch", value)
    assert str(refused.value) == f"batch must be a whole number from 1, but is {value!r}."


def test_the_least_may_be_another():
    check_whole_number("seed", 0, least=0)
    with pytest.raises(InputError, match="seed must be a whole number from 0, but is -1"):
        check_whole_number("seed", -1, least=0)
