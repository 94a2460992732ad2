"""Parts of a network by name: loading their weights, or freezing them."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from torch import Tensor, nn

from inpainter.networks.blocks.guide_features import GuideFeatures
from weights.base.errors import ConfigurationError
from weights.base.names import unknown_name
from weights.catalog.fitting import check_fit
from weights.catalog.store import load_state_dict


def find_part(network: nn.Module, part: str) -> nn.Module:
    """Return a part of a network by attribute name; the network itself for the empty name.

    Raises:
        ConfigurationError: the network has no such part.
    """
    try:
        return network.get_submodule(part)
    except AttributeError as error:
        known = [name for name, _ in network.named_children()]
        raise unknown_name("part of the network", part, known) from error


def train_all_but(network: nn.Module, frozen: Iterable[str]) -> None:
    """Put a network into training mode, except for its frozen parts.

    These stay in evaluation mode, so their batch statistics do not change either.

    Raises:
        ConfigurationError: the network has no such part.
    """
    network.train()
    for part in frozen:
        find_part(network, part).requires_grad_(False).eval()


def load_part(network: nn.Module, part: str, file: str | Path) -> None:
    """Load weights into a network or, by attribute name, into a part of one.

    Guide layers missing from the weights keep their zero initialisation, so that landmark
    conditioning can be learned from weights trained without it.

    Args:
        network: the network.
        part: name of the part; the network itself for the empty name.
        file: a .safetensors file; `FILE#PART` takes a part of the network in it.

    Raises:
        ConfigurationError: the network has no such part.
        WeightsError: the file is missing or damaged, or does not fit.
    """
    path, _, source = str(file).partition("#")
    state = load_state_dict(path)
    if source:
        prefix = f"{source}."
        state = {
            name.removeprefix(prefix): one for name, one in state.items() if name.startswith(prefix)
        }
    found = find_part(network, part)
    state = {**_guides(found), **state}
    check_fit(found, state, str(file))
    found.load_state_dict(state)


def _guides(network: nn.Module) -> dict[str, Tensor]:
    """The current weights of a network's guide layers."""
    return {
        f"{name}.{key}".removeprefix("."): tensor
        for name, module in network.named_modules()
        if isinstance(module, GuideFeatures)
        for key, tensor in module.state_dict().items()
    }


def check_frozen_have_weights(frozen: Iterable[str], starts: Iterable[str]) -> None:
    """Check that no part is frozen with random weights.

    Args:
        frozen: names of the parts that do not learn.
        starts: names of the parts that are given weights; the empty name for the whole network.

    Raises:
        ConfigurationError: a part has none.
    """
    given = tuple(starts)
    for part in frozen:
        if not any(start in ("", part) or part.startswith(f"{start}.") for start in given):
            raise ConfigurationError(
                f"The part {part!r} of the network is frozen and has no weights: give them with "
                f"`--part {part}=FILE`, or do not freeze it."
            )
