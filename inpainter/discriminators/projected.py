"""A discriminator on fixed ImageNet features of the picture and of parts of it."""

from __future__ import annotations

import itertools
from typing import Final

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.utils.parametrizations import spectral_norm

from inpainter.data.face_parts import cut_squares, mouth_of_hole, square_in_hole
from inpainter.discriminators.views import View
from inpainter.features.imagenet import CHANNELS, ImageNetFeatures, normalised
from inpainter.networks.blocks.antialiasing import antialias

_MIXED: Final = (32, 64, 96, 128)
"""Channels of each level after the random mixing."""


class ProjectedDiscriminator(nn.Module):
    """Small heads with spectral normalisation on four levels of fixed features.

    The features already know what eyes, noses and mouths look like, so the heads only have to learn
    which of them are fake; that takes a fraction of the steps that a discriminator trained from
    scratch needs. A fixed random mixing across channels, and from coarse levels to fine ones, keeps
    the heads from relying on a few features. Mouths are what gives a filled face away, so a second
    set of heads sees only the mouth, enlarged, like GFPGAN's facial component discriminators. A
    third sees a random square of the hole, enlarged: grain, stubble and edges are too fine for the
    features of the whole.

    Feature extraction and scoring are separate steps (see `inpainter.discriminators.views`), so
    that features are computed once for both networks' losses and feature matching.

    Args:
        width: channels of the heads.
        mouth_size: side in pixels to which the square round the mouth is resized; None for no mouth
            heads.
        patch_size: side in pixels to which a random square of the hole, a quarter of the picture
            wide, is resized; None for no such heads.
        antialiased: whether pictures are filtered by `antialias` first, for networks whose output
            is.

    Raises:
        MissingDependencyError: the features' weights are not installed.

    Source: Sauer et al. 2021, "Projected GANs Converge Faster"; Wang et al. 2021, "Towards
    Real-World Blind Face Restoration with Generative Facial Prior" (GFPGAN).
    """

    def __init__(
        self,
        width: int = 64,
        mouth_size: int | None = None,
        patch_size: int | None = None,
        antialiased: bool = False,
    ) -> None:
        super().__init__()
        self.antialiased = antialiased
        self.mouth_size, self.patch_size = mouth_size, patch_size
        self.features = ImageNetFeatures()
        self.heads = nn.ModuleList(_Heads(width) for _ in range(1 + len(self._part_sizes())))

    def _part_sizes(self) -> list[int]:
        return [size for size in (self.mouth_size, self.patch_size) if size is not None]

    def parts(self, hole: Tensor, mouth: Tensor | None = None) -> list[Tensor]:
        """Choose the squares `(N, 3)` to look at: centre x, y and side in pixels.

        Args:
            hole: `(N, 1, H, W)`, 1 = missing.
            mouth: squares round the mouths, `(N, 3)`; a row of NaN if unknown, None if all are: the
                mouth is then guessed from the hole.
        """
        parts = []
        if self.mouth_size is not None:
            guessed = mouth_of_hole(hole)
            parts.append(guessed if mouth is None else torch.where(mouth.isnan(), guessed, mouth))
        if self.patch_size is not None:
            parts.append(square_in_hole(hole, hole.shape[-1] / 4))
        return parts

    def look(self, picture: Tensor, hole: Tensor, parts: list[Tensor]) -> list[View]:
        """Extract the features of pictures `(N, 3, H, W)` in [-1, 1] and of parts of them.

        Args:
            picture: the pictures.
            hole: `(N, 1, H, W)`, 1 = missing.
            parts: the squares that `parts` chose for these holes.

        Returns:
            The view of the whole picture, and one of each part.
        """
        if self.antialiased:
            picture = antialias(picture)
        views = [self._view(picture, hole)]
        both = torch.cat([picture, hole.to(picture.dtype)], 1)
        for squares, size in zip(parts, self._part_sizes(), strict=True):
            cut = cut_squares(both, squares, size)
            views.append(self._view(cut[:, :3], cut[:, 3:].detach()))
        return views

    def maps(self, views: list[View]) -> list[Tensor]:
        """Return the features of all views, then the scores `(N, views * levels, h, w)`.

        Smaller score maps are enlarged, so that all views have equal weight.
        """
        scores = [heads(view) for heads, view in zip(self.heads, views, strict=True)]
        features = [one for view in views for one in view.maps]
        return [*features, _joined(scores)]

    def forward(self, picture: Tensor, hole: Tensor) -> list[Tensor]:
        """Extract and score, with mouths guessed from the holes; see `look` and `maps`."""
        return self.maps(self.look(picture, hole, self.parts(hole)))

    def _view(self, picture: Tensor, hole: Tensor) -> View:
        return View([normalised(one) for one in self.features(picture)], hole)


def _joined(scores: list[Tensor]) -> Tensor:
    largest = max((one.shape[-2:] for one in scores), key=lambda shape: shape[0] * shape[1])
    return torch.cat(
        [functional.interpolate(one, size=largest, mode="nearest") for one in scores], dim=1
    )


class _Heads(nn.Module):
    """Random mixing and one head per level; all score at the coarsest level's resolution."""

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
    """A 1x1 convolution with fixed random weights that preserves the scale of its input."""

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
