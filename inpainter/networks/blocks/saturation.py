"""Keeping a linear output in the range of pictures without stopping its gradient."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor


def saturate(picture: Tensor) -> Tensor:
    """Clamp `(...)` to [-1, 1], but pass the gradient on as if nothing had been clamped.

    Several papers give their last convolution's values as they are and clamp them when a picture is
    written. A plain clamp would leave a pixel that went past the range there for ever, because no
    gradient reaches it (the straight-through estimator of Bengio et al. 2013 mends that).
    """
    return picture + (picture.clamp(-1.0, 1.0) - picture).detach()
