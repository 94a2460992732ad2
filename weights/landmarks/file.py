"""Landmark network files: safetensors with the configuration in the header; no pickle."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from weights.catalog.network_file import load_network, write_weights

if TYPE_CHECKING:
    import os

    from weights.catalog.description import NetworkDescription
    from weights.landmarks.network import LandmarkConfiguration, LandmarkNetwork

FORMAT = "unmask.landmarks"
"""Value of the header's `format` that identifies a landmark network's file."""

ARCHITECTURE = "landmarks"
"""Name of the architecture in records and cards."""


save_landmarks = partial(write_weights, file_format=FORMAT)
"""Write a landmark network's weights and configuration; see `write_weights`."""


def load_landmarks(
    path: str | os.PathLike[str],
) -> tuple[LandmarkNetwork, LandmarkConfiguration]:
    """Load a landmark network; see `load_network`."""
    from weights.landmarks.network import LandmarkConfiguration, LandmarkNetwork

    return load_network(path, FORMAT, LandmarkConfiguration, LandmarkNetwork)


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
