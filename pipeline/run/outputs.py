"""Writing the output files of each picture, and deciding whether a picture is finished."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np

from pipeline.apps.explain.explanation import Explanation
from pipeline.result import UnmaskResult
from pipeline.run.folder import Job
from pipeline.run.outcome import Outcome, reported_faces
from weights.base.atomic import atomic_path, write_whole
from weights.base.contracts import Image
from weights.base.errors import ExistsError, InputError, OutputError
from weights.images.mark import make_mark, unmask_version
from weights.images.mark_reader import sidecar_path
from weights.images.picture import Picture
from weights.images.writing import losses, write_picture

Existing = Literal["skip", "complete", "replace"]
"""What to do about existing results.

"skip": skip pictures whose result exists. "complete": resume a stopped run: existing files count as
finished, missing ones are made. "replace": make everything again.
"""

_FOR_PICTURES = ("only_mask", "save_mask", "side_by_side", "explain", "save_report", "variants")
"""The options of a run that say what is made of pictures, and nothing about videos."""


@dataclass(frozen=True)
class Outputs:
    """What is written for each picture in addition to its result.

    The result is written last, so if it exists, so do all other files that were requested with it.
    They lie next to it, under its full name plus a suffix.

    Attributes:
        quality: 1 to 100 for lossy formats; None keeps a JPEG's own, see `write_picture`.
        save_mask: write the hole, 255 = filled, as `<result>.hole.png`.
        side_by_side: write before and after, with all variants, as `<result>.side_by_side.png`.
        explain: write what each stage did, as `<result>.explain.png`.
        save_report: write the outcome as `<result>.report.json`.
        existing: what to do about existing files.
        models: names of the models, for the mark in the metadata.
        only_mask: the result is the hole, 255 = would be filled, instead of the picture.
        variants: how many different fills to write, to the paths of `Job.others`; None for one.
        seed: seed of the variants.
    """

    quality: int | None = None
    save_mask: bool = False
    side_by_side: bool = False
    explain: bool = False
    save_report: bool = False
    existing: Existing = "skip"
    models: tuple[str, ...] = ()
    only_mask: bool = False
    variants: int | None = None
    seed: int = 0

    @property
    def overwrite(self) -> bool:
        """Whether existing files are replaced."""
        return self.existing == "replace"

    def paths(self, job: Job) -> dict[str, Path]:
        """Every file to write for a picture, the result last; a video has only the result.

        The keys of further fills are their numbers, from "2".
        """
        result = job.output
        wanted = {
            "hole.png": self.save_mask,
            "side_by_side.png": self.side_by_side,
            "explain.png": self.explain,
            "report.json": self.save_report,
        }
        beside = {
            suffix: result.with_name(f"{result.name}.{suffix}")
            for suffix, asked in wanted.items()
            if asked and not job.video
        }
        others = {str(number): path for number, path in enumerate(job.others, 2)}
        return beside | others | {"result": result}

    def is_finished(self, job: Job) -> bool:
        """Whether there is nothing to do for a picture or video."""
        if self.overwrite:
            return False
        if self.existing == "skip":
            return job.output.exists()
        return all(path.exists() for path in self.paths(job).values())

    @property
    def for_pictures(self) -> list[str]:
        """The options in use that apply to pictures only."""
        return [f"--{name.replace('_', '-')}" for name in _FOR_PICTURES if getattr(self, name)]

    def refuse_videos(self, jobs: Sequence[Job]) -> None:
        """Refuse a run of videos only if it requests files that are made for pictures only.

        Args:
            jobs: all jobs of a run; pictures among them get the files.

        Raises:
            InputError: there are only videos; the message names one and the options.
        """
        asked = self.for_pictures
        if asked and jobs and all(job.video for job in jobs):
            raise InputError(
                f"{' and '.join(asked)} {'is' if len(asked) == 1 else 'are'} for pictures, but "
                f"{jobs[0].source} is a video: run videos without."
            )

    def check(self, job: Job) -> None:
        """Refuse a picture before any work if a file is in the way.

        Raises:
            OutputError: a file next to the result exists and may be neither kept nor replaced.
        """
        if self.existing != "skip":
            return
        for path in self.paths(job).values():
            if path.exists():
                raise OutputError(
                    f"{path} exists already: --resume keeps it, --overwrite replaces it."
                )

    def write(
        self,
        job: Job,
        picture: Picture,
        result: UnmaskResult,
        explanation: Explanation | None = None,
    ) -> Outcome:
        """Write all files of a picture or none.

        Args:
            job: the picture.
            picture: the picture, as read.
            result: the pipeline's result.
            explanation: of the same run, if one is to be written.

        Raises:
            InputError, OutputError: a file cannot be written or cannot hold the picture.
        """
        filled = bool(result.hole.any())
        paths = self.paths(job)
        if self.existing == "complete":
            paths = {name: path for name, path in paths.items() if not path.exists()}
        notes = (*picture.notes, *losses(picture, job.format or picture.format or ""))
        told = filled and not self.only_mask
        outcome = Outcome(
            job,
            "done" if filled else "no mask found",
            " ".join(notes) if told else "",
            reported_faces(result),
            dict(result.timings),
            tuple(paths[name] for name in reversed(paths)),
        )
        mark = make_mark(
            self.models, from_reference=result.from_reference, guesses=len(result.variants)
        )
        shown = mark if filled else None
        with _all_or_none() as written:
            for name, path in paths.items():
                if name == "hole.png":
                    write_picture(path, result.hole, overwrite=self.overwrite)
                elif name == "side_by_side.png":
                    row = np.concatenate([picture.pixels, *result.variants], axis=1)
                    write_picture(path, row, overwrite=self.overwrite, mark=shown)
                elif name == "explain.png":
                    assert explanation is not None
                    write_picture(path, explanation.draw(), overwrite=self.overwrite, mark=shown)
                elif name == "report.json":
                    self._write_report(path, outcome, mark.notice)
                else:
                    image = result.variants[0 if name == "result" else int(name) - 1]
                    self._write_result(path, job, picture, result, image)
                written.append(path)
        return outcome

    def _write_result(
        self, path: Path, job: Job, picture: Picture, result: UnmaskResult, pixels: Image
    ) -> None:
        form, overwrite = job.format or picture.format, self.overwrite
        if self.only_mask:
            write_picture(path, result.hole, overwrite=overwrite, format=form)
            return
        if not result.hole.any() and form == picture.format:
            with atomic_path(path, overwrite=overwrite) as temporary:
                shutil.copyfile(job.source, temporary)
            return
        # A PIL image, as the picture came from a file. Nobody needs the picture afterwards except
        # other variants, whose hole is the same.
        image = result.restored(picture, pixels, self.models, reuse=True)
        write_picture(
            path, image, overwrite=overwrite, quality=self.quality, format=form, like=picture
        )

    def _write_report(self, path: Path, outcome: Outcome, notice: str) -> None:
        report = {
            "unmask": unmask_version(),
            "notice": notice,
            "models": list(self.models),
            **outcome.to_mapping(),
        }
        write_whole(path, json.dumps(report, indent=2) + "\n", overwrite=self.overwrite)


@contextmanager
def _all_or_none() -> Iterator[list[Path]]:
    """Yield a list for the written files; if the block raises, they are removed again.

    They stay on an `ExistsError`: another run came first, and its result needs the same files.
    """
    written: list[Path] = []
    try:
        yield written
    except ExistsError:
        raise
    except BaseException:
        for path in written:
            path.unlink(missing_ok=True)
            sidecar_path(path).unlink(missing_ok=True)
        raise
