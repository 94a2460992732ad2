"""Training samples in one `.npz` file, so that a resumed run learns from the same ones."""

from __future__ import annotations

from dataclasses import fields
from typing import TYPE_CHECKING, Any

import numpy as np

from weights.base.atomic import atomic_path
from weights.base.errors import TrainingError

if TYPE_CHECKING:
    from pathlib import Path
    from typing import Self


class StoredSamples:
    """Base of dataclasses whose fields are arrays."""

    def save(self, path: Path) -> None:
        """Write all arrays to a file, replacing an existing one."""
        names = _names(self)
        with atomic_path(path, overwrite=True) as temporary, temporary.open("wb") as file:
            np.savez(file, **{name: getattr(self, name) for name in names})

    @classmethod
    def load(cls, path: Path) -> Self:
        """Read a file written by `save`, without pickle.

        Raises:
            TrainingError: the file is damaged, or holds other samples.
        """
        try:
            with np.load(path, allow_pickle=False) as stored:
                return cls(**{name: stored[name] for name in _names(cls)})
        except Exception as error:  # damaged archives raise many kinds of errors
            raise TrainingError(
                f"{path} is damaged: start over with --restart, or remove it."
            ) from error


def _names(samples: Any) -> list[str]:
    return [field.name for field in fields(samples)]
