"""Checking users' options, as parsed from YAML, against a constructor's annotations."""

from __future__ import annotations

import inspect
import math
from collections.abc import Mapping
from numbers import Integral
from typing import Any, Final

from weights.base.errors import ConfigurationError, InputError

_PLAIN: Final = (bool, int, float, str, list, tuple, dict, type(None))

_TAKES: Final[Mapping[str, tuple[type, ...]]] = {
    "bool": (bool,),
    "int": (int,),
    "float": (int, float),
    "str": (str,),
    "None": (type(None),),
    "os.PathLike[str]": (str,),
    "Path": (str,),
    "torch.device": (str,),
    "nn.Module": (),
}
"""Annotation to the plain types it accepts; all other annotations accept any."""


def check_whole_number(name: str, value: Any, least: int = 1) -> None:
    """Refuse an argument that is not an integer, or is below `least`; NumPy's integers will do.

    Raises:
        InputError: it is one.
    """
    if isinstance(value, bool) or not isinstance(value, Integral) or value < least:
        raise InputError(f"{name} must be a whole number from {least}, but is {value!r}.")


def check_option(where: str, option: str, value: Any, parameter: inspect.Parameter) -> None:
    """Refuse a plain value that a parameter does not accept; other objects are not checked.

    Args:
        where: owner of the option, for the error message, such as "inpainter 'telea'".
        option: its name.
        value: the user's value.
        parameter: the parameter of the constructor or function.

    Raises:
        ConfigurationError: the value has the wrong type, or is not finite.
    """
    if type(value) not in _PLAIN or parameter.annotation is parameter.empty:
        return
    annotation = parameter.annotation
    if not isinstance(annotation, str):
        annotation = inspect.formatannotation(annotation)
    words = [word.strip() for word in annotation.split("|")]
    if not all(word in _TAKES for word in words):
        return
    taken = {kind for word in words for kind in _TAKES[word]}
    if type(value) in taken and not (isinstance(value, float) and not math.isfinite(value)):
        return
    raise ConfigurationError(
        f"The option {option!r} of the {where} must be {' or '.join(words)}, but is {value!r}."
    )
