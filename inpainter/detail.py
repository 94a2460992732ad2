"""Detail for large faces: a second network refines a 256-pixel fill at 512 pixels."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, Literal, cast, get_args

import numpy as np
import torch

from inpainter.data.framing import squared_crop
from inpainter.networks.gated_detail import enlarged_guess
from inpainter.tensors import to_tensor, to_uint8
from inpainter.weight_files import load_completion_network
from weights.base.backends import Backend, on_backend
from weights.base.contracts import Hole, Image
from weights.base.names import unknown_name
from weights.catalog.lookup import list_weights

DetailMode = Literal["auto", "off"]
"""Whether fills of large faces get detail, if its weights are installed, or are only enlarged."""

WEIGHTS: Final = "gated-detail.faces512"
"""Name of the weights in the catalog."""

SIDE: Final = 512
"""Side, in pixels, at which detail is generated."""

SMALLEST_CROP: Final = 320
"""Side of a crop, in pixels, above which detail is generated."""

_BATCH: Final = 4


def check_detail_mode(mode: str) -> DetailMode:
    """Validate the mode.

    Raises:
        ConfigurationError: it is not a `DetailMode`.
    """
    if mode not in get_args(DetailMode):
        raise unknown_name("detail of an inpainter", str(mode), get_args(DetailMode))
    return cast("DetailMode", mode)


def can_paint_detail() -> bool:
    """Whether the weights are installed."""
    return WEIGHTS in list_weights(kind="inpainter")


class DetailPainter:
    """Adds detail to fills of half the side.

    Args:
        device: where it runs.
        dtype: precision.
        backend: backend of the network.

    Raises:
        WeightsError: the weights are missing or damaged.
    """

    def __init__(
        self, device: torch.device, dtype: torch.dtype, backend: Backend = "torch"
    ) -> None:
        network: Any = load_completion_network("gated-detail", WEIGHTS)
        self._device, self._dtype = device, dtype
        self._add_detail = on_backend(
            backend, _AddedDetail(network).to(memory_format=torch.channels_last), device, dtype
        )

    def __call__(
        self, crops: Sequence[Image], holes: Sequence[Hole], fills: Sequence[Image]
    ) -> list[Image]:
        """Add detail to fills.

        Args:
            crops: uint8 RGB `(H, W, 3)`, of any sizes.
            holes: bool `(H, W)`, True = missing.
            fills: uint8 RGB `(256, 256, 3)`, one for each crop.

        Returns:
            uint8 RGB `(512, 512, 3)`, one for each fill.
        """
        painted: list[Image] = []
        for start in range(0, len(crops), _BATCH):
            chosen = slice(start, start + _BATCH)
            seen = [
                squared_crop(*one, SIDE) for one in zip(crops[chosen], holes[chosen], strict=True)
            ]
            with torch.inference_mode():
                hole = torch.from_numpy(np.stack([hole for _, hole in seen]))[:, None]
                hole = hole.to(self._device, self._dtype)
                image = self._pictures([crop for crop, _ in seen]) * (1.0 - hole)
                guess = enlarged_guess(to_tensor(fills[chosen], self._device))
                result = self._add_detail(image, hole, guess)
            painted.extend(to_uint8(result))
        return painted

    def _pictures(self, pictures: Sequence[Image]) -> torch.Tensor:
        return to_tensor(pictures, self._device).to(self._dtype, memory_format=torch.channels_last)


class _AddedDetail(torch.nn.Module):
    """A detail network whose `forward` is `add_detail`."""

    def __init__(self, network: Any) -> None:
        super().__init__()
        self.network = network

    def forward(self, image: torch.Tensor, hole: torch.Tensor, guess: torch.Tensor) -> torch.Tensor:
        return self.network.add_detail(image, hole, guess)
