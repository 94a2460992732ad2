"""What a discriminator sees, extracted once for both scoring and feature matching."""

from __future__ import annotations

from typing import NamedTuple, Protocol

from torch import Tensor, nn


class View(NamedTuple):
    """What a discriminator sees of a picture, or of one part of it.

    Attributes:
        maps: `(N, C, h, w)` each: fixed features, fine to coarse, or the picture itself.
        hole: `(N, 1, H, W)`, 1 = missing.
    """

    maps: list[Tensor]
    hole: Tensor

    def detached(self) -> View:
        """Return the view detached from autograd."""
        return View([one.detach() for one in self.maps], self.hole)


class Viewer(Protocol):
    """A discriminator that extracts features and scores them in separate steps."""

    def parts(self, hole: Tensor, mouth: Tensor | None) -> list[Tensor]:
        """Choose the parts to look at: squares `(N, 3)`, centre x, y and side, in pixels."""
        ...

    def look(self, picture: Tensor, hole: Tensor, parts: list[Tensor]) -> list[View]:
        """Extract the features of pictures `(N, 3, H, W)` in [-1, 1] and of their parts."""
        ...

    def maps(self, views: list[View]) -> list[Tensor]:
        """Return the features to match, followed by the scores."""
        ...


class WholePicture:
    """The same interface for a discriminator that works in one step.

    Args:
        discriminator: called with picture and hole; returns its maps, the scores last.
    """

    def __init__(self, discriminator: nn.Module) -> None:
        self._discriminator = discriminator

    def parts(self, _hole: Tensor, _mouth: Tensor | None) -> list[Tensor]:
        """Choose none."""
        return []

    def look(self, picture: Tensor, hole: Tensor, _parts: list[Tensor]) -> list[View]:
        """Return the pictures unchanged."""
        return [View([picture], hole)]

    def maps(self, views: list[View]) -> list[Tensor]:
        """Return all maps of the discriminator."""
        (((picture,), hole),) = views
        return self._discriminator(picture, hole)
