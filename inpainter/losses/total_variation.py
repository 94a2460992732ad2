"""Total variation: a preference for fills without speckle."""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional as F

from inpainter.losses.regions import check_pair, to_float32, weighted_mean


def total_variation_loss(picture: Tensor, hole: Tensor | None = None) -> Tensor:
    """Mean absolute difference of neighbours, down and across.

    Args:
        picture: `(N, C, H, W)`.
        hole: `(N, 1, H, W)`, 1 = missing; with it, only pairs of neighbours of which at least one
            lies in the hole count, so that its seam counts too.

    Returns:
        A scalar; a stripe pattern of one pixel and height 1 gives 1.

    Raises:
        InputError: the shapes do not fit.

    Source: Rudin et al. 1992; as a loss for holes, Liu et al. 2018.
    """
    check_pair(picture, picture, hole)
    values = to_float32(picture)
    across = (values[..., :, 1:] - values[..., :, :-1]).abs()
    down = (values[..., 1:, :] - values[..., :-1, :]).abs()
    if hole is None:
        return weighted_mean(across) + weighted_mean(down)
    pair_across = F.max_pool2d(to_float32(hole), (1, 2), stride=1)
    pair_down = F.max_pool2d(to_float32(hole), (2, 1), stride=1)
    return weighted_mean(across, pair_across) + weighted_mean(down, pair_down)


class TotalVariationLoss(nn.Module):
    """`total_variation_loss` of the result, inside the hole where one is given."""

    def forward(
        self,
        result: Tensor,
        target: Tensor | None = None,  # noqa: ARG002
        hole: Tensor | None = None,
    ) -> Tensor:
        """Look at `(N, C, H, W)` pictures; the target is not looked at. Gives a scalar."""
        return total_variation_loss(result, hole)
