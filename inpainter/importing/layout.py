"""Renaming another project's tensors to those of our networks."""

from __future__ import annotations

import itertools
import re
from collections.abc import Mapping, Sequence
from typing import Any, Final, TypeAlias

import torch
from torch import Tensor

from weights.base.errors import WeightsError

_STEM: Final = re.compile(r"encoder\.b(\d+)\.fromrgb\.weight")

Renamed: TypeAlias = tuple[dict[str, Any], int]
"""Options of our network for the weights, and their training side in pixels."""


class Renaming:
    """Renames the tensors of a published file one by one; none may be left at the end.

    Args:
        tensors: the file's tensors, see `read_published`.
        system: what the file should contain, for error messages.
        prefixes: possible prefixes of the network's tensors, tried in this order; only tensors with
            the first prefix that occurs are used.
    """

    def __init__(
        self, tensors: Mapping[str, Tensor], system: str, prefixes: Sequence[str] = ("",)
    ) -> None:
        self.system = system
        prefix = next(
            one for one in (*prefixes, "") if any(name.startswith(one) for name in tensors)
        )
        chosen = {
            name[len(prefix) :]: tensor
            for name, tensor in tensors.items()
            if name.startswith(prefix)
        }
        # The prefix of networks trained with DataParallel.
        self.left = {name.removeprefix("module."): tensor for name, tensor in chosen.items()}
        self.state: dict[str, Tensor] = {}

    def __contains__(self, name: str) -> bool:
        return name in self.left

    def look(self, theirs: str) -> Tensor:
        """Return a tensor without taking it.

        Raises:
            WeightsError: the file has no tensor of that name.
        """
        if theirs not in self.left:
            raise WeightsError(f"The file is not a published {self.system}: it lacks {theirs!r}.")
        return self.left[theirs]

    def take(self, theirs: str) -> Tensor:
        """Take a tensor out; raises like `look`."""
        tensor = self.look(theirs)
        del self.left[theirs]
        return tensor

    def drop(self, ending: str) -> None:
        """Discard all tensors with this name ending, which our networks do not need."""
        self.left = {name: one for name, one in self.left.items() if not name.endswith(ending)}

    def move(self, theirs: str, ours: str) -> None:
        """Rename the tensors of one layer; a normalisation's `num_batches_tracked` may be missing.

        Raises:
            WeightsError: the file has no such layer.
        """
        self.look(f"{theirs}.weight")
        for name in [name for name in self.left if name.rpartition(".")[0] == theirs]:
            self.state[f"{ours}.{name.rpartition('.')[2]}"] = self.take(name)
        if f"{ours}.running_mean" in self.state:
            self.state.setdefault(f"{ours}.num_batches_tracked", torch.zeros((), dtype=torch.long))

    def finished(self) -> dict[str, Tensor]:
        """Return all renamed tensors.

        Raises:
            WeightsError: a tensor is left, so the file is of another network.
        """
        if self.left:
            raise WeightsError(
                f"The file is not a published {self.system}: {len(self.left)} tensors do not "
                f"belong to it, the first is {min(self.left)!r}."
            )
        return {name: tensor.contiguous() for name, tensor in self.state.items()}


def count_of(renaming: Renaming, pattern: str, first: int = 0) -> int:
    """Count the layers with names such as "middle.{}.fuse.1.weight", from `first`."""
    numbers = itertools.count(first)
    return len(list(itertools.takewhile(lambda one: pattern.format(one) in renaming, numbers)))


def stem_of(renaming: Renaming) -> tuple[int, int]:
    """The side that CoModGAN's or MI-GAN's encoder is built for, and its channels there.

    Raises:
        WeightsError: the file has no such encoder.
    """
    stem = next((match for name in renaming.left if (match := _STEM.fullmatch(name))), None)
    if stem is None:
        raise WeightsError(
            f"The file is not a published {renaming.system}: it lacks "
            "'encoder.b256.fromrgb.weight', also for other sides."
        )
    return int(stem[1]), len(renaming.look(stem[0]))
