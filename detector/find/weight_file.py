"""Detector weights as safetensors with the network's configuration in the header; no pickle."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from detector.find.architecture import DetectorConfiguration, build_network
from weights.base.errors import WeightsError
from weights.catalog.fitting import check_fit
from weights.catalog.network_file import (
    read_header,
    read_network_configuration,
    write_weights,
)
from weights.catalog.store import load_state_dict, read_header_mapping

if TYPE_CHECKING:
    import os

    from torch import Tensor, nn

    from weights.catalog.description import NetworkDescription

FORMAT = "unmask.detector"
"""Value of the header's `format` that identifies a detector's file."""


LARGEST_SIDE = 4096
"""Maximum input side that a weight file may ask for, in pixels."""

_MOST_CLASSES = 1000


save_detector = partial(write_weights, file_format=FORMAT)
"""Write a detector's weights and configuration; see `write_weights`."""


def load_detector(path: str | os.PathLike[str]) -> tuple[nn.Module, DetectorConfiguration]:
    """Build the network that a file describes and load its weights, as float32 on the CPU.

    Returns:
        The network in evaluation mode and its configuration.

    Raises:
        WeightsError: the file is missing, damaged, no safetensors, or of another network.
    """
    import torch

    configuration = read_configuration(path)
    tensors = load_state_dict(Path(path))
    with torch.random.fork_rng(devices=[]), torch.device("cpu"):
        network = build_network(configuration)
    check_fit(network, tensors, f"With the installed Ultralytics {path}")
    with torch.no_grad():
        network.load_state_dict(tensors)
    return network.eval(), configuration


def fused(network: nn.Module, configuration: DetectorConfiguration) -> nn.Module:
    """Prepare a network for inference, in place: one head, norms folded in.

    Args:
        network: from `build_network` or `load_detector`.
        configuration: what it was built from.
    """
    whole: Any = network
    whole.end2end = configuration.one_to_one
    smaller: nn.Module = whole.float().eval().fuse(verbose=False)
    return smaller


def outputs_only(network: nn.Module) -> Any:
    """Wrap a fused network so that it returns only candidates and prototypes."""
    from torch import nn

    class Outputs(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.network = network

        def forward(self, image: Tensor) -> tuple[Tensor, Tensor]:
            (candidates, prototypes), _ = self.network(image)
            return candidates, prototypes

    return Outputs().eval()


def describe_detector(path: str | os.PathLike[str]) -> NetworkDescription:
    """Describe a detector's file; multiply-adds are those of the fused network.

    Raises:
        WeightsError: the file is missing, damaged, no safetensors, or of another network.
    """
    from weights.catalog.description import describe_network

    network, configuration = load_detector(path)
    return describe_network(
        network,
        kind="detector",
        architecture=configuration.architecture,
        options={
            "class_names": list(configuration.class_names),
            "one_to_one": configuration.one_to_one,
        },
        side=configuration.image_size,
        in_use=lambda whole: fused(whole, configuration),
    )


def read_configuration(path: str | os.PathLike[str]) -> DetectorConfiguration:
    """Read the configuration in the header of a detector's file.

    Raises:
        WeightsError: the file is missing, no safetensors, or no detector's.
    """
    configuration = read_network_configuration(path, FORMAT, DetectorConfiguration)
    if configuration.image_size > LARGEST_SIDE or len(configuration.class_names) > _MOST_CLASSES:
        raise WeightsError(
            f"The configuration in {path} is too large: at most {LARGEST_SIDE} pixels and "
            f"{_MOST_CLASSES} classes."
        )
    return configuration


def read_extra(path: str | os.PathLike[str]) -> dict[str, Any]:
    """Read the further facts in the header of a detector's file, as given to `save_detector`.

    Raises:
        WeightsError: the file is missing, no safetensors, or no detector's.
    """
    return read_header_mapping(read_header(path, FORMAT), "extra", path)
