"""Processing many picture files: threads read and write while the pipeline works.

A file that fails does not stop the others, and two runs into one folder share the work. Pictures go
through the stages in batches formed in the order of the jobs, so results do not depend on the
number of threads. With two batches in progress, masks are detected in one while holes are filled in
the other.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, TypeAlias

from pipeline.apps.explain.explanation import Explanation, explain_pictures
from pipeline.core import Pipeline
from pipeline.result import UnmaskResult
from pipeline.run.folder import Job
from pipeline.run.outcome import Outcome, failure
from pipeline.run.outputs import Outputs
from pipeline.run.read_ahead import ReadAhead
from pipeline.run.streaming import MOST_PICTURES, MOST_PIXELS, grouped, run_each
from pipeline.surroundings import shared_cores
from weights.base.contracts import Hole, Image
from weights.base.errors import ExistsError
from weights.base.option_values import check_whole_number
from weights.images.holes import read_hole
from weights.images.picture import Picture
from weights.images.reading import read_picture

MOST_WORKERS = 4
"""Default limit on the number of threads that read and write."""


MOST_GROUPS = 2
"""How many batches are worth processing at once: a detector takes one at a time."""


@dataclass(frozen=True, eq=False)
class _Loaded:
    """A picture that was read."""

    job: Job
    picture: Picture
    hole: Hole | None
    references: list[Image] | None

    @property
    def pixels(self) -> int:
        photos = sum(photo.shape[0] * photo.shape[1] for photo in self.references or ())
        pictures = 1 + len(self.job.others)
        return self.picture.size[0] * self.picture.size[1] * pictures + photos


_Filled: TypeAlias = "tuple[_Loaded, UnmaskResult, Explanation | None]"


def unmask_files(
    pipeline: Pipeline,
    jobs: Iterable[Job],
    outputs: Outputs | None = None,
    *,
    batch: int = MOST_PICTURES,
    workers: int = MOST_WORKERS,
    groups: int = 1,
) -> Iterator[Outcome]:
    """Take the masks off pictures and write the results; yield one outcome each, in order.

    A picture that cannot be read, processed or written is "failed"; the others continue. At most
    `batch` pictures or `MOST_PIXELS` pixels go through the stages as one batch; as many are read
    ahead, as many wait to be written, and each thread holds one more.

    After Ctrl-C the outcomes of pictures in progress come before the KeyboardInterrupt.

    Args:
        pipeline: does the work.
        jobs: the pictures, see `plan_jobs`.
        outputs: what to write for each, and what to do about existing files.
        batch: how many pictures go through the stages together, at least 1.
        workers: how many threads read and write, at least 1.
        groups: how many batches are processed at once, at least 1, on equal parts of the cores;
            more than 1 needs a pipeline whose stages are thread-safe.

    Raises:
        InputError: a number is out of range.
        ConfigurationError, WeightsError, MissingDependencyError: a stage cannot be made at all.
    """
    for name, value in (("batch", batch), ("workers", workers), ("groups", groups)):
        check_whole_number(name, value)
    return _work_through(pipeline, jobs, outputs or Outputs(), batch, workers, groups)


def _work_through(
    pipeline: Pipeline,
    jobs: Iterable[Job],
    outputs: Outputs,
    batch: int,
    workers: int,
    groups: int,
) -> Iterator[Outcome]:
    executor = ThreadPoolExecutor(workers, thread_name_prefix="unmask")
    ahead = ReadAhead(
        lambda job: _read(job, outputs),
        jobs,
        executor,
        threads=workers,
        most=batch,
        weigh=lambda read: _pixels_of(read) or 0,
        most_weight=MOST_PIXELS,
    )
    waiting: deque[tuple[Future[Outcome] | Outcome, int]] = deque()

    def run(group: list[_Loaded | Outcome]) -> list[_Filled | Outcome]:
        return _run_group(pipeline, group, outputs)

    read = grouped(ahead, batch, MOST_PIXELS, _pixels_of)
    with shared_cores(groups), _run_groups(run, read, groups) as worked:
        try:
            for group in worked:
                for came in group:
                    if isinstance(came, Outcome):
                        waiting.append((came, 0))
                    else:
                        future = executor.submit(_write, outputs, *came)
                        waiting.append((future, came[0].pixels))
                yield from _finished(waiting, MOST_PIXELS)
            yield from _finished(waiting, 0)
        except KeyboardInterrupt:
            ahead.stop()
            yield from _finished(waiting, 0)
            raise
        finally:
            ahead.stop()
            executor.shutdown(cancel_futures=True)


def _pixels_of(read: _Loaded | Outcome) -> int | None:
    return read.pixels if isinstance(read, _Loaded) else None


@contextmanager
def _run_groups(
    run: Callable[[list[_Loaded | Outcome]], list[_Filled | Outcome]],
    groups: Iterator[list[_Loaded | Outcome]],
    at_once: int,
) -> Iterator[Iterator[list[_Filled | Outcome]]]:
    """Run batches through the stages: several at once, or one in this thread, open to signals."""
    if at_once == 1:
        yield map(run, groups)
        return
    stages = ThreadPoolExecutor(at_once, thread_name_prefix="unmask-stages")
    worked = ReadAhead(
        run, groups, stages, threads=at_once, most=at_once, weigh=lambda _: 0, most_weight=1
    )
    try:
        yield worked
    finally:
        worked.stop()
        stages.shutdown(cancel_futures=True)


def _read(job: Job, outputs: Outputs) -> _Loaded | Outcome:
    if outputs.is_finished(job):
        return Outcome(job, "skipped", f"{job.output} exists")
    try:
        outputs.check(job)
        picture = read_picture(job.source, name=job.source.name)
        hole = None if job.mask is None else read_hole(job.mask, picture)
        photos = [read_picture(path, name=path.name).pixels for path in job.references]
    except Exception as error:
        return failure(job, error)
    return _Loaded(job, picture, hole, photos or None)


def _run_group(
    pipeline: Pipeline, group: list[_Loaded | Outcome], outputs: Outputs
) -> list[_Filled | Outcome]:
    """Run the pictures of a batch that were read through the stages; keep failures in place."""
    several: dict[str, Any] = {}
    if outputs.variants is not None:
        several = {"variants": outputs.variants, "seed": outputs.seed}
    run: Any = partial(pipeline.run, **several)
    if outputs.explain:
        run = partial(explain_pictures, pipeline, **several)
    loaded = [item for item in group if isinstance(item, _Loaded)]
    images = [item.picture.pixels for item in loaded]
    holes, references = [item.hole for item in loaded], [item.references for item in loaded]
    made = iter(run_each(run, images, holes, references) if loaded else ())
    return [
        _picture_to_write(item, next(made), outputs) if isinstance(item, _Loaded) else item
        for item in group
    ]


def _picture_to_write(loaded: _Loaded, made: Any, outputs: Outputs) -> _Filled | Outcome:
    """Turn a result, an explanation or an error into a picture to write or an outcome."""
    if isinstance(made, Exception):
        return failure(loaded.job, made)
    explanation = made if outputs.explain else None
    result = made.result if outputs.explain else made
    if not outputs.side_by_side:
        # Save memory: outside the hole a large picture equals its result.
        loaded = replace(loaded, picture=replace(loaded.picture, pixels=result.image))
    return loaded, result, explanation


def _write(
    outputs: Outputs, loaded: _Loaded, result: UnmaskResult, explanation: Explanation | None
) -> Outcome:
    try:
        return outputs.write(loaded.job, loaded.picture, result, explanation)
    except ExistsError:
        # The output did not exist when the picture was read.
        return Outcome(loaded.job, "skipped", "another run has written it in the meantime")
    except Exception as error:
        return failure(loaded.job, error)


def _finished(
    waiting: deque[tuple[Future[Outcome] | Outcome, int]], most_pixels: int
) -> Iterator[Outcome]:
    """Take outcomes from the front: finished ones, and more until few enough pixels wait."""
    pixels = sum(size for _, size in waiting)
    while waiting:
        first, size = waiting[0]
        if isinstance(first, Future):
            if pixels <= most_pixels and most_pixels and not first.done():
                return
            first = first.result()
        waiting.popleft()
        pixels -= size
        yield first
