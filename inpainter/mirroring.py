"""A guess from two views: a picture and its mirror image."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import Tensor


def mirrored_mean(paint: Callable[..., Tensor], *given: Tensor) -> Tensor:
    """Paint pictures and their mirror images in one batch, and take the mean of both guesses.

    Args:
        paint: is called with twice as many pictures, and gives `(2 N, C, H, W)`.
        given: what is painted from, each `(N, C, H, W)`.

    Returns:
        `(N, C, H, W)`; that of mirrored pictures is the mirror image.
    """
    guess, mirror_guess = paint(*(torch.cat([one, one.flip(3)]) for one in given)).chunk(2)
    return (guess + mirror_guess.flip(3)) / 2.0
