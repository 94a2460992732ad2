"""A trained network that another one learns from."""

from __future__ import annotations

from typing import Any

from inpainter.weight_files import load_completion_network
from weights.base.errors import WeightsError


def load_teacher(weights: str, purpose: str) -> Any:
    """Load a completion network that does not learn.

    Args:
        weights: a .safetensors file, or a name of the catalog.
        purpose: what it teaches by, for the error's sentence.

    Raises:
        WeightsError: the weights are missing or damaged.
    """
    try:
        teacher = load_completion_network(weights=weights)
    except WeightsError as error:
        raise WeightsError(
            f"The teacher of the {purpose}, which is trained first, could not be loaded: {error}"
        ) from error
    return teacher.requires_grad_(False)
