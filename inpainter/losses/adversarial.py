"""The two sides of the game between a network and its discriminator.

All scores are logits, before any sigmoid, of any shape: one number a picture, a map of patches, or
a list of such for several scales. A list counts as the mean of its members.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Literal, TypeAlias, get_args

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from inpainter.losses.regions import widen
from weights.errors import ConfigurationError, InputError

Scores: TypeAlias = Tensor | Sequence[Tensor]
AdversarialKind = Literal["hinge", "bce", "least-squares", "logistic", "relativistic-average"]


def _mean(scores: Scores, score: Callable[[Tensor], Tensor]) -> Tensor:
    """Average `score` over a map, or over the maps of a list."""
    maps = [scores] if isinstance(scores, Tensor) else list(scores)
    if not maps:
        raise InputError("An adversarial loss needs at least one map of scores.")
    return torch.stack([score(widen(one)).mean() for one in maps]).mean()


def hinge_discriminator_loss(real: Scores, fake: Scores) -> Tensor:
    """Give mean max(0, 1 - real) + mean max(0, 1 + fake); 2 for an undecided discriminator.

    Source: Lim and Ye 2017, "Geometric GAN"; DeepFill v2 takes half of it.
    """
    return _mean(real, lambda s: F.relu(1.0 - s)) + _mean(fake, lambda s: F.relu(1.0 + s))


def hinge_generator_loss(fake: Scores) -> Tensor:
    """Give -mean fake; it has no lower bound."""
    return _mean(fake, lambda s: -s)


def bce_discriminator_loss(real: Scores, fake: Scores, real_label: float = 1.0) -> Tensor:
    """Binary cross-entropy of real against `real_label` plus that of fake against 0.

    2 ln 2 for an undecided discriminator. A `real_label` of 0.9 is one-sided label smoothing
    (Salimans et al. 2016).
    """
    return _mean(
        real, lambda s: F.binary_cross_entropy_with_logits(s, torch.full_like(s, real_label))
    ) + _mean(fake, lambda s: F.binary_cross_entropy_with_logits(s, torch.zeros_like(s)))


def bce_generator_loss(fake: Scores) -> Tensor:
    """Binary cross-entropy of fake against 1; ln 2 where the discriminator is undecided."""
    return _mean(fake, lambda s: F.binary_cross_entropy_with_logits(s, torch.ones_like(s)))


def least_squares_discriminator_loss(real: Scores, fake: Scores) -> Tensor:
    """Give mean (real - 1)^2 + mean fake^2, halved; 0.25 for scores of 0.5.

    Source: Mao et al. 2017, "Least Squares Generative Adversarial Networks".
    """
    return 0.5 * (_mean(real, lambda s: (s - 1.0).square()) + _mean(fake, torch.square))


def least_squares_generator_loss(fake: Scores) -> Tensor:
    """Give mean (fake - 1)^2, halved."""
    return 0.5 * _mean(fake, lambda s: (s - 1.0).square())


def logistic_discriminator_loss(real: Scores, fake: Scores) -> Tensor:
    """Give mean softplus(-real) + mean softplus(fake), the partner of `logistic_generator_loss`."""
    return _mean(real, lambda s: F.softplus(-s)) + _mean(fake, F.softplus)


def logistic_generator_loss(fake: Scores) -> Tensor:
    """Give mean softplus(-fake): the non-saturating loss, whose gradient lasts while fakes are bad.

    Source: Goodfellow et al. 2014, "Generative Adversarial Nets", section 3.
    """
    return _mean(fake, lambda s: F.softplus(-s))


def _relative(scores: Tensor, others: Tensor) -> Tensor:
    return widen(scores) - widen(others).mean()


def _check_plain(scores: Scores) -> Tensor:
    if not isinstance(scores, Tensor):
        raise InputError("The relativistic loss takes one map of scores, not a list.")
    return scores


def relativistic_average_discriminator_loss(real: Scores, fake: Scores) -> Tensor:
    """Cross-entropy of real above the mean fake and of fake below the mean real, halved.

    Source: Jolicoeur-Martineau 2018, "The relativistic discriminator"; used by DMFN.
    """
    real, fake = _check_plain(real), _check_plain(fake)
    return 0.5 * (
        F.softplus(-_relative(real, fake)).mean() + F.softplus(_relative(fake, real)).mean()
    )


def relativistic_average_generator_loss(fake: Scores, real: Scores) -> Tensor:
    """The discriminator's loss with the sides changed; `real` are scores of true pictures."""
    return relativistic_average_discriminator_loss(fake, real)


