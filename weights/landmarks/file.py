"""A landmark network's weights as safetensors, its configuration in the header; no pickle."""

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
"""Value of the header's `format`, by which a landmark network's file is told from others."""

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
        path: where to, ending in .safetensors.
        overwrite: whether a file of that name is replaced.
        extra: further facts for the header, such as metrics; anything JSON holds.

    Raises:
        OutputError: the file exists and `overwrite` is False, or it cannot be written.
        WeightsError: a weight is not finite, or the path does not end in .safetensors.
    """
    return write_weights(network, FORMAT, configuration, path, overwrite=overwrite, extra=extra)


def load_landmarks(
    path: str | os.PathLike[str],
) -> tuple[LandmarkNetwork, LandmarkConfiguration]:
    """Build the network that a file describes and load its weights, as float32 on the CPU.

    Returns:
        The network in evaluation mode and its configuration.

    Raises:
        WeightsError: the file is missing, damaged, no safetensors, or of another network.
    """
    from weights.landmarks.network import LandmarkConfiguration, LandmarkNetwork

    configuration = read_network_configuration(path, FORMAT, LandmarkConfiguration)
    network = build_fitting(
        lambda: LandmarkNetwork(configuration), load_state_dict(Path(path)), str(path)
    )
    return network.float().eval(), configuration


def describe_landmarks(path: str | os.PathLike[str]) -> NetworkDescription:
    """Tell what a landmark network's file holds.

    Raises:
        WeightsError: the file is missing, damaged, no safetensors, or of another network.
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
