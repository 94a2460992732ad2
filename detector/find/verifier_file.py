"""Verifier weights as safetensors with the configuration in the header; no pickle."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from detector.find.weight_file import LARGEST_SIDE
from weights.base.errors import WeightsError
from weights.catalog.fitting import build_fitting
from weights.catalog.network_file import read_network_configuration, write_weights
from weights.catalog.store import load_state_dict

if TYPE_CHECKING:
    import os
    from collections.abc import Mapping

    from detector.find.verifier_network import VerifierConfiguration, VerifierNetwork
    from weights.catalog.description import NetworkDescription

FORMAT = "unmask.confirmation"
"""Value of the header's `format` that identifies a verifier's file."""

ARCHITECTURE = "confirmation"
"""Name of the architecture in records and cards."""


def save_verifier(
    network: VerifierNetwork,
    configuration: VerifierConfiguration,
    path: str | os.PathLike[str],
    *,
    overwrite: bool = False,
    extra: Mapping[str, Any] | None = None,
) -> Path:
    """Write a network's weights, floating-point ones as float16, and its configuration.

    Args:
        network: not folded.
        configuration: what it was built from.
        path: of the file, ending in .safetensors.
        overwrite: whether a file of that name is replaced.
        extra: further JSON values for the header, such as metrics.

    Raises:
        OutputError: the file exists and `overwrite` is False, or it cannot be written.
        WeightsError: a weight is not finite, or the path does not end in .safetensors.
    """
    return write_weights(network, FORMAT, configuration, path, overwrite=overwrite, extra=extra)


def load_verifier(
    path: str | os.PathLike[str],
) -> tuple[VerifierNetwork, VerifierConfiguration]:
    """Build the network that a file describes and load its weights, as float32 on the CPU.

    Returns:
        The network in evaluation mode and its configuration.

    Raises:
        WeightsError: the file is missing, damaged, no safetensors, or of another network.
    """
    from detector.find.verifier_network import VerifierConfiguration, VerifierNetwork

    configuration = read_network_configuration(path, FORMAT, VerifierConfiguration)
    if configuration.size > LARGEST_SIDE:
        raise WeightsError(
            f"{path} wants crops of {configuration.size} pixels: {LARGEST_SIDE} at most."
        )
    network = build_fitting(
        lambda: VerifierNetwork(configuration), load_state_dict(Path(path)), str(path)
    )
    return network.float().eval(), configuration


def describe_verifier(path: str | os.PathLike[str]) -> NetworkDescription:
    """Describe a verifier's file.

    Raises:
        WeightsError: the file is missing, damaged, no safetensors, or of another network.
    """
    from weights.catalog.description import describe_network
    from weights.catalog.folding import folded

    network, configuration = load_verifier(path)
    options = {key: value for key, value in asdict(configuration).items() if key != "size"}
    return describe_network(
        network,
        kind="confirmation",
        architecture=ARCHITECTURE,
        options=options,
        side=configuration.size,
        in_use=folded,
    )
