"""Knowledge distillation from another network, layer by layer of its pyramid.

Source: Sargsyan et al. 2023, "MI-GAN: A Simple Baseline for Image Inpainting on Mobile Devices".
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from inpainter.losses import l1_loss
from inpainter.networks.blocks.saturation import saturate
from inpainter.outputs import CompletionOutput
from inpainter.training.recipe import DistillationSettings
from inpainter.weight_files import load_completion_network
from weights.base.errors import ConfigurationError, WeightsError


class Distillation:
    """A trained teacher network, and a student's distance from it.

    The teacher is not trained: it is in no checkpoint and no optimizer.

    Args:
        settings: the teacher, and the smallest side to compare.

    Raises:
        WeightsError: the teacher's weights are missing or damaged.
        ConfigurationError: the teacher has no pyramid.
    """

    def __init__(self, settings: DistillationSettings) -> None:
        try:
            self.teacher: Any = load_completion_network(weights=settings.teacher)
        except WeightsError as error:
            raise WeightsError(
                "The teacher of the distillation, which is trained first, could not be loaded: "
                f"{error}"
            ) from error
        self.teacher.requires_grad_(False)
        check_pyramid(self.teacher, "teacher")
        self.smallest_side = settings.smallest_side

    def paint(self, student: Any, image: Tensor, hole: Tensor) -> tuple[CompletionOutput, Tensor]:
        """Run the student, and compare its pyramid with the teacher's.

        Args:
            student: a completion network with `pyramid` and `assemble`.
            image: `(N, 3, H, W)` in [-1, 1].
            hole: `(N, 1, H, W)`, 1 = missing.

        Returns:
            The student's output, and the sum over sides of the absolute difference between both
            pyramids' layers inside the hole, divided by all pixels of the side.

        Raises:
            ConfigurationError: the pyramids have no side in common.
        """
        differences: list[Tensor] = []

        def paint(known: Tensor, missing: Tensor) -> tuple[None, Tensor]:
            layers = student.pyramid(known, missing)
            differences.append(self._difference(layers, known, missing))
            return None, saturate(student.assemble(layers))

        output: CompletionOutput = student.complete(image, hole, paint)
        return output, differences[0]

    def _difference(self, painted: list[Tensor], known: Tensor, missing: Tensor) -> Tensor:
        self.teacher.to(known.device)
        latent = getattr(self.teacher, "latent", None)
        # A teacher with latents gives another fill each time, as in the paper.
        drawn = [] if latent is None else [torch.randn_like(latent.expand(len(known), -1))]
        with torch.no_grad():
            taught = self.teacher.pyramid(known, missing, *drawn)
        by_side = {one.shape[-2:]: one for one in taught}
        total = None
        for one in painted:
            target = by_side.get(one.shape[-2:])
            if target is None or min(one.shape[-2:]) < self.smallest_side:
                continue
            weight = functional.interpolate(missing, one.shape[-2:], mode="nearest")
            term = l1_loss(one, target, weight, over_picture=True)
            total = term if total is None else total + term
        if total is None:
            raise ConfigurationError(
                "The two networks of the distillation have no pictures of the same side, of "
                f"{self.smallest_side} pixels or more."
            )
        return total


def check_pyramid(network: nn.Module, who: str) -> None:
    """Check that a network predicts at several sides.

    Raises:
        ConfigurationError: it has no method `pyramid`.
    """
    if not callable(getattr(network, "pyramid", None)):
        raise ConfigurationError(
            f"The {who} of a distillation must have pictures at several sides, as 'migan' and "
            f"'comodgan' have, but {type(network).__name__} has none."
        )
