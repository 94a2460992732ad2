"""Optimizers by the names recipes use."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

import torch
from torch import nn
from torch.optim.optimizer import Optimizer

from inpainter.training.recipe import OptimizerSettings
from weights.base.optional_libraries import imported_for

MUON_MOMENTUM: Final = 0.95
"""Momentum of Muon, as its authors use it."""


def create_optimizers(
    settings: OptimizerSettings, generator: nn.Module, discriminator: nn.Module | None
) -> list[Optimizer]:
    """Create the optimizers of the generator and, if there is one, of the discriminator.

    Raises:
        MissingDependencyError: the recipe uses Muon and timm, which provides it, is not installed.
    """
    parameters, rate = generator.parameters(), settings.generator_lr
    if settings.kind == "muon":
        optimizers = [_create_muon(parameters, rate, settings.betas)]
    else:
        optimizers = [_create(settings, parameters, rate, settings.betas)]
    if discriminator is not None:
        betas = settings.discriminator_betas or settings.betas
        rate = settings.discriminator_lr
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


def _create_muon(
    parameters: Iterable[nn.Parameter], rate: float, betas: tuple[float, float]
) -> Optimizer:
    with imported_for("The optimizer 'muon'", "timm", "train"):
        from timm.optim.muon import Muon
    # Step sizes match Adam's, so that one rate suits the kernels and the parameters left to AdamW.
    return Muon(
        parameters,
        rate,
        momentum=MUON_MOMENTUM,
        nesterov=True,
        ns_coefficients="original",
        adjust_lr_fn="match_rms_adamw",
        betas=betas,
    )
