"""Exponential moving average of a network's weights, with a warm-up."""

from __future__ import annotations

import copy

import torch
from torch import nn


class MovingAverage(nn.Module):
    """A copy of a network whose weights are an exponential moving average of the trained ones.

    The decay is `min(decay, (1 + t) / (10 + t))` after t updates, so that the initial weights are
    soon forgotten. Buffers are copied.

    Args:
        network: the network to follow; it is copied.
        decay: fraction of the old average that each update keeps.
    """

    updates: torch.Tensor

    def __init__(self, network: nn.Module, decay: float = 0.999) -> None:
        super().__init__()
        self.decay = decay
        self.network = copy.deepcopy(network).eval().requires_grad_(False)
        self.register_buffer("updates", torch.zeros((), dtype=torch.long))

    @torch.no_grad()
    def update(self, network: nn.Module) -> None:
        """Move the average one step towards `network`."""
        done = int(self.updates)
        decay = min(self.decay, (1 + done) / (10 + done))
        averages = [one.detach() for one in self.network.parameters()]
        current = [one.detach() for one in network.parameters()]
        torch._foreach_lerp_(averages, current, 1.0 - decay)
        for average, buffer in zip(self.network.buffers(), network.buffers(), strict=True):
            average.copy_(buffer)
        self.updates += 1
