"""Gated convolution is what its formula says, with all its options."""

from __future__ import annotations

import pytest
import torch
from torch import nn
from torch.nn import functional

from inpainter.networks.blocks.gated_convolution import (
    GatedConvolution,
    normalized_gated_convolution,
)


@pytest.mark.parametrize("stride", [1, 2])
@pytest.mark.parametrize("dilation", [1, 3])
@pytest.mark.parametrize("activation", [functional.elu, functional.relu, None])
def test_the_activation_is_applied_and_the_gate_weighs_it(activation, dilation, stride) -> None:
    torch.manual_seed(0)
    block = GatedConvolution(3, 4, 5, stride, dilation, activation)
    features = torch.randn(2, 3, 13, 10)
    weight, bias = block.convolution.weight, block.convolution.bias

    def convolve(part: slice) -> torch.Tensor:
        return functional.conv2d(features, weight[part], bias[part], stride, 2 * dilation, dilation)

    values = convolve(slice(0, 4))
    expected = (values if activation is None else activation(values)) * torch.sigmoid(
        convolve(slice(4, 8))
    )
    torch.testing.assert_close(block(features), expected)
    assert expected.shape[2:] == (-(-13 // stride), -(-10 // stride))


def test_its_state_holds_one_convolution_and_the_normalisation_only_if_asked_for() -> None:
    plain = GatedConvolution(3, 4)
    assert set(plain.state_dict()) == {"convolution.weight", "convolution.bias"}
    normalized = normalized_gated_convolution(3, 4)
    assert isinstance(normalized.normalization, nn.BatchNorm2d)
    out = normalized(torch.randn(8, 3, 9, 9))
    torch.testing.assert_close(out.mean(dim=(0, 2, 3)), torch.zeros(4), atol=1e-5, rtol=0)


def test_gradients_are_right() -> None:
    block = GatedConvolution(2, 2).double()
    features = torch.randn(1, 2, 4, 4, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(block, features)
