"""Describing a network from its file: configuration, parameters, multiply-adds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import Tensor, nn

    from weights.catalog.record import WeightKind


@dataclass(frozen=True)
class NetworkDescription:
    """The part of a weight record that follows from the weight file alone.

    Attributes:
        kind: the stage that the network serves.
        architecture: the network's registered name.
        options: the options with which the network is built.
        input_size: side of the square picture that the network was trained on, in pixels.
        value_range: smallest and largest value of the network's input pictures.
        parameters: number of trained parameters.
        multiply_adds: multiply-adds of one picture at `input_size`.
    """

    kind: WeightKind
    architecture: str
    options: Mapping[str, Any]
    input_size: int
    value_range: tuple[float, float]
    parameters: int
    multiply_adds: int


def count_parameters(network: nn.Module) -> int:
    """Count the trained numbers; buffers, such as running means, are not included."""
    return sum(parameter.numel() for parameter in network.parameters())


def count_multiply_adds(network: nn.Module, *inputs: Tensor) -> int:
    """Count the multiply-adds of one call of a network: convolutions, matrix products, attention.

    The network is run once, without gradients. Operations unknown to PyTorch's counter, such as
    Fourier transforms, deformable convolutions and all element-wise operations, count as 0.

    Args:
        network: in evaluation mode.
        inputs: its inputs.
    """
    import torch
    from torch.utils.flop_counter import FlopCounterMode

    with FlopCounterMode(display=False) as counter, torch.no_grad():
        network(*inputs)
    # The counter counts a multiply-add as two operations.
    return int(counter.get_total_flops()) // 2


def describe_network(
    network: nn.Module,
    *,
    kind: WeightKind,
    architecture: str,
    options: Mapping[str, Any],
    side: int,
    in_use: Callable[[Any], nn.Module] = lambda network: network,
) -> NetworkDescription:
    """Describe a network that takes one picture `(N, 3, side, side)` in [0, 1].

    Args:
        network: as loaded.
        kind: kind of weights in the catalog.
        architecture: its name in the catalog.
        options: of the architecture.
        side: side of the picture, in pixels.
        in_use: converts the network, possibly in place, to the form used for inference, whose
            multiply-adds are counted.
    """
    import torch

    parameters = count_parameters(network)
    picture = torch.zeros(1, 3, side, side)
    return NetworkDescription(
        kind=kind,
        architecture=architecture,
        options=dict(options),
        input_size=side,
        value_range=(0.0, 1.0),
        parameters=parameters,
        multiply_adds=count_multiply_adds(in_use(network), picture),
    )
