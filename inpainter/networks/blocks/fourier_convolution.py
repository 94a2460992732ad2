"""Fast Fourier convolution (Chi et al. 2020), as LaMa uses it (Suvorov et al. 2022)."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from inpainter.networks.blocks.reflection import reflect


class FourierUnit(nn.Module):
    """A 1x1 convolution of the spectrum: each output value depends on the whole map.

    Maps `(N, C_in, H, W)` to `(N, C_out, H, W)`. Real and imaginary parts are stacked as channels,
    convolved, normalised, rectified, and transformed back.

    The transform always runs in float32, even under autocast and in half-precision networks: half
    precision cannot hold the sums of a large map, and most FFT libraries support it only for powers
    of two.

    Args:
        in_channels: C_in.
        out_channels: C_out.
    """

    def __init__(self, in_channels: int, out_channels: int) -> None:
        super().__init__()
        self.convolution = nn.Conv2d(2 * in_channels, 2 * out_channels, 1, bias=False)
        self.norm = nn.BatchNorm2d(2 * out_channels)

    def forward(self, features: Tensor) -> Tensor:
        """Map `(N, C_in, H, W)` to `(N, C_out, H, W)`."""
        dtype, size = features.dtype, features.shape[2:]
        # Autocast runs Fourier transforms in the precision of their input.
        spectrum = torch.fft.rfft2(features.float().contiguous(), norm="ortho")
        parts = torch.cat([spectrum.real, spectrum.imag], dim=1)
        weighted = self.convolution(parts.to(dtype))
        real, imaginary = functional.relu(self.norm(weighted)).chunk(2, dim=1)
        spectrum = torch.complex(real.float().contiguous(), imaginary.float().contiguous())
        return torch.fft.irfft2(spectrum, s=size, norm="ortho").to(dtype)


class SpectralTransform(nn.Module):
    """A Fourier unit of half the width, with a skip, between two 1x1 convolutions.

    Maps `(N, C_in, H, W)` to `(N, C_out, H, W)`. The local Fourier unit of Chi et al. is left out,
    as in LaMa.
    """

    def __init__(self, in_channels: int, out_channels: int) -> None:
        super().__init__()
        inner = out_channels // 2
        self.reduction = nn.Sequential(
            nn.Conv2d(in_channels, inner, 1, bias=False), nn.BatchNorm2d(inner), nn.ReLU()
        )
        self.fourier = FourierUnit(inner, inner)
        self.expansion = nn.Conv2d(inner, out_channels, 1, bias=False)

    def forward(self, features: Tensor) -> Tensor:
        """Map `(N, C_in, H, W)` to `(N, C_out, H, W)`."""
        features = self.reduction(features)
        return self.expansion(features + self.fourier(features))


class FourierConvolution(nn.Module):
    """A convolution with a local and a global stream, followed by BatchNorm and ReLU.

    The first channels of a map are local and processed by spatial convolutions; the last, a
    fraction `ratio`, are global and processed in the frequency domain. Maps `(N, C_in, H, W)` to
    `(N, C_out, H', W')`. Convolutions use reflection padding and have no bias.

    Args:
        in_channels: C_in.
        out_channels: C_out.
        kernel_size: odd side of the spatial kernels.
        stride: stride of the kernels; the Fourier path requires stride 1.
        in_ratio: fraction of global channels in the input.
        out_ratio: fraction of global channels in the output.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: int = 3,
        stride: int = 1,
        in_ratio: float = 0.75,
        out_ratio: float = 0.75,
    ) -> None:
        super().__init__()
        self.padding = kernel_size // 2
        global_in, global_out = int(in_channels * in_ratio), int(out_channels * out_ratio)
        self.widths = [in_channels - global_in, global_in]
        local_in, local_out = self.widths[0], out_channels - global_out

        def spatial(inner: int, outer: int) -> nn.Module | None:
            if inner == 0 or outer == 0:
                return None
            return nn.Conv2d(inner, outer, kernel_size, stride, bias=False)

        self.local_to_local = spatial(local_in, local_out)
        self.local_to_global = spatial(local_in, global_out)
        self.global_to_local = spatial(global_in, local_out)
        self.global_to_global = (
            SpectralTransform(global_in, global_out) if global_in and global_out else None
        )
        self.norm = nn.BatchNorm2d(out_channels)

    def forward(self, features: Tensor) -> Tensor:
        """Map `(N, C_in, H, W)` to `(N, C_out, H', W')`."""
        padded = reflect(features, self.padding)
        local, distant = padded.split(self.widths, dim=1)
        whole = features[:, self.widths[0] :]
        to_local = _total((self.local_to_local, local), (self.global_to_local, distant))
        to_global = _total((self.local_to_global, local), (self.global_to_global, whole))
        streams = [stream for stream in (to_local, to_global) if stream is not None]
        return functional.relu(self.norm(torch.cat(streams, dim=1)))


def _total(*paths: tuple[nn.Module | None, Tensor]) -> Tensor | None:
    """Sum the outputs of the paths that exist; None if there are none."""
    given = [path(features) for path, features in paths if path is not None]
    return sum(given[1:], given[0]) if given else None
