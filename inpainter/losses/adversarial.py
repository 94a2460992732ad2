"""Adversarial losses of a generator and its discriminator.

Scores are logits of any shape: one number per picture, a map of patches, or a list of these for
several scales. The loss of a list is the mean over its members.
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
    """The per-score costs of an adversarial loss.

    Attributes:
        true: element-wise cost when the picture should be scored as real.
        false: element-wise cost when it should be scored as fake.
    """

    true: Callable[[Tensor], Tensor]
    false: Callable[[Tensor], Tensor]


_CROSS_ENTROPY = ScoreCosts(lambda s: F.softplus(-s), F.softplus)

SCORE_COSTS: Final[Mapping[AdversarialKind, ScoreCosts]] = {
    "hinge": ScoreCosts(lambda s: F.relu(1.0 - s), lambda s: F.relu(1.0 + s)),
    "bce": _CROSS_ENTROPY,
    "least-squares": ScoreCosts(lambda s: 0.5 * (s - 1.0).square(), lambda s: 0.5 * s.square()),
    "logistic": _CROSS_ENTROPY,
}
"""The costs of the losses that treat each score independently."""


def _mean(scores: Scores, cost: Callable[[Tensor], Tensor]) -> Tensor:
    """Average a cost over a map, or over the maps of a list."""
    maps = [scores] if isinstance(scores, Tensor) else list(scores)
    if not maps:
        raise InputError("An adversarial loss needs at least one map of scores.")
    return torch.stack([cost(to_float32(one)).mean() for one in maps]).mean()


def _relativistic_average(real: Scores, fake: Scores) -> Tensor:
    """Half the cross-entropy of real above the mean fake plus that of fake below the mean real."""
    if not isinstance(real, Tensor) or not isinstance(fake, Tensor):
        raise InputError("The relativistic loss takes one map of scores, not a list.")
    real, fake = to_float32(real), to_float32(fake)
    return 0.5 * (F.softplus(fake.mean() - real).mean() + F.softplus(fake - real.mean()).mean())


def r1_penalty(
    scores: Scores, pictures: Tensor, gamma: float = 10.0, hole: Tensor | None = None
) -> Tensor:
    """Penalise a discriminator's gradient at real pictures: gamma / 2 * mean ||d score / d x||^2.

    Args:
        scores: the discriminator's scores for `pictures`; maps are summed over all but the batch.
        pictures: `(N, C, H, W)` with `requires_grad`, from which the scores were computed.
        gamma: strength.
        hole: `(N, 1, H, W)` with `requires_grad`, to penalise the gradient with respect to it too.

    Returns:
        A scalar, differentiable with respect to the discriminator's parameters.

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


class AdversarialLoss(nn.Module):
    """Both sides of one adversarial loss.

    Args:
        kind: one of these.

            "hinge": mean max(0, 1 - real) + mean max(0, 1 + fake) for the discriminator, 2 if it is
            undecided; -mean fake, unbounded below, for the generator (Lim and Ye 2017, "Geometric
            GAN"; DeepFill v2 takes half of it).

            "bce" and "logistic", two names for one loss: binary cross-entropy of real against 1
            plus that of fake against 0, in logits mean softplus(-real) + mean softplus(fake); 2 ln
            2 if the discriminator is undecided. For the generator the non-saturating cross-entropy
            of fake against 1, mean softplus(-fake); ln 2 if the discriminator is undecided
            (Goodfellow et al. 2014, "Generative Adversarial Nets", section 3).

            "least-squares": (mean (real - 1)^2 + mean fake^2) / 2, 0.25 for scores of 0.5; for the
            generator mean (fake - 1)^2 / 2 (Mao et al. 2017, "Least Squares Generative Adversarial
            Networks").

            "relativistic-average": half the cross-entropy of real above the mean fake plus that of
            fake below the mean real; for the generator the same with real and fake swapped
            (Jolicoeur-Martineau 2018, "The relativistic discriminator"; used by DMFN).

    Raises:
        ConfigurationError: the kind is unknown.
    """

    def __init__(self, kind: AdversarialKind = "hinge") -> None:
        super().__init__()
        if kind not in get_args(AdversarialKind):
            raise ConfigurationError(
                f"Unknown adversarial loss {kind!r}: use one of "
                f"{', '.join(get_args(AdversarialKind))}."
            )
        self.kind: AdversarialKind = kind

    @property
    def generator_needs_real(self) -> bool:
        """Whether the generator's loss also needs the scores of real pictures."""
        return self.kind == "relativistic-average"

    def discriminator(self, real: Scores, fake: Scores) -> Tensor:
        """The discriminator's loss from its scores of real and completed pictures."""
        if self.kind == "relativistic-average":
            return _relativistic_average(real, fake)
        costs = SCORE_COSTS[self.kind]
        return _mean(real, costs.true) + _mean(fake, costs.false)

    def generator(self, fake: Scores, real: Scores | None = None) -> Tensor:
        """The generator's loss from the scores of its pictures.

        Raises:
            InputError: the loss is relativistic and `real` is missing.
        """
        if self.kind == "relativistic-average":
            if real is None:
                raise InputError("The relativistic loss needs the scores of true pictures too.")
            return _relativistic_average(fake, real)
        return _mean(fake, torch.neg if self.kind == "hinge" else SCORE_COSTS[self.kind].true)

    def forward(self, fake: Scores, real: Scores | None = None) -> Tensor:
        """The generator's loss, see `generator`."""
        return self.generator(fake, real)
