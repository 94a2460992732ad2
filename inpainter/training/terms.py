"""What a recipe says about each picture loss, besides the loss itself."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Literal, get_args

from weights.base.errors import ConfigurationError
from weights.base.names import unknown_name

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

JudgedPicture = Literal["prediction", "completed"]
"""What a network paints everywhere, or that in the hole with the known pixels round it."""

JUDGED_PICTURES: Final[tuple[JudgedPicture, ...]] = get_args(JudgedPicture)


@dataclass(frozen=True)
class LossTerm:
    """One weighted picture loss.

    Attributes:
        name: what it is called in curves and in the phases' `weights`.
        loss: its name and options, as `inpainter.losses.create_loss` takes them.
        weight: what it counts.
        picture: which picture of the network it looks at.
        coarse: share of the weight with which it looks at the coarse picture too, where a network
            paints one.
    """

    name: str
    loss: dict[str, Any]
    weight: float
    picture: JudgedPicture = "prediction"
    coarse: float = 1.0


def check_judged_picture(picture: Any, where: str) -> JudgedPicture:
    """Return the name of one of a network's pictures.

    Raises:
        ConfigurationError: it is none of `JUDGED_PICTURES`.
    """
    if picture not in JUDGED_PICTURES:
        raise unknown_name(f"picture of {where}", str(picture), JUDGED_PICTURES)
    return picture


def read_terms(losses: Sequence[Mapping[str, Any]]) -> list[LossTerm]:
    """Read a recipe's picture losses.

    Args:
        losses: each a dict of the loss's name and options, its `weight`, and where wanted `picture`
            and `coarse`. A term that looks at the completed picture gets "completed" before its
            name; one named twice gets its region, or else a number behind its name.

    Raises:
        ConfigurationError: a term has no weight, or one of these is no such value.
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
