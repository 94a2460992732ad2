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

    from torch import Tensor
    from torch.utils.data import Dataset


class StoredSamples:
    """Base of dataclasses whose fields are arrays, among them `pictures` `(N, S, S, 3)`."""

    def save(self, path: Path) -> None:
        """Write all arrays to a file, replacing an existing one."""
        names = _names(self)
        with atomic_path(path, overwrite=True) as temporary, temporary.open("wb") as file:
            np.savez(file, **{name: getattr(self, name) for name in names})

    def dataset(self) -> Dataset[dict[str, Tensor]]:
        """All arrays as a data set of tensors by name; pictures `(3, S, S)`."""
        import torch
        from torch.utils.data import StackDataset

        columns: dict[str, Any] = {
            name: torch.from_numpy(getattr(self, name)) for name in _names(self)
        }
        columns["pictures"] = columns["pictures"].permute(0, 3, 1, 2)
        return StackDataset(**columns)

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
