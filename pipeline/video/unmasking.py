"""`unmask_video`: taking the masks off a video file."""

from __future__ import annotations

import hashlib
import os
import shutil
import time
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from pipeline.core import Pipeline
from pipeline.references.filling import read_references
from pipeline.video.encoding import Encoding, plan_encoding
from pipeline.video.formats import BOXED, format_of_video
from pipeline.video.frame_pixels import aligned_hole, in_format, read_pixels, write_pixels
from pipeline.video.frame_stream import FrameStream, UnmaskedFrame
from pipeline.video.joining import Joined, Joining
from pipeline.video.library import load_av
from pipeline.video.losses import losses
from pipeline.video.provenance import marked_tags, marked_xmp, sidecar_of_video, write_xmp
from pipeline.video.report import VideoReport
from pipeline.video.segment_writer import SegmentWriter
from pipeline.video.settings import VideoSettings
from pipeline.video.source import SourceFrame, VideoSource
from pipeline.video.work_folder import WorkFolder
from weights.base.atomic import atomic_path
from weights.base.contracts import Hole, Image
from weights.base.errors import InputError, OutputError
from weights.images.mark import make_mark, unmask_version

STATE_VERSION = 2
"""Of what is kept to resume a video; to be raised when that changes, as of a face's track."""


def unmask_video(
    pipeline: Pipeline,
    source: str | os.PathLike[str],
    target: str | os.PathLike[str],
    *,
    reference: Any = None,
    overwrite: bool = False,
    resume: bool = True,
    progress: Callable[[int, int | None], None] | None = None,
    settings: VideoSettings | None = None,
) -> VideoReport:
    """Take the masks off a video.

    Frames are filled by the pipeline's stages; `FrameStream` describes the processing over time.
    Outside the holes they stay as decoded until they are encoded. Time stamps, frame rate,
    rotation, colours, sound, subtitles, chapters and tags are kept; sound is copied if the file
    format can hold it. The file carries the mark of `weights.images.mark`. A video in which nothing
    was filled is copied as it is if the target has the same file format.

    The work is done in segments, stored in a hidden folder next to the target until the end; a
    killed call resumes after the last finished one and produces the same video. The memory in use
    does not depend on the video's length.

    Args:
        pipeline: the pipeline.
        source: any file that FFmpeg reads.
        target: the file to write; its suffix determines the format.
        reference: a photo of the only masked person without a mask, or a list of several, to take
            mouth, nose and chin from; same types as for `unmask`. Frames that none fits are filled
            by a guess, and a note says so.
        overwrite: replace the target.
        resume: resume an earlier call for the same source, target, pipeline and settings.
        progress: called with the number of finished frames and the total, None if unknown.
        settings: how the video is processed.

    Raises:
        InputError: the source is not a readable video, or is the target; or no reference is usable
            for any face.
        OutputError: the target exists, cannot be written, or is being written by another call.
        MissingDependencyError: PyAV is not installed.
    """
    began = time.perf_counter()
    settings = settings or VideoSettings()
    source, target = Path(source), Path(target)
    form = format_of_video(target)
    sidecar = sidecar_of_video(target, form)
    for path in (target, sidecar):
        if path is not None and path.exists() and not overwrite:
            raise OutputError(f"{path} exists already and is not overwritten unless asked.")
    original = VideoSource(source)
    if target.exists() and target.samefile(source):
        raise InputError(f"{source} is both the video and its target: choose another target.")
    encoding = plan_encoding(original, target)
    video = VideoSource(source, encoding.changes)
    references = read_references(reference)
    work = _Work(pipeline, video, encoding, settings, references)
    with WorkFolder(target, work.job(), resume=resume) as folder:
        resumed = work.resume(folder)
        work.run(progress)
        counts = work.counts
        changed = counts.faces > 0
        notes = []
        with atomic_path(target, overwrite=overwrite) as temporary:
            if not changed and source.suffix.lower() == target.suffix.lower():
                shutil.copyfile(source, temporary)
                joined = Joined("copied" if video.has_sound else "none", ())
            else:
                tags, xmp = video.metadata, None
                if changed:
                    from_reference = counts.from_reference > 0
                    mark = make_mark(pipeline.model_names(), from_reference=from_reference)
                    xmp = marked_xmp(source, tags, mark)
                    tags = marked_tags(tags, mark, form, xmp)
                tag = encoding.encoder.tag if form in BOXED else None
                joined = Joining(
                    video, folder.segments, temporary, form, tags, tag, counts.last_duration
                ).join()
                if xmp is not None:
                    write_xmp(temporary, form, xmp, sidecar, overwrite=overwrite)
                notes += [*joined.notes, *losses(original, VideoSource(temporary), target.suffix)]
        folder.remove()
    if sidecar is not None and not changed:
        # It described the replaced video.
        sidecar.unlink(missing_ok=True)
    return VideoReport(
        target=target,
        frames=counts.frames,
        faces=counts.faces,
        frames_without_mask=counts.frames_without_mask,
        people=work.stream.people,
        cuts=work.stream.cuts,
        changed=changed,
        resumed=resumed,
        sound=joined.sound,
        seconds=time.perf_counter() - began,
        timings=dict(work.stream.timings),
        notes=(*notes, *work.notes()),
        from_reference=counts.from_reference,
    )


