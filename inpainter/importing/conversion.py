"""Conversion of a published file to one of our networks."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from torch import nn

from inpainter.importing.families import FAMILIES
from inpainter.importing.layout import Renaming
from inpainter.importing.published import read_published
from inpainter.registry import create_model
from weights.base.errors import ConfigurationError
from weights.base.names import import_object, unknown_name
from weights.catalog.fitting import build_fitting


def import_network(
    architecture: str, file: Path, options: Mapping[str, Any] | None = None
) -> tuple[nn.Module, dict[str, Any], int]:
    """Build our network from the weights in a published file.

    Args:
        architecture: one of `FAMILIES`.
        file: see `read_published`.
        options: options of our network, in addition to those determined by the file.

    Returns:
        The network in evaluation mode, all its options, and the side it was trained on.

    Raises:
        ConfigurationError: the family or an option is unknown, or contradicts the file.
        WeightsError: the file cannot be read, or is of another network.
    """
    if architecture not in FAMILIES:
        raise unknown_name("family of published weights", architecture, FAMILIES)
    family = FAMILIES[architecture]
    renaming = Renaming(read_published(file), family.system, family.prefixes)
    found, input_size = import_object(family.rename)(renaming)
    for option, value in (options or {}).items():
        if found.get(option, value) != value:
            raise ConfigurationError(
                f"The option {option}={value!r} contradicts the weights {file.name}, which belong "
                f"to {found[option]!r}."
            )
    chosen = {**(options or {}), **found}
    state = {
        name: tensor.float() if tensor.is_floating_point() else tensor
        for name, tensor in renaming.finished().items()
    }
    network = build_fitting(lambda: create_model(architecture, **chosen), state, str(file))
    return network.eval(), chosen, input_size
