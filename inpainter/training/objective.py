"""The generator's objective: weighted picture losses."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from torch import Tensor, nn

from inpainter.losses import create_loss
from inpainter.training.terms import read_terms


class PictureObjective(nn.Module):
    """A recipe's weighted picture losses.

    Args:
        losses: as `read_terms` takes them.

    Raises:
        ConfigurationError: a term has no weight, or its name or an option is unknown.
    """

    def __init__(self, losses: Sequence[Mapping[str, Any]]) -> None:
        super().__init__()
        self.terms = read_terms(losses)
        self.losses = nn.ModuleList(create_loss(term.loss) for term in self.terms)

    def forward(
        self,
        prediction: Tensor,
        completed: Tensor,
        target: Tensor,
        hole: Tensor,
        weights: Mapping[str, float] | None = None,
        *,
        coarse: bool = False,
    ) -> dict[str, Tensor]:
        """Return each weighted term by name; a term of weight 0 is not computed.

        Args:
            prediction: the network's prediction, `(N, 3, H, W)` in [-1, 1].
            completed: the same inside the hole, and the known pixels elsewhere.
            target: the true picture.
            hole: `(N, 1, H, W)`, 1 = missing.
            weights: weights that replace the terms' own, by name.
            coarse: whether these are coarse pictures.
        """
        found = {}
        for term, loss in zip(self.terms, self.losses, strict=True):
            weight = (weights or {}).get(term.name, term.weight)
            if coarse:
                weight *= term.coarse
            if weight == 0.0:
                continue
            picture = prediction if term.picture == "prediction" else completed
            found[term.name] = weight * loss(picture, target, hole)
        return found
