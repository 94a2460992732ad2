"""DMFN's losses on features that are simple enough to check by hand."""

from __future__ import annotations

import pytest
import torch
from torch import nn
from torch.nn import functional

from inpainter.losses import (
    GeometricAlignmentLoss,
    SelfGuidedLoss,
    error_guidance,
    response_centres,
)
from weights.base.errors import InputError


class Pyramid(nn.Module):
    """The picture, brightened to 0 and above, at three sizes."""

    def forward(self, picture: torch.Tensor) -> list[torch.Tensor]:
        bright = 0.5 * (picture + 1)
        return [bright, functional.avg_pool2d(bright, 2), functional.avg_pool2d(bright, 4)]


def test_guidance_is_0_where_the_error_is_least_and_1_where_it_is_greatest() -> None:
    target = torch.zeros(2, 3, 4, 4)
    result = target.clone()
    result[0, :, 1, 2], result[0, :, 3, 3] = 1.0, 0.5
    guidance = error_guidance(result, target)
    expected = torch.zeros(2, 1, 4, 4)
    expected[0, 0, 1, 2], expected[0, 0, 3, 3] = 1.0, 0.25
    torch.testing.assert_close(guidance, expected)
    with pytest.raises(InputError, match="compares two"):
        error_guidance(result, target[:1])


def test_self_guided_loss_insists_where_the_picture_is_wrong() -> None:
    target = torch.zeros(1, 3, 8, 8)
    result = target.clone()
    result[..., :4] = 0.5
    loss = SelfGuidedLoss(Pyramid())
    # Half the places differ by 0.25 in every layer; guidance doubles them in the first two.
    expected = 1000 / 9 * (0.25 / 2) * (2 + 2 + 1)
    assert loss(result, target).item() == pytest.approx(expected)
    unguided = SelfGuidedLoss(Pyramid(), guided_layers=0)
    assert unguided(result, target).item() == pytest.approx(expected * 3 / 5)
    assert loss(target, target).item() == 0


def test_centres_are_where_the_channel_responds() -> None:
    features = torch.zeros(1, 3, 5, 8)
    features[0, 0, 0, 7] = 3.0
    features[0, 1, 1, 2], features[0, 1, 3, 2] = 2.0, 2.0
    # Row i of 5 lies at 2 i / 5 - 1, column j of 8 at 2 j / 8 - 1.
    expected = torch.tensor([[[-1.0, 0.75], [-0.2, -0.5], [-0.2, -0.125]]])
    torch.testing.assert_close(response_centres(features), expected)


def test_alignment_feels_a_shift_and_not_a_change_of_strength() -> None:
    target = torch.full((1, 3, 9, 9), -1.0)
    target[..., 4, 4] = 1.0
    loss = GeometricAlignmentLoss(Pyramid())
    shifted = target.roll(2, dims=3).requires_grad_()
    assert loss(torch.where(target > 0, 0.2, -1.0), target).item() == pytest.approx(0, abs=1e-6)
    value = loss(shifted, target)
    value.backward()
    assert value.item() > 0.05
    assert shifted.grad.isfinite().all()


def test_alignment_is_the_mean_square_over_rows_and_columns() -> None:
    first, second = torch.zeros(2, 1, 3, 5, 5).unbind()
    first[..., 2, 2], second[..., 2, 4] = 1.0, 1.0
    same = nn.Module()
    same.forward = lambda picture: [picture]
    # Two places of five to the right are 0.8 in columns and 0 in rows.
    assert GeometricAlignmentLoss(same)(first, second).item() == pytest.approx(0.8**2 / 2, rel=1e-5)


def test_gradients_are_right() -> None:
    features = torch.rand(1, 2, 3, 4, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(response_centres, features)
