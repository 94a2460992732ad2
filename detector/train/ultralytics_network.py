"""Ultralytics' network for training on a CPU; imports Ultralytics, like the trainer."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

from detector.find.isolation import import_quietly
from weights.base.device import is_fast_in_bfloat16

import_quietly("ultralytics.nn.tasks")

from ultralytics.nn.tasks import SegmentationModel  # noqa: E402


class MaskNetwork(SegmentationModel):
    """The segmentation network, which on a CPU may compute in bfloat16 and returns float32.

    Args:
        description: from `network_description`.
        bfloat16: whether to compute in bfloat16 on CPUs that are fast at it.
    """

    def __init__(self, description: dict[str, Any], bfloat16: bool = False) -> None:
        self.computes_in_bfloat16 = False
        super().__init__(description, ch=3, verbose=False)
        self.computes_in_bfloat16 = bfloat16 and is_fast_in_bfloat16(torch.device("cpu"))

    def predict(self, x: torch.Tensor, *args: Any, **options: Any) -> Any:
        """Run the network on a batch `(N, 3, H, W)` in [0, 1]."""
        if not self.computes_in_bfloat16 or x.device.type != "cpu":
            return super().predict(x, *args, **options)
        with torch.autocast("cpu", torch.bfloat16):
            outputs = super().predict(x, *args, **options)
        return _as_float32(outputs)


def _as_float32(value: Any) -> Any:
    if isinstance(value, torch.Tensor):
        return value.float() if value.dtype == torch.bfloat16 else value
    if isinstance(value, dict):
        return {key: _as_float32(entry) for key, entry in value.items()}
    if isinstance(value, (list, tuple)):
        return type(value)(_as_float32(entry) for entry in value)
    return value


def unwrapped(network: Any) -> nn.Module:
    """The network itself, without the wrapper of distributed training."""
    inner: nn.Module = getattr(network, "module", network)
    return inner