@dataclass
class _Counts:
    """What was done so far, earlier calls included."""

    frames: int = 0
    faces: int = 0
    from_reference: int = 0
    reason_for_guess: str = ""
    frames_without_mask: int = 0
    last_duration: int = 0


@dataclass(eq=False)
class _Work:
    """The work on a video's pictures, segment by segment."""

    pipeline: Pipeline
    video: VideoSource
    encoding: Encoding
    settings: VideoSettings
    references: list[Image]

    def __post_init__(self) -> None:
        self.stream = FrameStream(
            self.pipeline, self.settings, references=self.references, aligned=self._aligned
        )
        self.counts = _Counts()
        self._waiting: deque[SourceFrame] = deque()
        self._writer: SegmentWriter | None = None
        self._complete = False

    def job(self) -> dict[str, Any]:
        """What the result depends on: only the same job is resumed."""
        file = self.video.path.stat()
        return {
            "source": [str(self.video.path.resolve()), file.st_size, file.st_mtime_ns],
            "pipeline": self.pipeline.description(),
            "encoding": asdict(self.encoding),
            "settings": asdict(self.settings),
            "references": [hashlib.sha256(one.tobytes()).hexdigest() for one in self.references],
            "unmask": unmask_version(),
            "av": str(load_av().__version__),
            "state": STATE_VERSION,
        }

    def resume(self, folder: WorkFolder) -> int:
        """Take over what an earlier call left in the folder; return its number of frames."""
        self.folder = folder
        if folder.state is not None:
            self.counts = _Counts(**folder.state["counts"])
            self._complete = folder.state["complete"]
        return self.counts.frames

    def notes(self) -> Iterator[str]:
        """Sentences on problems with the source and the references."""
        counts, video = self.counts, self.video
        if video.damaged:
            yield f"Damaged pieces of the video that were skipped: {video.damaged}."
        if video.broken_off:
            yield "The video breaks off and could not be read to its end."
        if self.references and counts.from_reference < counts.faces:
            yield (
                f"In {counts.faces - counts.from_reference} of {counts.faces} places the face is a "
                f"guess: {counts.reason_for_guess}"
            )

    def run(self, progress: Callable[[int, int | None], None] | None) -> None:
        """Fill and encode all remaining frames."""
        frames = self._frames()
        self._tell(progress)
        if self._complete:
            return
        while chunk := list(islice(frames, self.settings.chunk)):
            self._waiting += chunk
            self._write(self.stream.push([self._pixels(frame) for frame in chunk]))
            if self._writer is not None and self._writer.frames >= self.settings.segment:
                self._finish_segment()
            self._tell(progress)
        self._write(self.stream.finish())
        self._complete = True
        if self._writer is not None:
            self._finish_segment()
        self._tell(progress)

    def _frames(self) -> Iterator[SourceFrame]:
        """The frames to process; those that an earlier call left pending are pending again."""
        state = self.folder.state
        if state is None:
            return self.video.frames()
        frames = self.video.frames(self.counts.frames, state["own_pts"])
        self._waiting += islice(frames, state["stream"]["pending"])
        images = [self._pixels(frame) for frame in self._waiting]
        self.stream.restore(state["stream"], images)
        return frames

    def _tell(self, progress: Callable[[int, int | None], None] | None) -> None:
        if progress is not None:
            total = self.counts.frames if self._complete else self.video.total
            progress(self.counts.frames, None if total is None else max(total, self.counts.frames))

    def _pixels(self, frame: SourceFrame) -> Image:
        return self.video.orientation.apply(read_pixels(frame.frame))

    def _aligned(self, hole: Hole) -> Hole:
        stored = self.video.orientation.undo(hole)
        return self.video.orientation.apply(aligned_hole(stored, self.encoding.pixel_format))

    def _write(self, done: list[UnmaskedFrame]) -> None:
        stored, counts = self.video.orientation.undo, self.counts
        for unmasked in done:
            waiting = self._waiting.popleft()
            frame = in_format(waiting.frame, self.encoding.pixel_format)
            if unmasked.hole is not None:
                write_pixels(frame, stored(unmasked.image), stored(unmasked.hole))
            if self._writer is None:
                self._writer = SegmentWriter(self.folder.next_segment, self.video, self.encoding)
            self._writer.write(frame)
            counts.frames += 1
            counts.faces += unmasked.faces
            counts.from_reference += unmasked.from_reference
            counts.reason_for_guess = counts.reason_for_guess or self.stream.reason_for_guess
            counts.frames_without_mask += unmasked.hole is None
            counts.last_duration = waiting.duration

    def _finish_segment(self) -> None:
        assert self._writer is not None
        self._writer.close()
        self._writer = None
        # It is impossible to seek to a time stamp that was repaired.
        following = islice(self._waiting, 1)
        sought = next((one.own_pts for one in following if one.own_pts == one.pts), None)
        self.folder.save(
            {
                "counts": asdict(self.counts),
                "stream": self.stream.state(),
                "own_pts": sought,
                "complete": self._complete,
            }
        )
