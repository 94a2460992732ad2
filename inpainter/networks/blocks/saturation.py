"""Clamping a linear output to the range of pictures without stopping its gradient."""

from __future__ import annotations

from torch import Tensor


def saturate(picture: Tensor) -> Tensor:
    """Clamp `(...)` to [-1, 1], with the gradient of the identity.

    Several papers use the last convolution's linear output and clamp it when a picture is written.
    With a plain clamp, a pixel out of range would get no gradient and stay there; this is the
    straight-through estimator of Bengio et al. 2013.
    """
    return picture + (picture.clamp(-1.0, 1.0) - picture).detach()
