"""Several discriminators that judge together."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from torch import Tensor, nn

from inpainter.discriminators.projected import stack_scores
from weights.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


class DiscriminatorEnsemble(nn.Module):
    """Discriminators side by side, each of which counts alike.

    Args:
        members: name and options of each, as `inpainter.create_discriminator` takes them; each
            gives one map of scores, of any number of channels.

    Raises:
        ConfigurationError: there is no member, or one is unknown.
    """

    def __init__(self, members: Sequence[Mapping[str, Any]]) -> None:
        super().__init__()
        from inpainter.registry import create_discriminator

        if not members:
            raise ConfigurationError("An ensemble of discriminators needs at least one member.")
        self.members = nn.ModuleList()
        for member in members:
            options = dict(member)
            self.members.append(create_discriminator(options.pop("name", ""), **options))

    def forward(self, picture: Tensor, hole: Tensor) -> list[Tensor]:
        """Score pictures `(N, 3, H, W)` in [-1, 1] with holes `(N, 1, H, W)`.

        Returns:
            The features of all members, for feature matching, and one map `(N, C, h, w)` of all
            their scores, in which each member has the same share.
        """
        features: list[Tensor] = []
        scores: list[Tensor] = []
        for member in self.members:
            *maps, score = member(picture, hole)
            features.extend(maps)
            scores.append(score)
        # Neighbouring channels are averaged down to a number that all members have: a hundred
        # channels of one member, met by repeating the others, would cost more than judging.
        channels = math.gcd(*(score.shape[1] for score in scores))
        alike = [score.unflatten(1, (channels, -1)).mean(dim=2) for score in scores]
        return [*features, stack_scores(alike)]
