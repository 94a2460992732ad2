"""Processing pictures as they come, in batches of bounded size; none stops the others."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import zip_longest
from typing import Any, Literal, TypeAlias, TypeVar, get_args

from pipeline.result import UnmaskResult
from pipeline.stages.configured import ConfiguredStages
from weights.base.errors import ConfigurationError, InputError, MissingDependencyError, WeightsError
from weights.base.names import unknown_name

_Item = TypeVar("_Item")
_Result = TypeVar("_Result")

Run: TypeAlias = "Callable[[Sequence[Any], Sequence[Any], Sequence[Any]], Sequence[_Result]]"
"""Maps pictures, masks and references to results, one each."""

OnError: TypeAlias = Literal["raise", "return"]
"""Whether the error of a picture is raised, or returned in place of its result."""

MOST_PICTURES = 8
"""Default number of pictures that go through the stages together on a GPU."""

MOST_PIXELS = 32_000_000
"""Total number of pixels at which a batch is full; this bounds the memory in use."""

FATAL_ERRORS = (ConfigurationError, WeightsError, MissingDependencyError)
"""Errors that do not concern a single picture: they are always raised."""


def check_on_error(on_error: str) -> None:
    """Refuse an unknown value of `on_error`.

    Raises:
        ConfigurationError: it is neither "raise" nor "return".
    """
    if on_error not in get_args(OnError):
        raise unknown_name("value of on_error", str(on_error), get_args(OnError))


def usual_group(stages: ConfiguredStages) -> int:
    """How many pictures to put through a pipeline's stages together."""
    from weights.base.device import resolve_device

    # Measured: on a CPU a batch is no faster than single pictures, which need less memory and lose
    # less work when stopped.
    return 1 if resolve_device(stages.device).type == "cpu" else MOST_PICTURES


def run_each(
    run: Run[_Result], images: Sequence[Any], masks: Sequence[Any], references: Sequence[Any]
) -> list[_Result | Exception]:
    """Take the masks off pictures; the error of one that fails takes the place of its result.

    Takes `Pipeline.run` and its arguments, with one entry in `masks` and `references` per picture.

    Raises:
        ConfigurationError, WeightsError, MissingDependencyError: a stage cannot be made at all.
    """
    try:
        return list(run(images, masks, references))
    except FATAL_ERRORS:
        raise
    except Exception as error:
        if len(images) == 1:
            return [error]
    # Bisection finds the failing picture in few steps and keeps the others batched.
    middle = len(images) // 2
    halves = slice(None, middle), slice(middle, None)
    results: list[_Result | Exception] = []
    for half in halves:
        results += run_each(run, images[half], masks[half], references[half])
    return results


def paired(images: Iterable[Any], masks: Iterable[Any]) -> Iterator[tuple[Any, Any]]:
    """Yield each picture with its mask.

    Raises:
        InputError: their numbers differ.
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
    """Group items in order, so that no group has too many pictures or pixels.

    Args:
        items: pictures, and anything else between them.
        most: how many pictures a group has at most.
        most_pixels: how many pixels a group has at most, unless a single picture has more.
        pixels_of: returns a picture's number of pixels; None for anything else.
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
    """A picture's number of pixels; 0 for a file, whose size is known only once it is read."""
    shape = getattr(pair[0], "shape", None) or getattr(pair[0], "size", None) or (0, 0)
    return int(shape[0]) * int(shape[1])
