"""Pictures as they come: worked on in groups of bounded size, where none stops the others."""

from __future__ import annotations

from itertools import zip_longest
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, get_args

from weights.base.errors import ConfigurationError, InputError, MissingDependencyError, WeightsError
from weights.base.names import unknown_name

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from pipeline.result import UnmaskResult
    from pipeline.stages.configured import ConfiguredStages

    Run = Callable[[Sequence[Any], Sequence[Any], Sequence[Any]], list[UnmaskResult]]

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
    run: Run, images: Sequence[Any], masks: Sequence[Any], references: Sequence[Any]
) -> list[UnmaskResult | Exception]:
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
    results: list[UnmaskResult | Exception] = []
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
    run: Run, pairs: Iterable[tuple[Any, Any]], group: int, on_error: OnError
) -> Iterator[UnmaskResult | Exception]:
    """Take the masks off pictures as they come; see `Pipeline.stream`."""
    for waiting in _groups(pairs, group):
        images, masks = zip(*waiting, strict=True)
        for result in run_each(run, images, masks, [None] * len(images)):
            if isinstance(result, Exception) and on_error == "raise":
                raise result
            yield result


def _groups(pairs: Iterable[tuple[Any, Any]], most: int) -> Iterator[list[tuple[Any, Any]]]:
    group: list[tuple[Any, Any]] = []
    pixels = 0
    for image, mask in pairs:
        # Files count as they come: their size is known only once they are read.
        shape = getattr(image, "shape", None) or getattr(image, "size", None) or (0, 0)
        own = int(shape[0]) * int(shape[1])
        if group and (len(group) == most or pixels + own > MOST_PIXELS):
            yield group
            group, pixels = [], 0
        group.append((image, mask))
        pixels += own
    if group:
        yield group
