"""Renaming another project's tensors to those of our networks."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final, TypeAlias

import torch
from torch import Tensor

from weights.base.errors import WeightsError

_STEM: Final = re.compile(r"encoder\.b(\d+)\.fromrgb\.weight")

NOISE: Final = {"noise_const": "noise.noise", "noise_strength": "noise.strength"}
"""Our names of the tensors with which a layer of StyleGAN2's family adds noise."""

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
            raise self.lacking(theirs)
        return self.left[theirs]

    def lacking(self, theirs: str) -> WeightsError:
        """The error for a file without a tensor of that name, which every such file has."""
        return WeightsError(f"The file is not a published {self.system}: it lacks {theirs!r}.")

    def take(self, theirs: str) -> Tensor:
        """Take a tensor out; raises like `look`."""
        tensor = self.look(theirs)
        del self.left[theirs]
        return tensor

    def drop(self, ending: str) -> None:
        """Discard all tensors with this name ending, which our networks do not need."""
        self.left = {name: one for name, one in self.left.items() if not name.endswith(ending)}

    def move(
        self,
        theirs: str,
        ours: str,
        number: Callable[[int], int | None] = int,
        values: Mapping[str, str] = MappingProxyType({}),
    ) -> int:
        """Rename the tensors of all layers of one kind.

        Args:
            theirs: name of the layers, in which "#" stands for any number, as in "blocks.#.c1".
            ours: our name, with a "#" for each.
            number: our number for one of theirs; None if they have no such layer.
            values: our names of a layer's tensors that differ from theirs.

        Returns:
            How many layers there are.

        Raises:
            WeightsError: there is none.
        """
        pattern = re.compile(re.escape(theirs).replace(r"\#", r"(\d{1,6})") + r"\.(\w+)")
        layers = set()
        for match in filter(None, map(pattern.fullmatch, list(self.left))):
            numbers = [number(int(digits)) for digits in match.groups()[:-1]]
            if None not in numbers:
                layer, value = ours.replace("#", "{}").format(*numbers), match[match.re.groups]
                self.state[f"{layer}.{values.get(value, value)}"] = self.take(match[0])
                layers.add(layer)
        if not layers:
            raise self.lacking(f"{theirs}.weight")
        return len(layers)

    def finished(self) -> dict[str, Tensor]:
        """Return all renamed tensors; a normalisation's `num_batches_tracked` may be missing.

        Raises:
            WeightsError: a tensor is left, so the file is of another network.
        """
        if self.left:
            raise WeightsError(
                f"The file is not a published {self.system}: {len(self.left)} tensors do not "
                f"belong to it, the first is {min(self.left)!r}."
            )
        for name in [name for name in self.state if name.endswith(".running_mean")]:
            count = f"{name.removesuffix('running_mean')}num_batches_tracked"
            self.state.setdefault(count, torch.zeros((), dtype=torch.long))
        return {name: tensor.contiguous() for name, tensor in self.state.items()}


def stem_of(renaming: Renaming) -> tuple[int, int]:
    """The side that CoModGAN's or MI-GAN's encoder is built for, and its channels there.

    Raises:
        WeightsError: the file has no such encoder.
    """
    stem = next((match for name in renaming.left if (match := _STEM.fullmatch(name))), None)
    if stem is None:
        raise renaming.lacking("encoder.b#.fromrgb.weight")
    return int(stem[1]), len(renaming.look(stem[0]))
