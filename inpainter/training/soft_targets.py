"""Learning from pictures that are partly what a trained network guesses.

Sources: Furlanello et al. 2018, "Born Again Neural Networks"; Zhang and Sabuncu 2020,
"Self-Distillation as Instance-Specific Label Smoothing".
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor

from inpainter.mirroring import mirrored_mean
from inpainter.training.teacher import load_teacher

if TYPE_CHECKING:
    from inpainter.training.recipe import SoftTargetSettings


class SoftTargets:
    """Mixes true pictures with a teacher's guess, inside the hole.

    The teacher is no part of what is trained: it is in no checkpoint and no optimizer.

    Args:
        settings: which teacher, and what its guess counts.

    Raises:
        WeightsError: the teacher's weights are missing or damaged.
    """

    def __init__(self, settings: SoftTargetSettings) -> None:
        self.teacher = load_teacher(settings.teacher, "soft targets")
        self.teacher.to(memory_format=torch.channels_last)
        self.share, self.mirrored = settings.share, settings.mirrored

    @torch.no_grad()
    def mix(self, image: Tensor, hole: Tensor, *given: Tensor) -> Tensor:
        """Give the pictures that are to be learned.

        Args:
            image: the true pictures, `(N, 3, H, W)` in [-1, 1].
            hole: where they are mixed, `(N, 1, H, W)`, 1 = mixed.
            given: what the teacher is called with, each `(N, C, H, W)`.

        Returns:
            `(N, 3, H, W)` in [-1, 1], the true pictures outside of `hole`.
        """
        self.teacher.to(image.device)
        guess = mirrored_mean(self._guess, *given) if self.mirrored else self._guess(*given)
        return torch.lerp(image, guess, self.share * hole)

    def _guess(self, *given: Tensor) -> Tensor:
        guess: Tensor = self.teacher(*given).prediction
        return guess.float()
