"""Landmark network files: safetensors with the configuration in the header; no pickle."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from weights.catalog.fitting import build_fitting
from weights.catalog.network_file import read_network_configuration, write_weights
from weights.catalog.store import load_state_dict

if TYPE_CHECKING:
    import os
    from collections.abc import Mapping

    from weights.catalog.description import NetworkDescription
    from weights.landmarks.network import LandmarkConfiguration, LandmarkNetwork

FORMAT = "unmask.landmarks"
"""Value of the header's `format` that identifies a landmark network's file."""

ARCHITECTURE = "landmarks"
"""Name of the architecture in records and cards."""


def save_landmarks(
    network: LandmarkNetwork,
    configuration: LandmarkConfiguration,
    path: str | os.PathLike[str],
    *,
    overwrite: bool = False,
    extra: Mapping[str, Any] | None = None,
) -> Path:
    """Write a network's weights, floating-point ones as float16, and its configuration.

    Args:
        network: in the form in which it was built.
        configuration: what it was built from.
        path: the file to write, ending in .safetensors.
        overwrite: whether to replace an existing file.
        extra: further facts for the header, such as metrics; any JSON values.

    Raises:
        OutputError: the file exists and `overwrite` is False, or it cannot be written.
        WeightsError: a weight is not finite, or the path does not end in .safetensors.
    """
    return write_weights(network, FORMAT, configuration, path, overwrite=overwrite, extra=extra)


def load_landmarks(
    path: str | os.PathLike[str],
) -> tuple[LandmarkNetwork, LandmarkConfiguration]:
    """Build the network described by a file and load its weights, as float32 on the CPU.

    Returns:
        The network in evaluation mode and its configuration.

    Raises:
        WeightsError: the file is missing, damaged, not safetensors, or of another network.
    """
    from weights.landmarks.network import LandmarkConfiguration, LandmarkNetwork

    configuration = read_network_configuration(path, FORMAT, LandmarkConfiguration)
    network = build_fitting(
        lambda: LandmarkNetwork(configuration), load_state_dict(Path(path)), str(path)
    )
    return network.float().eval(), configuration


def describe_landmarks(path: str | os.PathLike[str]) -> NetworkDescription:
    """Describe a landmark network's file.

    Raises:
        WeightsError: the file is missing, damaged, not safetensors, or of another network.
    """
    from weights.catalog.description import describe_network

    network, configuration = load_landmarks(path)
    return describe_network(
        network,
        kind="landmarks",
        architecture=ARCHITECTURE,
        options={"widths": list(configuration.widths)},
        side=configuration.size,
    )
