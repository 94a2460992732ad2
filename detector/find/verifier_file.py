"""Verifier weights as safetensors with the configuration in the header; no pickle."""

from __future__ import annotations

from dataclasses import asdict
from functools import partial
from typing import TYPE_CHECKING

from weights.catalog.network_file import load_network, write_weights

if TYPE_CHECKING:
    import os

    from detector.find.verifier_network import VerifierConfiguration, VerifierNetwork
    from weights.catalog.description import NetworkDescription

FORMAT = "unmask.confirmation"
"""Value of the header's `format` that identifies a verifier's file."""

ARCHITECTURE = "confirmation"
"""Name of the architecture in records and cards."""


save_verifier = partial(write_weights, file_format=FORMAT)
"""Write a verifier's weights and configuration; see `write_weights`."""


def load_verifier(
    path: str | os.PathLike[str],
) -> tuple[VerifierNetwork, VerifierConfiguration]:
    """Load a verifier; see `load_network`."""
    from detector.find.verifier_network import VerifierConfiguration, VerifierNetwork

    return load_network(path, FORMAT, VerifierConfiguration, VerifierNetwork)


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
