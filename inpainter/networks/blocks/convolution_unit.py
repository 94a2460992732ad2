"""Convolution, normalisation and activation in one: the unit of most completion networks."""

from __future__ import annotations

from collections.abc import Callable

from torch import nn


def convolution_unit(
    in_channels: int,
    out_channels: int,
    kernel_size: int = 3,
    stride: int = 1,
    dilation: int = 1,
    *,
    normalization: Callable[[int], nn.Module] | None = nn.BatchNorm2d,
    activation: Callable[[], nn.Module] | None = nn.ReLU,
    activation_first: bool = False,
) -> nn.Sequential:
    """Convolve, normalise, activate: `(N, C_in, H, W)` to `(N, C_out, H / stride, W / stride)`.

    Args:
        in_channels: C_in.
        out_channels: C_out.
        kernel_size: odd side of the kernel; zeros pad the picture so that stride 1 keeps its size.
        stride: stride of the kernel; sides it does not divide are rounded up.
        dilation: spacing of the kernel's points.
        normalization: builds the normalisation for a number of channels; None for none.
        activation: builds the activation; None for none.
        activation_first: whether the activation comes before the normalisation.
    """
    padding = dilation * (kernel_size - 1) // 2
    convolution = nn.Conv2d(in_channels, out_channels, kernel_size, stride, padding, dilation)
    return _finished(convolution, out_channels, normalization, activation, activation_first)


def enlarging_unit(
    in_channels: int,
    out_channels: int,
    kernel_size: int = 4,
    *,
    normalization: Callable[[int], nn.Module] | None = nn.BatchNorm2d,
    activation: Callable[[], nn.Module] | None = nn.ReLU,
    activation_first: bool = False,
) -> nn.Sequential:
    """Double the size with a transposed convolution, normalise, activate.

    Maps `(N, C_in, H, W)` to `(N, C_out, 2 H, 2 W)`; `kernel_size` is even, other arguments as for
    `convolution_unit`.
    """
    convolution = nn.ConvTranspose2d(
        in_channels, out_channels, kernel_size, stride=2, padding=kernel_size // 2 - 1
    )
    return _finished(convolution, out_channels, normalization, activation, activation_first)


def _finished(
    convolution: nn.Module,
    channels: int,
    normalization: Callable[[int], nn.Module] | None,
    activation: Callable[[], nn.Module] | None,
    activation_first: bool,
) -> nn.Sequential:
    steps = []
    if normalization is not None:
        steps.append(normalization(channels))
    if activation is not None:
        steps.insert(0 if activation_first else len(steps), activation())
    return nn.Sequential(convolution, *steps)
