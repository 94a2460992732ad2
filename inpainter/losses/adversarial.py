"""The two sides of the game between a network and its discriminator.

All scores are logits, before any sigmoid, of any shape: one number a picture, a map of patches, or
a list of such for several scales. A list counts as the mean of its members.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Final, Literal, NamedTuple, TypeAlias, get_args

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from inpainter.losses.regions import to_float32
from weights.base.errors import ConfigurationError, InputError

Scores: TypeAlias = Tensor | Sequence[Tensor]
AdversarialKind = Literal["hinge", "bce", "least-squares", "logistic", "relativistic-average"]


class ScoreCosts(NamedTuple):
    """What an adversarial loss charges for each score by itself.

    Attributes:
        true: the cost of calling a score's picture true, element by element.
        false: the cost of calling it false.
    """

    true: Callable[[Tensor], Tensor]
    false: Callable[[Tensor], Tensor]


_HINGE = ScoreCosts(lambda s: F.relu(1.0 - s), lambda s: F.relu(1.0 + s))
_CROSS_ENTROPY = ScoreCosts(lambda s: F.softplus(-s), F.softplus)
_LEAST_SQUARES = ScoreCosts(lambda s: 0.5 * (s - 1.0).square(), lambda s: 0.5 * s.square())

SCORE_COSTS: Final[Mapping[AdversarialKind, ScoreCosts]] = {
    "hinge": _HINGE,
    "bce": _CROSS_ENTROPY,
    "least-squares": _LEAST_SQUARES,
    "logistic": _CROSS_ENTROPY,
}
"""The costs of those losses that weigh each score by itself."""


def _mean(scores: Scores, cost: Callable[[Tensor], Tensor]) -> Tensor:
    """Average a cost over a map, or over the maps of a list."""
    maps = [scores] if isinstance(scores, Tensor) else list(scores)
    if not maps:
        raise InputError("An adversarial loss needs at least one map of scores.")
    return torch.stack([cost(to_float32(one)).mean() for one in maps]).mean()


def _tell_apart(costs: ScoreCosts, real: Scores, fake: Scores) -> Tensor:
    return _mean(real, costs.true) + _mean(fake, costs.false)


def hinge_discriminator_loss(real: Scores, fake: Scores) -> Tensor:
    """Give mean max(0, 1 - real) + mean max(0, 1 + fake); 2 for an undecided discriminator.

    Source: Lim and Ye 2017, "Geometric GAN"; DeepFill v2 takes half of it.
    """
    return _tell_apart(_HINGE, real, fake)


def hinge_generator_loss(fake: Scores) -> Tensor:
    """Give -mean fake; it has no lower bound."""
    return _mean(fake, torch.neg)


def bce_discriminator_loss(real: Scores, fake: Scores) -> Tensor:
    """Binary cross-entropy of real against 1 plus that of fake against 0.

    2 ln 2 for an undecided discriminator. In logits this is mean softplus(-real) + mean
    softplus(fake), which other papers call the logistic loss.

    Source: Goodfellow et al. 2014, "Generative Adversarial Nets".
    """
    return _tell_apart(_CROSS_ENTROPY, real, fake)


def bce_generator_loss(fake: Scores) -> Tensor:
    """Binary cross-entropy of fake against 1; ln 2 where the discriminator is undecided.

    The non-saturating loss, mean softplus(-fake), whose gradient lasts while fakes are bad.

    Source: Goodfellow et al. 2014, "Generative Adversarial Nets", section 3.
    """
    return _mean(fake, _CROSS_ENTROPY.true)


def least_squares_discriminator_loss(real: Scores, fake: Scores) -> Tensor:
    """Give mean (real - 1)^2 + mean fake^2, halved; 0.25 for scores of 0.5.

    Source: Mao et al. 2017, "Least Squares Generative Adversarial Networks".
    """
    return _tell_apart(_LEAST_SQUARES, real, fake)


def least_squares_generator_loss(fake: Scores) -> Tensor:
    """Give mean (fake - 1)^2, halved."""
    return _mean(fake, _LEAST_SQUARES.true)


def _relative(scores: Tensor, others: Tensor) -> Tensor:
    return to_float32(scores) - to_float32(others).mean()


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


def r1_penalty(
    scores: Scores, pictures: Tensor, gamma: float = 10.0, hole: Tensor | None = None
) -> Tensor:
    """Punish a discriminator for a slope at true pictures: gamma / 2 * mean ||d score / d x||^2.

    Args:
        scores: the discriminator's scores for `pictures`; maps are summed over all but the batch.
        pictures: `(N, C, H, W)` with `requires_grad`, from which the scores were computed.
        gamma: strength.
        hole: `(N, 1, H, W)` with `requires_grad`, where the slope at the hole counts too.

    Returns:
        A scalar that can be differentiated by the discriminator's parameters.

    Raises:
        InputError: the pictures do not require a gradient.

    Source: Mescheder et al. 2018, "Which Training Methods for GANs do actually Converge?"
    """
    inputs = [pictures] if hole is None else [pictures, hole]
    if not all(one.requires_grad for one in inputs):
        raise InputError("The R1 penalty needs inputs with requires_grad set before scoring.")
    maps = [scores] if isinstance(scores, Tensor) else list(scores)
    total = torch.stack([one.sum() for one in maps]).sum()
    slope = torch.cat(torch.autograd.grad(total, inputs, create_graph=True), dim=1)
    return 0.5 * gamma * to_float32(slope).square().sum(dim=(1, 2, 3)).mean()


_DISCRIMINATOR: dict[AdversarialKind, Callable[[Scores, Scores], Tensor]] = {
    "hinge": hinge_discriminator_loss,
    "bce": bce_discriminator_loss,
    "least-squares": least_squares_discriminator_loss,
    "logistic": bce_discriminator_loss,
    "relativistic-average": relativistic_average_discriminator_loss,
}
_GENERATOR: dict[AdversarialKind, Callable[[Scores], Tensor]] = {
    "hinge": hinge_generator_loss,
    "bce": bce_generator_loss,
    "least-squares": least_squares_generator_loss,
    "logistic": bce_generator_loss,
}


class AdversarialLoss(nn.Module):
    """Both sides of one adversarial loss.

    Args:
        kind: "hinge", "bce", "least-squares", "logistic" (non-saturating) or
            "relativistic-average". "bce" and "logistic" are two names of one loss.

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
