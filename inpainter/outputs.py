"""The output of a completion network."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True)
class CompletionOutput:
    """The output pictures of a completion network, each `(N, 3, H, W)` in [-1, 1].

    Attributes:
        coarse: the coarse picture of a coarse-to-fine network; None for one-stage networks.
        prediction: the network's whole output, including known pixels, for losses that compare
            those.
        completed: the prediction inside the hole and the input picture elsewhere.
    """

    coarse: Tensor | None
    prediction: Tensor
    completed: Tensor
