"""Averages over part of a picture, the basis of all picture losses."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal, get_args

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from weights.base.errors import ConfigurationError, InputError

Region = Literal["whole", "hole", "valid", "discounted"]
REGIONS: tuple[Region, ...] = get_args(Region)


def check_pair(result: Tensor, target: Tensor, weight: Tensor | None = None) -> None:
    """Reject tensors that would silently broadcast into a wrong loss.

    Raises:
        InputError: result and target are not `(N, C, H, W)` of one shape, or the weight is not the
            matching `(N, 1, H, W)`.
    """
    if result.shape != target.shape or result.dim() != 4:
        raise InputError(
            f"A loss compares two (N, C, H, W) tensors of one shape, but got "
            f"{tuple(result.shape)} and {tuple(target.shape)}."
        )
    if weight is not None:
        expected = (result.shape[0], 1, *result.shape[2:])
        if tuple(weight.shape) != expected:
            raise InputError(
                f"The hole of a loss must have shape {expected}, but has {tuple(weight.shape)}."
            )


def difference(result: Tensor, target: Tensor, weight: Tensor | None = None) -> Tensor:
    """Return result minus target, `(N, C, H, W)`, float32 or wider.

    Raises:
        InputError: the shapes do not fit, see `check_pair`.
    """
    check_pair(result, target, weight)
    return to_float32(result) - to_float32(target)


def to_float32(values: Tensor) -> Tensor:
    """Convert half precision to float32, so that sums stay accurate."""
    return values.float() if values.dtype in (torch.float16, torch.bfloat16) else values


def weighted_means(
    values: Tensor, weight: Tensor | None = None, *, over_picture: bool = False
) -> Tensor:
    """Weighted average over each picture.

    Each picture is divided by its own sum of weights, so padding it with pixels of weight 0 does
    not change its average.

    Args:
        values: `(N, C, H, W)`.
        weight: `(N, 1, H, W)`, at least 0; None for equal weights. A picture whose weights are all
            0 counts as 0.
        over_picture: divide by the number of all pixels instead, so that small weights count less.

    Returns:
        `(N,)`, float32 or wider.
    """
    values = to_float32(values)
    if weight is None:
        return values.mean(dim=(1, 2, 3))
    weight = weight.to(values.dtype)
    if over_picture:
        return (values * weight).mean(dim=(1, 2, 3))
    total = weight.sum(dim=(1, 2, 3)) * values.shape[1]
    summed = (values * weight).sum(dim=(1, 2, 3))
    return summed / total.clamp_min(torch.finfo(values.dtype).tiny)


def weighted_mean(
    values: Tensor, weight: Tensor | None = None, *, over_picture: bool = False
) -> Tensor:
    """Average of `weighted_means` over the batch.

    Arguments are those of `weighted_means`.

    Returns:
        A scalar, float32 or wider.
    """
    return weighted_means(values, weight, over_picture=over_picture).mean()


@torch.no_grad()
def discount_weights(hole: Tensor, gamma: float = 0.97, reach: int = 64) -> Tensor:
    """Weight a hole's pixels by gamma to the power of their distance to known pixels.

    Deep inside a hole many fills are plausible, so a pixel-wise loss should count less there.

    Args:
        hole: `(N, 1, H, W)`, 1 = missing.
        gamma: 0 to 1, the factor per pixel of distance.
        reach: distances beyond this many pixels count as this many.

    Returns:
        `(N, 1, H, W)`: gamma ** distance inside the hole (chessboard distance to the nearest known
        pixel, 1 at the rim), 0 outside.

    Source: Yu et al. 2018, "Generative Image Inpainting with Contextual Attention" (spatially
    discounted loss; gamma 0.99 in the text, 0.9 in the code).
    """
    inside = to_float32(hole)
    remaining = inside
    distance = torch.zeros_like(inside)
    for _ in range(reach):
        distance += remaining
        remaining = -F.max_pool2d(-F.pad(remaining, (1, 1, 1, 1), value=1.0), 3, stride=1)
        # On other devices this check would force a synchronisation each time.
        if hole.device.type == "cpu" and not remaining.any():
            break
    return inside * gamma**distance


def region_weight(
    hole: Tensor | None, region: Region, gamma: float = 0.97, reach: int = 64
) -> Tensor | None:
    """Turn a region's name into the weights for averaging a loss.

    Args:
        hole: `(N, 1, H, W)`, 1 = missing; may only be None for "whole".
        region: "whole"; "hole"; "valid", everything but the hole; or "discounted", the hole
            weighted by `discount_weights`.
        gamma: for "discounted".
        reach: for "discounted".

    Returns:
        `(N, 1, H, W)`, or None for "whole".

    Raises:
        InputError: the region needs a hole and none is given.
    """
    if region == "whole":
        return None
    if hole is None:
        raise InputError(f"A loss over the region {region!r} needs a hole.")
    if region == "hole":
        return hole
    if region == "valid":
        return 1.0 - to_float32(hole)
    return discount_weights(hole, gamma, reach)


class RegionLoss(nn.Module):
    """A loss over one region of the picture.

    Args:
        loss: called with the result, the target and the region's weights.
        region: which part of the picture counts, see `region_weight`.
        gamma: see `region_weight`.
        reach: see `region_weight`.

    Raises:
        ConfigurationError: the region is unknown.
    """

    def __init__(
        self, loss: Callable[..., Tensor], region: Region, gamma: float = 0.97, reach: int = 64
    ) -> None:
        super().__init__()
        if region not in REGIONS:
            raise ConfigurationError(
                f"Unknown region {region!r} of a loss: use one of {', '.join(REGIONS)}."
            )
        self.loss, self.region, self.gamma, self.reach = loss, region, gamma, reach

    def forward(self, result: Tensor, target: Tensor, hole: Tensor | None = None) -> Tensor:
        """Compare `(N, C, H, W)` pictures; hole `(N, 1, H, W)`, 1 = missing. Returns a scalar."""
        return self.loss(result, target, region_weight(hole, self.region, self.gamma, self.reach))
