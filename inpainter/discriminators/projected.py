"""A discriminator that looks at fixed ImageNet features of the picture, and of its mouth."""

from __future__ import annotations

import itertools
from typing import Final, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.utils.parametrizations import spectral_norm

from inpainter.face_parts import cut_squares, mouth_of_hole
from inpainter.imagenet_features import CHANNELS, ImageNetFeatures, normalised

_MIXED: Final = (32, 64, 96, 128)
"""Channels of each level after the random mixing."""


class View(NamedTuple):
    """What heads see of one picture, or of one part of it.

    Attributes:
        maps: normalised features `(N, C, h, w)`, fine to coarse.
        hole: `(N, 1, H, W)`, 1 = missing.
    """

    maps: list[Tensor]
    hole: Tensor

    def detached(self) -> View:
        """Give the same without autograd."""
        return View([one.detach() for one in self.maps], self.hole)


class ProjectedDiscriminator(nn.Module):
    """Small spectrally normalised heads on four levels of fixed features.

    The features already know what eyes, noses and mouths look like, so the heads need only learn
    which of them are false; that takes a fraction of the steps of a discriminator from nothing.
    A fixed random mixing across channels, and from coarse levels to fine ones, keeps the heads
    from resting on a few features. Mouths are what gives a filled face away: other heads look at
    the mouth alone, enlarged, as GFPGAN's discriminators of facial components do.

    Looking (`look`) and judging (`judge`) are two steps, so that one look at the features serves
    the judgement of both networks and feature matching.

    Args:
        width: channels of the heads.
        mouth_size: side to which the square round the mouth is brought, pixels; None for no heads
            of the mouth's own.

    Raises:
        MissingDependencyError: the features' weights are not installed.

    Source: Sauer et al. 2021, "Projected GANs Converge Faster"; Wang et al. 2021, "Towards
    Real-World Blind Face Restoration with Generative Facial Prior" (GFPGAN).
    """

    def __init__(self, width: int = 64, mouth_size: int | None = None) -> None:
        super().__init__()
        self.mouth_size = mouth_size
        self.features = ImageNetFeatures()
        self.heads = nn.ModuleList(_Heads(width) for _ in range(1 if mouth_size is None else 2))

    def look(self, picture: Tensor, hole: Tensor, mouth: Tensor | None = None) -> list[View]:
        """Look at pictures `(N, 3, H, W)` in [-1, 1] with holes `(N, 1, H, W)`.

        Args:
            picture: the pictures.
            hole: 1 = missing.
            mouth: squares round the mouths, `(N, 3)`: centre x, y and side in pixels; a row of NaN,
                or None for all, where it is unknown and taken from the hole.

        Returns:
            The view of the whole and, where mouths are judged, of the mouth.
        """
        views = [self._view(picture, hole)]
        if self.mouth_size is not None:
            guessed = mouth_of_hole(hole)
            squares = guessed if mouth is None else torch.where(mouth.isnan(), guessed, mouth)
            both = cut_squares(
                torch.cat([picture, hole.to(picture.dtype)], 1), squares, self.mouth_size
            )
            views.append(self._view(both[:, :3], both[:, 3:].detach()))
        return views

    def judge(self, views: list[View]) -> list[Tensor]:
        """Score views: a map `(N, levels, h, w)` for each, one channel a level."""
        return [heads(view) for heads, view in zip(self.heads, views, strict=True)]

    def forward(self, picture: Tensor, hole: Tensor, mouth: Tensor | None = None) -> list[Tensor]:
        """Look and judge; see `look` for what is given.

        Returns:
            The features, for feature matching, and one map `(N, levels, h, w)` of scores, in which
            the whole and the mouth weigh alike.
        """
        return self.maps(self.look(picture, hole, mouth))

    def maps(self, views: list[View]) -> list[Tensor]:
        """Give what `forward` does of pictures that were looked at."""
        features = [one for view in views for one in view.maps]
        return [*features, joined(self.judge(views))]

    def _view(self, picture: Tensor, hole: Tensor) -> View:
        return View([normalised(one) for one in self.features(picture)], hole)


def joined(scores: list[Tensor]) -> Tensor:
    """Repeat maps `(N, levels, h, w)` of scores to the largest side and stack them by channels."""
    largest = max((one.shape[-2:] for one in scores), key=lambda shape: shape[0] * shape[1])
    return torch.cat(
        [functional.interpolate(one, size=largest, mode="nearest") for one in scores], dim=1
    )


class _Heads(nn.Module):
    """The random mixing and one head a level; all give scores of the coarsest level's size."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.across = nn.ModuleList(
            _RandomMixing(channels, mixed) for channels, mixed in zip(CHANNELS, _MIXED, strict=True)
        )
        self.down = nn.ModuleList(
            _RandomMixing(coarse, fine) for fine, coarse in itertools.pairwise(_MIXED)
        )
        self.heads = nn.ModuleList(
            _head(mixed + 1, width, halvings)
            for mixed, halvings in zip(_MIXED, (3, 2, 1, 0), strict=True)
        )

    def forward(self, view: View) -> Tensor:
        mixed = [mix(one) for mix, one in zip(self.across, view.maps, strict=True)]
        for level in reversed(range(len(self.down))):
            coarse = self.down[level](mixed[level + 1])
            mixed[level] = mixed[level] + functional.interpolate(
                coarse, size=mixed[level].shape[-2:], mode="nearest"
            )
        return torch.cat(
            [
                head(torch.cat([one, functional.adaptive_avg_pool2d(view.hole, one.shape[-2:])], 1))
                for head, one in zip(self.heads, mixed, strict=True)
            ],
            dim=1,
        )


class _RandomMixing(nn.Module):
    """A 1x1 convolution with weights drawn once, which keeps the size of its input."""

    weight: Tensor

    def __init__(self, inner: int, outer: int) -> None:
        super().__init__()
        weight = torch.randn(outer, inner, 1, 1) / inner**0.5
        self.register_buffer("weight", weight)

    def forward(self, features: Tensor) -> Tensor:
        return functional.conv2d(features, self.weight)


def _head(inner: int, width: int, halvings: int) -> nn.Sequential:
    """Three convolutions, the first `halvings` of which halve the side."""
    strides = [2] * halvings + [1] * (3 - halvings)
    return nn.Sequential(
        spectral_norm(nn.Conv2d(inner, width, 3, strides[0], 1)),
        nn.LeakyReLU(0.2),
        spectral_norm(nn.Conv2d(width, width, 3, strides[1], 1)),
        nn.LeakyReLU(0.2),
        spectral_norm(nn.Conv2d(width, 1, 3, strides[2], 1)),
    )
