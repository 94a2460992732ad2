"""Saving and loading completion networks as safetensors files with their options."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from inpainter.networks.registry import create_network
from weights.base.errors import ConfigurationError, WeightsError
from weights.catalog.description import NetworkDescription, count_multiply_adds, count_parameters
from weights.catalog.fitting import build_fitting, check_proportion
from weights.catalog.lookup import DEFAULTS, list_weights, resolve
from weights.catalog.network_file import half_precision
from weights.catalog.store import (
    load_state_dict,
    read_header_mapping,
    read_metadata,
    write_tensors,
)

if TYPE_CHECKING:
    import os
    from collections.abc import Mapping

    from torch import nn


_ARCHITECTURE, _OPTIONS, _SIZE = "architecture", "options", "input_size"


def save_completion_network(
    network: nn.Module,
    path: str | os.PathLike[str],
    *,
    name: str,
    options: dict[str, Any],
    input_size: int,
    overwrite: bool = False,
    half: bool = True,
) -> None:
    """Write a network's weights with its name and options.

    Args:
        network: the network.
        path: the .safetensors file.
        name: the network's registered name.
        options: the options it was built with.
        input_size: side of the pictures it was trained on, pixels.
        overwrite: whether an existing file may be replaced.
        half: whether to store weights as fp16, which halves the file; tensors with values beyond
            fp16's range are stored unchanged.

    Raises:
        OutputError: the file exists and may not be replaced, or cannot be written.
        WeightsError: `half` is True and a weight is not finite.
    """
    state = network.state_dict()
    metadata = {_ARCHITECTURE: name, _OPTIONS: json.dumps(options), _SIZE: str(input_size)}
    tensors = half_precision(state) if half else state
    write_tensors(path, tensors, metadata, overwrite=overwrite)


def load_completion_network(
    name: str | None = None,
    weights: str | os.PathLike[str] | None = None,
    options: dict[str, Any] | None = None,
) -> nn.Module:
    """Load a network from a weight file; its attribute `input_size` is the training side.

    Args:
        name: the expected network; None for the file's.
        weights: a name of the catalog or a .safetensors file; None for the catalog's first weights
            of the network `name`.
        options: options that must agree with the file's.

    Raises:
        WeightsError: the weights are missing, damaged or of another network.
        ConfigurationError: an option contradicts the weights.
    """
    if weights is None:
        trained = list_weights(f"{name}.*", kind="inpainter")
        if not trained:
            raise WeightsError(
                f"No weights of {name!r} ship with unmask: train it with `unmask train inpainter` "
                "and give the .safetensors file, import published ones with `unmask weights "
                "import`, or choose a network from `unmask weights list`."
            )
        weights = default if (default := DEFAULTS["inpainter"]) in trained else trained[0]
    path = resolve(weights, "inpainter")
    metadata = read_metadata(path)
    if _ARCHITECTURE not in metadata:
        raise WeightsError(f"{path} does not say which completion network it belongs to.")
    if name is not None and metadata[_ARCHITECTURE] != name:
        raise WeightsError(
            f"{path} belongs to the network {metadata[_ARCHITECTURE]!r}, not to {name!r}."
        )
    stored = read_header_mapping(metadata, _OPTIONS, path)
    check_proportion(stored, str(path))
    for option, value in (options or {}).items():
        if stored.get(option, value) != value:
            raise ConfigurationError(
                f"The option {option}={value!r} contradicts the weights {path.name}, "
                f"which were trained with {stored[option]!r}."
            )
    given = {**(options or {}), **stored}
    network = build_fitting(
        lambda: create_network(metadata[_ARCHITECTURE], given),
        load_state_dict(path, "inpainter"),
        str(path),
    )
    network.input_size = _input_size(metadata, path)  # type: ignore[assignment]
    return network.eval()


def _input_size(metadata: Mapping[str, str], path: Path) -> int:
    text = metadata.get(_SIZE, "256")
    if not (text.isascii() and text.isdigit() and len(text) <= 4 and int(text) > 0):
        raise WeightsError(f"{_SIZE!r} in the header of {path} must be pixels, but is {text!r}.")
    return int(text)


def describe_completion_network(path: str | os.PathLike[str]) -> NetworkDescription:
    """Describe the weight file of a completion network or a face generator.

    Raises:
        WeightsError: the file is missing, damaged or for another kind of network, or does not name
            its network.
    """
    import torch

    file = Path(path)
    network: Any = load_completion_network(weights=file)
    metadata = read_metadata(file)
    side = network.input_size
    inputs = (
        (network.draw_latents(1),)
        if hasattr(network, "draw_latents")
        else (torch.zeros(1, 3, side, side), torch.ones(1, 1, side, side))
    )
    return NetworkDescription(
        kind="inpainter",
        architecture=metadata[_ARCHITECTURE],
        options=read_header_mapping(metadata, _OPTIONS, file),
        input_size=side,
        value_range=(-1.0, 1.0),
        parameters=count_parameters(network),
        multiply_adds=count_multiply_adds(network, *inputs),
    )
