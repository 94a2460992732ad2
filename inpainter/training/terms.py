"""A recipe's settings for each picture loss."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal, get_args

from weights.base.errors import ConfigurationError
from weights.base.names import unknown_name

JudgedPicture = Literal["prediction", "completed"]
"""A network's whole output, or its fill with the known pixels round it."""

JUDGED_PICTURES: Final[tuple[JudgedPicture, ...]] = get_args(JudgedPicture)


@dataclass(frozen=True)
class LossTerm:
    """One weighted picture loss.

    Attributes:
        name: its name in curves and in the phases' `weights`.
        loss: its name and options, as `inpainter.losses.create_loss` takes them.
        weight: its weight.
        picture: which of the network's pictures it compares.
        coarse: fraction of the weight for the coarse picture, if the network has one.
    """

    name: str
    loss: dict[str, Any]
    weight: float
    picture: JudgedPicture = "prediction"
    coarse: float = 1.0


def check_judged_picture(picture: Any, where: str) -> JudgedPicture:
    """Validate the name of one of a network's pictures.

    Raises:
        ConfigurationError: it is not in `JUDGED_PICTURES`.
    """
    if picture not in JUDGED_PICTURES:
        raise unknown_name(f"picture of {where}", str(picture), JUDGED_PICTURES)
    return picture


def read_terms(losses: Sequence[Mapping[str, Any]]) -> list[LossTerm]:
    """Read a recipe's picture losses.

    Args:
        losses: each a dict of the loss's name and options, its `weight`, and optionally `picture`
            and `coarse`. A term's name is prefixed with its region, if it has one, and with
            "completed" if it compares the completed picture; a repeated name gets a number as
            suffix.

    Raises:
        ConfigurationError: a term has no weight, or a value is invalid.
    """
    terms: list[LossTerm] = []
    for entry in losses:
        options = dict(entry)
        weight, coarse = options.pop("weight", None), options.pop("coarse", 1.0)
        if not isinstance(weight, int | float):
            raise ConfigurationError(
                f"A loss of a recipe needs a number as weight: {dict(entry)!r}."
            )
        if not isinstance(coarse, int | float):
            raise ConfigurationError(
                f"coarse of a recipe's loss must be a number: {dict(entry)!r}."
            )
        picture = check_judged_picture(options.pop("picture", "prediction"), "a recipe's loss")
        parts = [str(options[key]) for key in ("region", "name") if key in options]
        name = "_".join(parts if picture == "prediction" else [picture, *parts])
        if name in {term.name for term in terms}:
            name = f"{name}_{len(terms)}"
        terms.append(LossTerm(name, options, float(weight), picture, float(coarse)))
    return terms
