"""The file in a detector run's folder from which the run is resumed."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

import yaml

from weights.base.atomic import write_whole
from weights.base.errors import ConfigurationError
from weights.base.settings import read_yaml, settings_from_mapping

if TYPE_CHECKING:
    from pathlib import Path

RUN_NAME = "run.yaml"
"""File in a run's folder with its settings."""


@dataclass(frozen=True)
class RunFile:
    """Settings that a resumed run keeps.

    Attributes:
        data: the data set's `data.yaml`.
        seed: of all random choices.
        recipe: values of the recipe, with its changes.
        recipe_name: its name; "own" if it was passed as an object.
        changes: values that differ from the recipe's.
        initial_weights: the weights the run started from.
        time_budget_minutes: of the whole run; None is unlimited.
    """

    data: str
    seed: int
    recipe: dict[str, Any]
    recipe_name: str = "own"
    changes: dict[str, Any] = field(default_factory=dict)
    initial_weights: str | None = None
    time_budget_minutes: float | None = None

    def __post_init__(self) -> None:
        minutes = self.time_budget_minutes
        if not 0 <= self.seed < 2**32 or not (minutes is None or 0.0 <= minutes < math.inf):
            raise ConfigurationError(
                "A run's seed must have 32 bits and its minutes be 0 or more, but they are "
                f"{self.seed!r} and {minutes!r}."
            )

    @classmethod
    def read(cls, folder: Path) -> RunFile:
        """Read a run's file.

        Raises:
            ConfigurationError: it is damaged.
        """
        path = folder / RUN_NAME
        try:
            return settings_from_mapping(cls, read_yaml(path), str(path))
        except ConfigurationError as error:
            raise ConfigurationError(f"{error} Start over with --restart.") from error

    def write(self, folder: Path) -> None:
        """Write it atomically."""
        text = yaml.safe_dump(asdict(self), sort_keys=False)
        write_whole(folder / RUN_NAME, text, overwrite=True)
