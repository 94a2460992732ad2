"""What a generator is trained for: weighted picture losses."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from torch import Tensor, nn

from inpainter.losses import create_loss
from weights.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


class PictureObjective(nn.Module):
    """Weighted picture losses of a recipe.

    Args:
        terms: each a dict of a loss's name and options and its `weight`; a term named twice gets
            its region or a number behind its name in the curves.

    Raises:
        ConfigurationError: a term has no weight, or its name or an option is unknown.
    """

    def __init__(self, terms: Sequence[Mapping[str, Any]]) -> None:
        super().__init__()
        self.names: list[str] = []
        self.weights: list[float] = []
        self.losses = nn.ModuleList()
        for term in terms:
            options = dict(term)
            weight = options.pop("weight", None)
            if not isinstance(weight, int | float):
                raise ConfigurationError(
                    f"A loss of a recipe needs a number as weight: {dict(term)!r}."
                )
            self.losses.append(create_loss(options))
            name = "_".join(str(options[key]) for key in ("region", "name") if key in options)
            self.names.append(name if name not in self.names else f"{name}_{len(self.names)}")
            self.weights.append(float(weight))

    def forward(self, result: Tensor, target: Tensor, hole: Tensor) -> dict[str, Tensor]:
        """Give each term times its weight, by name.

        Args:
            result: `(N, 3, H, W)` in [-1, 1].
            target: the same shape.
            hole: `(N, 1, H, W)`, 1 = missing.
        """
        return {
            name: weight * loss(result, target, hole)
            for name, weight, loss in zip(self.names, self.weights, self.losses, strict=True)
        }