def r1_penalty(scores: Scores, pictures: Tensor, gamma: float = 10.0) -> Tensor:
    """Punish a discriminator for a slope at true pictures: gamma / 2 * mean ||d score / d x||^2.

    Args:
        scores: the discriminator's scores for `pictures`; maps are summed over all but the batch.
        pictures: `(N, C, H, W)` with `requires_grad`, from which the scores were computed.
        gamma: strength.

    Returns:
        A scalar that can be differentiated by the discriminator's parameters.

    Raises:
        InputError: the pictures do not require a gradient.

    Source: Mescheder et al. 2018, "Which Training Methods for GANs do actually Converge?"
    """
    if not pictures.requires_grad:
        raise InputError("The R1 penalty needs pictures with requires_grad set before scoring.")
    maps = [scores] if isinstance(scores, Tensor) else list(scores)
    total = torch.stack([one.sum() for one in maps]).sum()
    (slope,) = torch.autograd.grad(total, pictures, create_graph=True)
    return 0.5 * gamma * widen(slope).square().sum(dim=(1, 2, 3)).mean()


_DISCRIMINATOR: dict[AdversarialKind, Callable[[Scores, Scores], Tensor]] = {
    "hinge": hinge_discriminator_loss,
    "bce": bce_discriminator_loss,
    "least-squares": least_squares_discriminator_loss,
    "logistic": logistic_discriminator_loss,
    "relativistic-average": relativistic_average_discriminator_loss,
}
_GENERATOR: dict[AdversarialKind, Callable[[Scores], Tensor]] = {
    "hinge": hinge_generator_loss,
    "bce": bce_generator_loss,
    "least-squares": least_squares_generator_loss,
    "logistic": logistic_generator_loss,
}


class AdversarialLoss(nn.Module):
    """Both sides of one adversarial loss.

    Args:
        kind: "hinge", "bce", "least-squares", "logistic" (non-saturating) or
            "relativistic-average".

    Raises:
        ConfigurationError: the kind is unknown.
    """

    def __init__(self, kind: AdversarialKind = "hinge") -> None:
        super().__init__()
        if kind not in _DISCRIMINATOR:
            raise ConfigurationError(
                f"Unknown adversarial loss {kind!r}: use one of "
                f"{', '.join(get_args(AdversarialKind))}."
            )
        self.kind: AdversarialKind = kind

    @property
    def generator_needs_real(self) -> bool:
        """Whether the generator's side looks at the scores of true pictures too."""
        return self.kind == "relativistic-average"

    def discriminator(self, real: Scores, fake: Scores) -> Tensor:
        """The discriminator's loss from its scores of true and of completed pictures."""
        return _DISCRIMINATOR[self.kind](real, fake)

    def generator(self, fake: Scores, real: Scores | None = None) -> Tensor:
        """The network's loss from the scores of its pictures.

        Raises:
            InputError: the loss is relativistic and `real` is missing.
        """
        if self.kind == "relativistic-average":
            if real is None:
                raise InputError("The relativistic loss needs the scores of true pictures too.")
            return relativistic_average_generator_loss(fake, real)
        return _GENERATOR[self.kind](fake)

    def forward(self, fake: Scores, real: Scores | None = None) -> Tensor:
        """The network's side, `generator`."""
        return self.generator(fake, real)
