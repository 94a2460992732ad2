"""What a discriminator looks at, so that one look serves judging and feature matching alike."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Protocol

if TYPE_CHECKING:
    from torch import Tensor, nn


class View(NamedTuple):
    """What is judged of one picture, or of one part of it.

    Attributes:
        maps: `(N, C, h, w)` each: fixed features, fine to coarse, or the picture itself.
        hole: `(N, 1, H, W)`, 1 = missing.
    """

    maps: list[Tensor]
    hole: Tensor

    def detached(self) -> View:
        """Give the same without autograd."""
        return View([one.detach() for one in self.maps], self.hole)


class Looks(Protocol):
    """A discriminator whose look at pictures is a step of its own, apart from its judgement."""

    def parts(self, hole: Tensor, mouth: Tensor | None) -> list[Tensor]:
        """Choose the parts to look at: squares `(N, 3)`, centre x, y and side in pixels."""
        ...

    def look(self, picture: Tensor, hole: Tensor, parts: list[Tensor]) -> list[View]:
        """Look at pictures `(N, 3, H, W)` in [-1, 1] and at those parts of them."""
        ...

    def maps(self, views: list[View]) -> list[Tensor]:
        """Give the features that are matched and, last, the scores."""
        ...


class WholePicture:
    """The same of a discriminator that takes picture and hole and judges them in one step.

    Args:
        discriminator: called with picture and hole, gives its maps, the scores last.
    """

    def __init__(self, discriminator: nn.Module) -> None:
        self._discriminator = discriminator

    def parts(self, hole: Tensor, mouth: Tensor | None) -> list[Tensor]:
        """Choose none."""
        del hole, mouth
        return []

    def look(self, picture: Tensor, hole: Tensor, parts: list[Tensor]) -> list[View]:
        """Leave the pictures as they are."""
        del parts
        return [View([picture], hole)]

    def maps(self, views: list[View]) -> list[Tensor]:
        """Give all maps of the discriminator."""
        (((picture,), hole),) = views
        return self._discriminator(picture, hole)
