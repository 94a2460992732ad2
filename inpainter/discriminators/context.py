"""Context discriminators (Iizuka et al. 2017, "Globally and Locally Consistent Image Completion").

DMFN (Hui et al. 2020) uses the same pair with other activations and heads.
"""

from __future__ import annotations

import itertools
from functools import partial

import torch
from torch import Tensor, nn
from torch.nn import functional

from inpainter.networks.blocks.convolution_unit import convolution_unit


class _Branch(nn.Module):
    """Convolutions that halve a square until its side is 5 or less, and a fully connected layer."""

    def __init__(self, size: int, width: int, features: int, negative_slope: float) -> None:
        super().__init__()
        self.size = size
        channels = [3]
        while size > 5:
            size = (size + 1) // 2
            channels.append(width * min(2 ** (len(channels) - 1), 8))
        self.convolutions = nn.ModuleList(
            convolution_unit(
                inner, outer, 5, stride=2, activation=partial(nn.LeakyReLU, negative_slope)
            )
            for inner, outer in itertools.pairwise(channels)
        )
        self.summary = nn.Linear(channels[-1] * size * size, features)
        self.negative_slope = negative_slope

    def forward(self, picture: Tensor) -> tuple[list[Tensor], Tensor]:
        """Give the maps of each layer and the summary `(N, features)`."""
        maps = []
        for convolution in self.convolutions:
            picture = convolution(picture)
            maps.append(picture)
        summary = self.summary(picture.flatten(1))
        return maps, functional.leaky_relu(summary, self.negative_slope)


class ContextDiscriminator(nn.Module):
    """Scores a picture from its whole and from a window round the hole.

    Each branch is a stack of 5x5 convolutions with stride 2 and batch normalisation, enough to
    bring the side down to 5 or less, followed by a fully connected layer; a last layer fuses both.
    The defaults give the paper's 45,063,681 parameters for pictures of 256 pixels; 39,557,121 with
    `size=160, local_size=96`. DMFN's has `features=512, negative_slope=0.2` and 36,673,025.

    Args:
        size: side of the picture that the global branch sees; others are resized to it.
        local_size: side of the window that the local branch sees.
        width: channels of the first layer; they double up to 8 times that.
        features: outputs of each branch's fully connected layer.
        negative_slope: of the leaky ReLU, 0 for the paper's ReLU.
    """

    def __init__(
        self,
        size: int = 256,
        local_size: int = 128,
        width: int = 64,
        features: int = 1024,
        negative_slope: float = 0.0,
    ) -> None:
        super().__init__()
        self.local_branch = _Branch(local_size, width, features, negative_slope)
        self.global_branch = _Branch(size, width, features, negative_slope)
        self.score = nn.Linear(2 * features, 1)

    def forward(self, picture: Tensor, hole: Tensor) -> list[Tensor]:
        """Score pictures `(N, 3, H, W)` in [-1, 1] with holes `(N, 1, H, W)`, 1 = missing.

        Returns:
            The feature maps of the local branch, for feature matching, followed by the scores
            `(N, 1)`, logits.
        """
        windows = local_windows(picture, hole, self.local_branch.size)
        maps, near = self.local_branch(windows)
        _, far = self.global_branch(_resized(picture, self.global_branch.size))
        return [*maps, self.score(torch.cat([near, far], dim=1))]


def local_windows(picture: Tensor, hole: Tensor, size: int) -> Tensor:
    """Cut out of each picture the window round its own hole.

    The window is centred on the hole's bounding box, shifted to lie inside the picture, and has the
    side `size`, or the hole's if that is larger, so it always contains the whole hole. A window
    larger than `size`, or cut short by the picture's borders, is resized to `size`.

    Args:
        picture: `(N, C, H, W)`.
        hole: `(N, 1, H, W)`, 1 = missing; a picture without a hole gives its centre.
        size: side of the windows, pixels.

    Returns:
        `(N, C, size, size)`.
    """
    missing = (hole > 0.5)[:, 0]
    windows = []
    for one, rows, columns in zip(
        picture, missing.any(dim=2).tolist(), missing.any(dim=1).tolist(), strict=True
    ):
        top, bottom = _window(rows, size)
        left, right = _window(columns, size)
        windows.append(_resized(one[None, :, top:bottom, left:right], size))
    return torch.cat(windows)


def _window(missing: list[bool], size: int) -> tuple[int, int]:
    """Start and end of an interval of at least `size`, if it fits, round the missing positions."""
    places = [place for place, is_missing in enumerate(missing) if is_missing]
    first, last = (places[0], places[-1] + 1) if places else (0, len(missing))
    extent = min(len(missing), max(size, last - first) if places else size)
    start = min(max(0, (first + last - extent) // 2), len(missing) - extent)
    return start, start + extent


def _resized(picture: Tensor, size: int) -> Tensor:
    if picture.shape[2:] == (size, size):
        return picture
    return functional.interpolate(picture, (size, size), mode="bilinear", antialias=True)
