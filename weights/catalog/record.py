"""What is known of one weight file, written beside it in YAML."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal, get_args

from weights.base.errors import WeightsError

WeightKind = Literal["detector", "confirmation", "landmarks", "inpainter"]
WEIGHT_KINDS: tuple[WeightKind, ...] = get_args(WeightKind)

_NAME = re.compile(r"[a-z0-9][a-z0-9_-]*\.[a-z0-9][a-z0-9_-]*")
_SHA256 = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True)
class TrainingData:
    """One source of the pictures that a network was trained on.

    Attributes:
        name: what the collection is called.
        licence: under which terms its pictures may be used.
        credit: whom its licence asks to be named, or where it came from.
    """

    name: str
    licence: str
    credit: str


@dataclass(frozen=True)
class WeightRecord:
    """What is known of one weight file; checks itself.

    Attributes:
        name: `architecture.tag`, the tag naming the training, such as "gated.faces256".
        kind: the stage that the network serves.
        architecture: the network's registered name.
        options: the options with which the network is built.
        file: name of the safetensors file, without folder.
        sha256: digest of the file, 64 lower-case hexadecimal digits.
        bytes: size of the file.
        licence: terms of the weights themselves, as an SPDX expression.
        data: what the network was trained on.
        recipe: name of the recipe it was trained with.
        seed: seed of the training.
        input_size: side of the square picture that the network was trained on, in pixels.
        value_range: smallest and largest value of the network's input pictures.
        parameters: number of trained parameters.
        multiply_adds: multiply-adds of one picture at `input_size`.
        metrics: measured figures, each a number or a mapping of numbers; the key names metric and
            data. Those by group of people stand under "groups", see
            `weights.catalog.group_figures`.
        gets_wrong: what the network was seen to get wrong, a plain sentence each.
        notes: limits and remarks for the model card, plain sentences.

    Raises:
        WeightsError: a value is not what its field takes.
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
        self._require(
            isinstance(self.name, str) and _NAME.fullmatch(self.name) is not None,
            "name",
            "architecture.tag in lower case, such as 'gated.faces256'",
        )
        self._require(self.kind in WEIGHT_KINDS, "kind", f"one of {', '.join(WEIGHT_KINDS)}")
        self._require(
            self.architecture == self.name.partition(".")[0],
            "architecture",
            f"what stands before the point in the name, {self.name.partition('.')[0]!r}",
        )
        self._require(
            isinstance(self.file, str)
            and self.file.endswith(".safetensors")
            and Path(self.file).name == self.file,
            "file",
            "the name of a .safetensors file, without folder",
        )
        self._require(
            isinstance(self.sha256, str) and _SHA256.fullmatch(self.sha256) is not None,
            "sha256",
            "64 lower-case hexadecimal digits",
        )
        for key in ("licence", "recipe"):
            value = getattr(self, key)
            self._require(isinstance(value, str) and bool(value.strip()), key, "a text")
        self._require(isinstance(self.notes, str), "notes", "a text")
        self._require(
            isinstance(self.gets_wrong, tuple)
            and all(isinstance(one, str) and bool(one.strip()) for one in self.gets_wrong),
            "gets_wrong",
            "a list of sentences",
        )
        for key, smallest in (
            ("bytes", 1),
            ("seed", 0),
            ("input_size", 1),
            ("parameters", 1),
            ("multiply_adds", 1),
        ):
            value = getattr(self, key)
            self._require(
                isinstance(value, int) and not isinstance(value, bool) and value >= smallest,
                key,
                f"a whole number, at least {smallest}",
            )
        self._require(
            isinstance(self.value_range, tuple)
            and len(self.value_range) == 2
            and all(isinstance(end, int | float) for end in self.value_range)
            and self.value_range[0] < self.value_range[1],
            "value_range",
            "two rising numbers, such as [-1, 1]",
        )
        for key in ("options", "metrics"):
            value = getattr(self, key)
            self._require(
                isinstance(value, Mapping) and all(isinstance(name, str) for name in value),
                key,
                "a mapping of names",
            )
        self._require(
            isinstance(self.data, tuple)
            and len(self.data) > 0
            and all(isinstance(source, TrainingData) for source in self.data),
            "data",
            "a list of sources, each with name, licence and credit",
        )

    def _require(self, holds: bool, key: str, expected: str) -> None:
        if not holds:
            raise WeightsError(
                f"The weight record {self.name!r} must have {expected} as its {key}, "
                f"but has {getattr(self, key)!r}."
            )

    def to_mapping(self) -> dict[str, Any]:
        """Give the record as plain values in the order of its fields, ready for YAML or JSON."""
        mapping = asdict(self)
        mapping["data"] = list(mapping["data"])
        mapping["gets_wrong"] = list(mapping["gets_wrong"])
        mapping["value_range"] = list(mapping["value_range"])
        return mapping

    def to_yaml(self) -> str:
        """Write the record as the text of its file.

        Raises:
            WeightsError: options or metrics hold what YAML has no plain form for.
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
    """Read one record from its YAML file.

    Raises:
        ConfigurationError: the file cannot be read or is no YAML, a key is unknown (the sentence
            names the nearest one) or missing, or a value is of the wrong type.
        WeightsError: a value is not what its field takes.
    """
    from weights.base.settings import read_yaml, settings_from_mapping

    return settings_from_mapping(WeightRecord, read_yaml(path), f"weight record {path}")
