"""Pictures as they come: worked on in groups of bounded size, where none stops the others."""

from __future__ import annotations

from itertools import zip_longest
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, TypeVar, get_args

from weights.base.errors import ConfigurationError, InputError, MissingDependencyError, WeightsError
from weights.base.names import unknown_name

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from pipeline.result import UnmaskResult
    from pipeline.stages.configured import ConfiguredStages

_Item = TypeVar("_Item")
_Result = TypeVar("_Result")

Run: TypeAlias = "Callable[[Sequence[Any], Sequence[Any], Sequence[Any]], Sequence[_Result]]"
"""What takes pictures, masks and references, one each, to results."""

OnError: TypeAlias = Literal["raise", "return"]
"""Whether what is wrong with one picture is raised, or returned in the place of its result."""

MOST_PICTURES = 8
"""How many pictures go through the stages together on a GPU unless the caller says otherwise."""

MOST_PIXELS = 32_000_000
"""With how many pixels in all a group of pictures is full; it bounds the memory in use."""

NOTHING_CAN_WORK = (ConfigurationError, WeightsError, MissingDependencyError)
"""Errors that are of no one picture: they are raised in any case."""


def check_on_error(on_error: str) -> None:
    """Refuse any other word.

    Raises:
        ConfigurationError: it is neither "raise" nor "return".
    """
    if on_error not in get_args(OnError):
        raise unknown_name("value of on_error", str(on_error), get_args(OnError))


def usual_group(stages: ConfiguredStages) -> int:
    """How many pictures best go through a pipeline's stages together."""
    from weights.base.device import resolve_device

    # Measured: on a CPU pictures take as long in a batch as one by one, and one by one needs less
    # memory and loses less when it is stopped.
    return 1 if resolve_device(stages.device).type == "cpu" else MOST_PICTURES


def run_each(
    run: Run[_Result], images: Sequence[Any], masks: Sequence[Any], references: Sequence[Any]
) -> list[_Result | Exception]:
    """Take the masks off pictures; a picture that fails has its error where its result would be.

    Arguments are `Pipeline.run` and its own, with one entry in `masks` and `references` per
    picture.

    Raises:
        ConfigurationError, WeightsError, MissingDependencyError: a stage cannot be made at all.
    """
    try:
        return list(run(images, masks, references))
    except NOTHING_CAN_WORK:
        raise
    except Exception as error:
        if len(images) == 1:
            return [error]
    # Halves find the one that fails in few steps, and leave the others together.
    middle = len(images) // 2
    halves = slice(None, middle), slice(middle, None)
    results: list[_Result | Exception] = []
    for half in halves:
        results += run_each(run, images[half], masks[half], references[half])
    return results


def paired(images: Iterable[Any], masks: Iterable[Any]) -> Iterator[tuple[Any, Any]]:
    """Give each picture with its mask.

    Raises:
        InputError: there are more of the one than of the other.
    """
    nothing = object()
    for image, mask in zip_longest(images, masks, fillvalue=nothing):
        if image is nothing or mask is nothing:
            more, less = ("masks", "pictures") if image is nothing else ("pictures", "masks")
            raise InputError(
                f"masks must have one entry per picture, but there are more {more} than {less}."
            )
        yield image, mask


def stream_results(
    run: Run[UnmaskResult], pairs: Iterable[tuple[Any, Any]], group: int, on_error: OnError
) -> Iterator[UnmaskResult | Exception]:
    """Take the masks off pictures as they come; see `Pipeline.stream`."""
    for waiting in grouped(pairs, group, MOST_PIXELS, _pixels_of):
        images, masks = zip(*waiting, strict=True)
        for result in run_each(run, images, masks, [None] * len(images)):
            if isinstance(result, Exception) and on_error == "raise":
                raise result
            yield result


def grouped(
    items: Iterable[_Item],
    most: int,
    most_pixels: int,
    pixels_of: Callable[[_Item], int | None],
) -> Iterator[list[_Item]]:
    """Group items in their order, so that no group has too many pictures or pixels.

    Args:
        items: pictures, and what else comes between them.
        most: how many pictures a group has at most, and
        most_pixels: how many pixels, unless one picture has more.
        pixels_of: a picture's pixels; None for what is no picture.
    """
    group: list[_Item] = []
    count = pixels = 0
    for item in items:
        own = pixels_of(item)
        if own is not None:
            if count and (count == most or pixels + own > most_pixels):
                yield group
                group, count, pixels = [], 0, 0
            count, pixels = count + 1, pixels + own
        group.append(item)
    if group:
        yield group


def _pixels_of(pair: tuple[Any, Any]) -> int:
    """A picture's pixels; none of a file, whose size is known only once it is read."""
    shape = getattr(pair[0], "shape", None) or getattr(pair[0], "size", None) or (0, 0)
    return int(shape[0]) * int(shape[1])
