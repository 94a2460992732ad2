"""From the tensors of a published file to one of our networks, by the name of the family."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from inpainter.importing.published import read_published
from inpainter.registry import create_model
from weights.errors import ConfigurationError
from weights.fitting import build_fitting
from weights.names import import_object, unknown_name

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from torch import nn

    from inpainter.importing.layout import Converted

FAMILIES: Final[dict[str, str]] = {
    "aot-gan": "inpainter.importing.aot_gan:convert",
    "comodgan": "inpainter.importing.comodgan:convert",
    "deepfillv2": "inpainter.importing.deepfillv2:convert",
    "dmfn": "inpainter.importing.dmfn:convert",
    "glcic": "inpainter.importing.glcic:convert",
    "lama": "inpainter.importing.lama:convert",
    "migan": "inpainter.importing.migan:convert",
}
"""Network of ours and the dotted path of what brings its authors' files to it."""


def import_network(
    architecture: str, file: Path, options: Mapping[str, Any] | None = None
) -> tuple[nn.Module, dict[str, Any], int]:
    """Build our network of the weights in a published file.

    Args:
        architecture: one of `FAMILIES`.
        file: see `read_published`.
        options: of our network, besides those that follow from the file.

    Returns:
        The network in evaluation mode, all its options, and the side it was trained on.

    Raises:
        ConfigurationError: the family or an option is unknown, or contradicts the file.
        WeightsError: the file cannot be read, or is of another network.
    """
    if architecture not in FAMILIES:
        raise unknown_name("family of published weights", architecture, FAMILIES)
    convert = import_object(FAMILIES[architecture])
    converted: Converted = convert(read_published(file))
    for option, value in (options or {}).items():
        if converted.options.get(option, value) != value:
            raise ConfigurationError(
                f"The option {option}={value!r} contradicts the weights {file.name}, which belong "
                f"to {converted.options[option]!r}."
            )
    chosen = {**(options or {}), **converted.options}
    state = {
        name: tensor.float() if tensor.is_floating_point() else tensor
        for name, tensor in converted.state.items()
    }
    network = build_fitting(lambda: create_model(architecture, **chosen), state, str(file))
    return network.eval(), chosen, converted.input_size
