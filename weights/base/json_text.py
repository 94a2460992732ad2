"""Parsing JSON from a file or a header, with every fault reported in one sentence."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from weights.base.errors import InputError

_LARGEST_INTEGER = 2**63


def parse_json(text: str | bytes, where: str) -> Any:
    """Read one JSON value.

    Args:
        text: the JSON; bytes are UTF-8.
        where: what is being read, for the error message, such as "answers.json".

    Raises:
        InputError: it is not JSON, nested too deeply, or contains an integer of more than 64 bits.
    """
    try:
        return json.loads(text, parse_int=_bounded)
    except RecursionError as error:
        raise InputError(f"{where} is nested too deeply.") from error
    except ValueError as error:
        raise InputError(f"{where} is not valid JSON ({error}).") from error


def read_json(path: str | os.PathLike[str]) -> Any:
    """Read a file containing one JSON value.

    Raises:
        InputError: the file cannot be read, or as for `parse_json`.
    """
    try:
        return parse_json(Path(path).read_bytes(), os.fspath(path))
    except OSError as error:
        raise InputError(f"Cannot read {path}: {error.strerror or error}.") from error


def _bounded(digits: str) -> int:
    # Check the length first: converting very many digits is slow.
    if len(digits) > 20 or abs(number := int(digits)) >= _LARGEST_INTEGER:
        raise ValueError(f"the number {digits[:20]}... is too large")
    return number


def json_values(value: Any) -> Any:
    """Convert nested values to JSON types; numbers that are not finite become None."""
    if isinstance(value, Mapping):
        return {str(key): json_values(one) for key, one in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [json_values(one) for one in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, str | int | float | bool) or value is None:
        return value
    return str(value)
