"""Total variation: a preference for fills without speckle."""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional as F

from inpainter.losses.regions import check_pair, to_float32, weighted_mean


def total_variation_loss(picture: Tensor, hole: Tensor | None = None) -> Tensor:
    """Mean absolute difference of vertical and horizontal neighbours.

    Args:
        picture: `(N, C, H, W)`.
        hole: `(N, 1, H, W)`, 1 = missing; if given, only pairs of neighbours with at least one
            pixel in the hole count, which includes the seam.

    Returns:
        A scalar; one-pixel stripes of height 1 give 1.

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
    """`total_variation_loss` of the result, inside the hole if one is given."""

    def forward(
        self,
        result: Tensor,
        target: Tensor | None = None,  # noqa: ARG002
        hole: Tensor | None = None,
    ) -> Tensor:
        """Compute the loss of `(N, C, H, W)` pictures, ignoring the target; returns a scalar."""
        return total_variation_loss(result, hole)
