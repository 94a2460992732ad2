"""What a completion network gives back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True)
class CompletionOutput:
    """The pictures that a completion network makes, each `(N, 3, H, W)` in [-1, 1].

    Attributes:
        coarse: the first guess of a coarse-to-fine network, None where there is one stage only.
        prediction: the whole picture as the network paints it, known pixels included; losses that
            look at known pixels use it.
        completed: the prediction inside the hole and the given picture elsewhere.
    """

    coarse: Tensor | None
    prediction: Tensor
    completed: Tensor
