"""What a generator is trained for: weighted picture losses."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from torch import Tensor, nn

from inpainter.losses import create_loss
from inpainter.training.terms import read_terms

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


class PictureObjective(nn.Module):
    """Weighted picture losses of a recipe.

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
        """Give each term times its weight, by name; a term of weight 0 is not computed.

        Args:
            prediction: what the network paints, `(N, 3, H, W)` in [-1, 1].
            completed: the same inside the hole, and the known pixels elsewhere.
            target: the true picture.
            hole: `(N, 1, H, W)`, 1 = missing.
            weights: weights that hold instead of the terms' own, by their names.
            coarse: whether these are the coarse pictures of a network that refines them.
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
