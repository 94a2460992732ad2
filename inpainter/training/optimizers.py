"""Optimizers as recipes name them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from collections.abc import Iterable

    from torch import nn
    from torch.optim.optimizer import Optimizer

    from inpainter.training.recipe import OptimizerSettings


def create_optimizers(
    settings: OptimizerSettings, generator: nn.Module, discriminator: nn.Module | None
) -> list[Optimizer]:
    """Make the generator's optimizer and, where there is a discriminator, its own."""
    optimizers = [
        _create(settings, generator.parameters(), settings.generator_rate, settings.betas)
    ]
    if discriminator is not None:
        betas = settings.discriminator_betas or settings.betas
        rate = settings.discriminator_rate
        optimizers.append(_create(settings, discriminator.parameters(), rate, betas))
    return optimizers


def _create(
    settings: OptimizerSettings,
    parameters: Iterable[nn.Parameter],
    rate: float,
    betas: tuple[float, float],
) -> Optimizer:
    if settings.kind == "adadelta":
        return torch.optim.Adadelta(parameters, rate)
    if settings.kind == "sgd":
        return torch.optim.SGD(parameters, rate, settings.momentum)
    return torch.optim.Adam(parameters, rate, betas)
