"""Records: what is known about a weight file, stored next to it in YAML."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Final, Literal, get_args

from weights.base.errors import WeightsError
from weights.base.settings import read_yaml, settings_from_mapping

WeightKind = Literal["detector", "confirmation", "landmarks", "inpainter"]
WEIGHT_KINDS: tuple[WeightKind, ...] = get_args(WeightKind)


@dataclass(frozen=True)
class TrainingData:
    """One source of training pictures.

    Attributes:
        name: name of the collection.
        licence: terms of use of its pictures.
        credit: attribution required by its licence, or its origin.
    """

    name: str
    licence: str
    credit: str


def _matches(pattern: str) -> Callable[[Any], bool]:
    return lambda value: isinstance(value, str) and re.fullmatch(pattern, value) is not None


def _is_text(value: Any) -> bool:
    return isinstance(value, str) and bool(value.strip())


def _is_file_name(value: Any) -> bool:
    return isinstance(value, str) and value.endswith(".safetensors") and Path(value).name == value


def _is_mapping_of_names(value: Any) -> bool:
    return isinstance(value, Mapping) and all(isinstance(name, str) for name in value)


def _is_range(value: Any) -> bool:
    ends = _is_tuple_of(lambda end: isinstance(end, int | float), 2)
    return ends(value) and len(value) == 2 and value[0] < value[1]


def _is_tuple_of(fits: Callable[[Any], bool], least: int = 0) -> Callable[[Any], bool]:
    return lambda value: (
        isinstance(value, tuple) and len(value) >= least and all(fits(one) for one in value)
    )


def _whole_number(least: int) -> tuple[Callable[[Any], bool], str]:
    return lambda value: type(value) is int and value >= least, f"a whole number, at least {least}"


_EXPECTED: Final[Mapping[str, tuple[Callable[[Any], bool], str]]] = {
    "name": (
        _matches(r"[a-z0-9][a-z0-9_-]*\.[a-z0-9][a-z0-9_-]*"),
        "architecture.tag in lower case, such as 'gated.faces256'",
    ),
    "kind": (lambda value: value in WEIGHT_KINDS, f"one of {', '.join(WEIGHT_KINDS)}"),
    "file": (_is_file_name, "the name of a .safetensors file, without folder"),
    "sha256": (_matches(r"[0-9a-f]{64}"), "64 lower-case hexadecimal digits"),
    "licence": (_is_text, "a text"),
    "recipe": (_is_text, "a text"),
    "notes": (lambda value: isinstance(value, str), "a text"),
    "gets_wrong": (_is_tuple_of(_is_text), "a list of sentences"),
    "bytes": _whole_number(1),
    "seed": _whole_number(0),
    "input_size": _whole_number(1),
    "parameters": _whole_number(1),
    "multiply_adds": _whole_number(1),
    "value_range": (_is_range, "two rising numbers, such as [-1, 1]"),
    "options": (_is_mapping_of_names, "a mapping of names"),
    "metrics": (_is_mapping_of_names, "a mapping of names"),
    "data": (
        _is_tuple_of(lambda source: isinstance(source, TrainingData), 1),
        "a list of sources, each with name, licence and credit",
    ),
}
"""Valid values of each field of a record: as a check, and in words."""


@dataclass(frozen=True)
class WeightRecord:
    """What is known about one weight file; validates itself.

    Attributes:
        name: `architecture.tag`, the tag naming the training, such as "gated.faces256".
        kind: the stage that the network serves.
        architecture: the network's registered name.
        options: the options with which the network is built.
        file: name of the safetensors file, without folder.
        sha256: digest of the file, 64 lower-case hexadecimal digits.
        bytes: size of the file.
        licence: terms of the weights themselves, as an SPDX expression.
        data: the training data.
        recipe: name of the training recipe.
        seed: seed of the training.
        input_size: side of the square training pictures, in pixels.
        value_range: smallest and largest value of the network's input pictures.
        parameters: number of trained parameters.
        multiply_adds: multiply-adds of one picture at `input_size`.
        metrics: measured figures, each a number or a mapping of numbers; the key names metric and
            data. Those by group of people are under "groups", see `weights.catalog.group_figures`.
        gets_wrong: observed failures of the network, a plain sentence each.
        notes: limits and remarks for the model card, plain sentences.

    Raises:
        WeightsError: a value is invalid for its field.
    """

    name: str
    kind: WeightKind
    architecture: str
    options: Mapping[str, Any]
    file: str
    sha256: str
    bytes: int
    licence: str
    data: tuple[TrainingData, ...]
    recipe: str
    seed: int
    input_size: int
    value_range: tuple[float, float]
    parameters: int
    multiply_adds: int
    metrics: Mapping[str, Any] = field(default_factory=dict)
    gets_wrong: tuple[str, ...] = ()
    notes: str = ""

    def __post_init__(self) -> None:
        for key, (fits, expected) in _EXPECTED.items():
            self._require(fits(getattr(self, key)), key, expected)
        beginning = self.name.partition(".")[0]
        self._require(
            self.architecture == beginning,
            "architecture",
            f"the part of the name before the dot, {beginning!r}",
        )

    def _require(self, holds: bool, key: str, expected: str) -> None:
        if not holds:
            raise WeightsError(
                f"The weight record {self.name!r} must have {expected} as its {key}, "
                f"but has {getattr(self, key)!r}."
            )

    def to_mapping(self) -> dict[str, Any]:
        """Return the record as plain values in the order of its fields, ready for YAML or JSON."""
        return {
            key: list(value) if isinstance(value, tuple) else value
            for key, value in asdict(self).items()
        }

    def to_yaml(self) -> str:
        """Return the record as the text of its YAML file.

        Raises:
            WeightsError: options or metrics contain values without a plain YAML form.
        """
        import yaml

        try:
            return str(
                yaml.safe_dump(self.to_mapping(), sort_keys=False, allow_unicode=True, width=100)
            )
        except yaml.YAMLError as error:
            raise WeightsError(
                f"The options and metrics of {self.name!r} must be plain numbers, texts, lists and "
                "mappings."
            ) from error


def read_record(path: Path) -> WeightRecord:
    """Read a record from its YAML file.

    Raises:
        ConfigurationError: the file cannot be read or is not YAML, a key is unknown (the message
            suggests the nearest) or missing, or a value has the wrong type.
        WeightsError: a value is invalid for its field.
    """
    return settings_from_mapping(WeightRecord, read_yaml(path), f"weight record {path}")
