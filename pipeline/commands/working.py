"""Processes the jobs of `unmask run`: pictures in groups, videos one by one."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

from pipeline.commands.progress import progress_bar
from pipeline.core import Pipeline
from pipeline.run.batch import MOST_GROUPS, MOST_WORKERS, unmask_files
from pipeline.run.folder import Job
from pipeline.run.outcome import Outcome, failure
from pipeline.run.outputs import Outputs
from pipeline.run.streaming import usual_group
from pipeline.warm_up import warm_up
from weights.base.errors import ConfigurationError, ExistsError, InputError, WeightsError


class RunWork:
    """A pipeline that processes any number of jobs.

    Args:
        arguments: of the `Pipeline`.
        outputs: what to write for a picture.
        batch: pictures per batch of the stages; None for the default.
        workers: threads that read and write; None for the default.
        detected: whether masks are detected rather than given.

    Raises:
        ConfigurationError, InputError: as `Pipeline`.
    """

    def __init__(
        self,
        arguments: dict[str, Any],
        outputs: Outputs,
        *,
        batch: int | None,
        workers: int | None,
        detected: bool,
    ) -> None:
        self.pipeline = Pipeline(**arguments)
        models = self.pipeline.model_names(detected=detected)
        # The detector's comes first.
        self.outputs = replace(outputs, models=tuple(models[:1] if outputs.only_mask else models))
        self._detected = detected
        self._batch = batch or usual_group(self.pipeline)
        self._workers = workers or min(MOST_WORKERS, os.cpu_count() or 1)

    @property
    def times_are_told(self) -> bool:
        """Whether each picture's time is recorded."""
        return self.outputs.explain or self.outputs.save_report

    @property
    def groups(self) -> int:
        """How many groups of pictures to process at once."""
        import torch

        from weights.base.device import resolve_device

        # A picture's recorded time must be its own.
        if self.times_are_told or resolve_device(self.pipeline.device).type != "cpu":
            return 1
        stages: list[Any] = [self.pipeline.inpainter, self.pipeline.blender]
        if self._detected:
            stages += [self.pipeline.detector, self.pipeline.refiner]
        if not all(getattr(stage, "thread_safe", False) for stage in stages):
            return 1
        return min(MOST_GROUPS, torch.get_num_threads())

    def warm_up(self) -> None:
        """Load the stages and run them once.

        Raises:
            UnmaskError: a stage cannot be loaded.
        """
        warm_up(self.pipeline, detected=self._detected)

    def unmask_pictures(self, jobs: Sequence[Job]) -> Iterator[Outcome]:
        """Process pictures and yield an outcome each; raises what `unmask_files` does."""
        return unmask_files(
            self.pipeline,
            jobs,
            self.outputs,
            batch=self._batch,
            workers=self._workers,
            groups=self.groups,
        )

    def unmask_one_video(self, job: Job) -> Outcome:
        """Process a video, with its own progress bar.

        Raises:
            ConfigurationError, WeightsError: a stage cannot be made at all.
        """
        from pipeline.video.unmasking import unmask_video

        for given, what in (
            (job.mask, "A mask of your own"),
            (self.outputs.only_mask, "--only-mask"),
        ):
            if given:
                return failure(job, InputError(f"{what} is for pictures, but this is a video."))
        overwrite = self.outputs.overwrite
        try:
            with progress_bar(job.source.name, unit="frames") as show:
                report = unmask_video(
                    self.pipeline,
                    job.source,
                    job.output,
                    reference=list(job.references),
                    overwrite=overwrite,
                    resume=not overwrite,
                    progress=show,
                )
        except (ConfigurationError, WeightsError):
            raise
        except ExistsError:
            return Outcome(job, "skipped", "another run has written it in the meantime")
        except Exception as error:
            return failure(job, error)
        notes = list(report.notes)
        if self.outputs.for_pictures:
            notes.append(f"A video has no {', no '.join(self.outputs.for_pictures)}.")
        return Outcome(
            job,
            "done" if report.changed else "no mask found",
            " ".join(notes),
            timings=dict(report.timings),
            written=(report.target,),
            frames=report.frames,
        )
