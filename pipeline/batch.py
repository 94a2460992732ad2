"""Working through many picture files: a few at a time, and none stops the others."""

from __future__ import annotations

import shutil
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, Protocol, cast

import numpy as np

from pipeline.pictures.holes import read_hole
from pipeline.pictures.reading import read_picture
from pipeline.pictures.restoring import restore
from pipeline.pictures.writing import write_picture
from weights.atomic import atomic_path
from weights.errors import (
    ConfigurationError,
    MissingDependencyError,
    UnmaskError,
    WeightsError,
)
from weights.provenance import make_mark

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

    import PIL.Image

    from pipeline.folder import Job
    from pipeline.pictures.picture import Picture
    from pipeline.result import UnmaskResult
    from weights.contracts import Hole, Image

MOST_PICTURES = 8
"""How many pictures go through the stages together."""

MOST_PIXELS = 32_000_000
"""With how many pixels in all a group of pictures is full; it bounds the memory in use."""

Status = Literal["done", "no mask found", "skipped", "failed"]


class RunsPictures(Protocol):
    """What is needed of a `Pipeline`."""

    def run(
        self, images: Sequence[Image], masks: Sequence[Hole | None] | None = None
    ) -> list[UnmaskResult]:
        """Take the masks off pictures."""


@dataclass(frozen=True)
class FilledFace:
    """A face in a report: its box (x0, y0, x1, y1) in pixels, and how many pixels were filled."""

    box: tuple[int, int, int, int]
    pixels: int


@dataclass(frozen=True)
class Outcome:
    """What became of one picture.

    Attributes:
        job: the picture.
        status: "done"; "no mask found", and the output is a copy of the input; "skipped", as the
            output exists; or "failed".
        reason: why it was skipped or failed, or what could not be kept.
        faces: the filled faces.
        timings: seconds per stage.
        written: every file written for it.
    """

    job: Job
    status: Status
    reason: str = ""
    faces: tuple[FilledFace, ...] = ()
    timings: dict[str, float] = field(default_factory=dict)
    written: tuple[Path, ...] = ()


@dataclass(frozen=True)
class _Loaded:
    job: Job
    picture: Picture
    hole: Hole | None


def unmask_files(
    pipeline: RunsPictures,
    jobs: Iterable[Job],
    *,
    overwrite: bool = False,
    quality: int | None = None,
    save_mask: bool = False,
    side_by_side: bool = False,
    models: Sequence[str] = (),
) -> Iterator[Outcome]:
    """Take the masks off pictures and write the results; give one outcome for each, as they come.

    A picture that cannot be read, worked on or written is "failed" and the others go on. At most
    `MOST_PICTURES` pictures or `MOST_PIXELS` pixels are in memory at once, or one larger picture.

    Args:
        pipeline: does the work.
        jobs: the pictures, see `plan_jobs`.
        overwrite: replace outputs that exist; otherwise they are skipped.
        quality: 1 to 100 for lossy formats; None keeps a JPEG's own, see `write_picture`.
        save_mask: write the filled hole too, 255 = filled, as `<output>.hole.png`.
        side_by_side: write before and after in one picture too, as `<output>.side_by_side.png`.
        models: names of the models, for the mark in the metadata.

    Raises:
        ConfigurationError, WeightsError, MissingDependencyError: a stage cannot be made at all.
    """

    def finish(loaded: _Loaded, result: UnmaskResult) -> Outcome:
        try:
            return _write(loaded, result, overwrite, quality, save_mask, side_by_side, models)
        except Exception as error:
            return Outcome(loaded.job, "failed", _reason(error))

    group: list[_Loaded] = []
    pixels = 0
    for job in jobs:
        if not overwrite and job.output.exists():
            yield Outcome(job, "skipped", f"{job.output} exists")
            continue
        try:
            picture = read_picture(job.source, name=job.source.name)
            hole = None if job.mask is None else read_hole(job.mask, picture)
        except Exception as error:
            yield Outcome(job, "failed", _reason(error))
            continue
        size = picture.size[0] * picture.size[1]
        if group and (len(group) == MOST_PICTURES or pixels + size > MOST_PIXELS):
            for loaded, result in _run(pipeline, group):
                yield result if isinstance(result, Outcome) else finish(loaded, result)
            group, pixels = [], 0
        group.append(_Loaded(job, picture, hole))
        pixels += size
    for loaded, result in _run(pipeline, group):
        yield result if isinstance(result, Outcome) else finish(loaded, result)


def _run(
    pipeline: RunsPictures, group: list[_Loaded]
) -> Iterator[tuple[_Loaded, UnmaskResult | Outcome]]:
    if not group:
        return
    try:
        results = pipeline.run(
            [loaded.picture.pixels for loaded in group], [loaded.hole for loaded in group]
        )
    except (ConfigurationError, WeightsError, MissingDependencyError):
        raise
    except Exception as error:
        if len(group) == 1:
            yield group[0], Outcome(group[0].job, "failed", _reason(error))
            return
        for loaded in group:
            yield from _run(pipeline, [loaded])
        return
    yield from zip(group, results, strict=True)


def _write(
    loaded: _Loaded,
    result: UnmaskResult,
    overwrite: bool,
    quality: int | None,
    save_mask: bool,
    side_by_side: bool,
    models: Sequence[str],
) -> Outcome:
    job, picture = loaded.job, loaded.picture
    form = job.format or picture.format
    filled = bool(result.hole.any())
    written = [job.output]
    if not filled and form == picture.format:
        with atomic_path(job.output, overwrite=overwrite) as temporary:
            shutil.copyfile(job.source, temporary)
    else:
        image = cast("PIL.Image.Image", restore(picture, result.image, result.hole, models=models))
        write_picture(
            job.output, image, overwrite=overwrite, quality=quality, format=form, like=picture
        )
    if save_mask:
        path = job.output.with_name(f"{job.output.name}.hole.png")
        written.append(write_picture(path, result.hole, overwrite=overwrite))
    if side_by_side and filled:
        path = job.output.with_name(f"{job.output.name}.side_by_side.png")
        both = np.concatenate([picture.pixels, result.image], axis=1)
        written.append(write_picture(path, both, overwrite=overwrite, mark=make_mark(models)))
    faces = tuple(
        FilledFace(_box(face.hole), int(np.count_nonzero(face.hole))) for face in result.faces
    )
    return Outcome(
        job,
        "done" if filled else "no mask found",
        " ".join(picture.notes) if filled else "",
        faces,
        dict(result.timings),
        tuple(written),
    )


def _box(hole: Hole) -> tuple[int, int, int, int]:
    rows, columns = np.flatnonzero(hole.any(axis=1)), np.flatnonzero(hole.any(axis=0))
    if len(rows) == 0:
        return 0, 0, 0, 0
    return int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1


def _reason(error: Exception) -> str:
    if isinstance(error, UnmaskError):
        return str(error)
    if isinstance(error, MemoryError):
        return "There is not enough memory for this picture."
    return f"{type(error).__name__}: {error}"
