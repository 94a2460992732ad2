"""Reading videos."""

from __future__ import annotations

import itertools
from collections import deque
from dataclasses import dataclass, replace
from fractions import Fraction
from heapq import heapify, heappop, heappush
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from pipeline.video.frame_changes import FrameChanges, filtered
from pipeline.video.frame_pixels import has_transparency
from pipeline.video.library import load_av, open_file
from pipeline.video.orientation import Orientation
from weights.base.errors import InputError

if TYPE_CHECKING:
    import os
    from collections.abc import Iterator, Sequence

    import av

MOST_DAMAGED = 1000
"""Number of consecutive undecodable packets after which a video counts as truncated."""


_FIRST_FIELDS = {2: "top", 3: "bottom", 4: "bottom", 5: "top"}
"""Which of a frame's two fields is shown first, by FFmpeg's AVFieldOrder."""


@dataclass(frozen=True, eq=False)
class SourceFrame:
    """A decoded frame.

    Attributes:
        number: from 0.
        pts: its time stamp in the stream's time base; each is later than the one before.
        own_pts: the time stamp that the file gives it, or None.
        duration: in the time base, 0 if unknown.
        frame: its pixels and their properties.
    """

    number: int
    pts: int
    own_pts: int | None
    duration: int
    frame: av.VideoFrame


def open_video(path: Path) -> Any:
    """Open a video's container for reading, as a context manager that closes the file.

    Raises:
        InputError: it cannot be opened or is not a video.
        MissingDependencyError: PyAV is not installed.
    """
    av = load_av()
    if not path.is_file():
        raise InputError(f"There is no video {path}.")
    # PyAV reads any tags from version 19 on; before, it refused those that are not UTF-8.
    strict = int(av.__version__.split(".")[0]) < 19
    try:
        return open_file(path, **({"metadata_errors": "replace"} if strict else {}))
    except (av.FFmpegError, OSError, ValueError) as error:
        reason = str(getattr(error, "strerror", None) or error).rstrip(".")
        raise InputError(f"{path} is not a video that can be read: {reason}.") from error


class VideoSource:
    """A video file whose first stream of moving pictures is read.

    Args:
        path: the file.
        changes: what is done to the frames as they are decoded.

    Attributes:
        path: the file.
        size: height and width of the decoded frames, in pixels.
        format: FFmpeg's name of their pixel format.
        codec: FFmpeg's name of the codec.
        interlaced: whether a frame holds two fields.
        first_field: which of them is shown first, "top" or "bottom"; None if the file does not say.
        index: number of the stream in the file.
        time_base: seconds per unit of the time stamps.
        rate: frames per second on average, or None.
        total: about how many frames there are, or None.
        aspect: width over height of a pixel, or None.
        metadata: the file's tags.
        stream_metadata: the stream's.
        other_tags: languages and titles of sound and subtitles, as pairs of key and value.
        chapters: how many there are.
        has_sound: whether there is sound.
        transparent: whether frames can be transparent, even if the decoder drops this.
        side_data: the first frame's side data, by FFmpeg's names.
        matrix: the display matrix, 9 numbers, or None.
        orientation: the orientation from that matrix.
        start: start time of the file in seconds, at least 0.
        first: the first frame.
        damaged: number of undecodable packets when the frames were last read.
        broken_off: whether the file could not be read to the end.

    Raises:
        InputError: it is not a video, or has no frame that can be decoded.
        MissingDependencyError: PyAV is not installed.
    """

    def __init__(self, path: str | os.PathLike[str], changes: FrameChanges | None = None) -> None:
        self._av = load_av()
        self._changes = changes or FrameChanges()
        self._filters: list[tuple[str, str]] = []
        self._stored: tuple[int, int, str] | None = None
        self.path = Path(path)
        self.damaged = 0
        self.broken_off = False
        with self.opened() as container:
            stream = self._stream(container)
            self.index: int = stream.index
            self.codec = str(stream.codec_context.codec.canonical_name)
            self.time_base: Fraction = stream.time_base or Fraction(1, 90000)
            self.rate: Fraction | None = stream.average_rate or stream.guessed_rate
            self.total = self._count(container, stream)
            # In AVI times are frame numbers, often in storage rather than display order.
            self._timed_by_order = container.format.name == "avi"
            self.aspect: Fraction | None = stream.sample_aspect_ratio
            self.metadata = dict(container.metadata)
            self.stream_metadata = dict(stream.metadata)
            self.other_tags = _other_tags(container)
            self.chapters = len(container.chapters())
            self.has_sound = bool(container.streams.audio)
            self.start = max(Fraction(0), Fraction(container.start_time or 0, 1_000_000))
            self.first_field = _FIRST_FIELDS.get(stream.codec_context.field_order)
        first = self._first()
        self._stored = (first.height, first.width, first.format.name)
        self.interlaced = first.interlaced_frame or self.first_field is not None
        # WebM stores transparency in a stream within the stream, which is not decoded.
        hidden = {key.lower(): value for key, value in self.stream_metadata.items()}
        self.transparent = has_transparency(first.format.name) or hidden.get("alpha_mode") == "1"
        side_data: Any = first.side_data
        # PyAV 19 iterates over the types, earlier ones over the data.
        self.side_data = frozenset(getattr(data, "type", data).name for data in side_data)
        self.matrix = _display_matrix(first)
        self._filters = self._changes.filters(Orientation.of_matrix(self.matrix))
        if self._changes.upright:
            self.matrix = None
        if any(name == "transpose" for name, _ in self._filters) and self.aspect:
            self.aspect = 1 / self.aspect
        if self._changes.size is not None:
            self.aspect = None
        self.orientation = Orientation.of_matrix(self.matrix)
        self.first = self._first() if self._filters else first
        self.size = (self.first.height, self.first.width)
        self.format = str(self.first.format.name)

    def opened(self) -> Any:
        """Open the file's container, as `open_video` does."""
        return open_video(self.path)

    def frames(self, start: int = 0, own_pts: int | None = None) -> Iterator[SourceFrame]:
        """Decode the frames.

        Undecodable packets are counted in `damaged` and skipped; after `MOST_DAMAGED` of them in a
        row the file counts as truncated. Frames whose size or format differs from the first are
        converted.

        Args:
            start: number of the first frame to return.
            own_pts: that frame's own time stamp; if the file has it, the reader seeks to it instead
                of decoding everything before.

        Raises:
            InputError: the file cannot be opened.
        """
        # Deinterlacing depends on the preceding frames too.
        if start and own_pts is not None and not self._changes.progressive:
            frames = self._from(start, own_pts)
            if frames is not None:
                yield from self._changed(frames)
                return
        for frame in self._changed(self._numbered(self._decoded(None), 0)):
            if frame.number >= start:
                yield frame

    def packets(self, container: Any, streams: Sequence[Any]) -> Iterator[Any]:
        """Read the packets of some streams, up to where the file is truncated, if it is.

        What comes before is worth keeping, so truncation only sets `broken_off`.
        """
        try:
            yield from container.demux(*streams)
        except self._av.FFmpegError:
            self.broken_off = True

    def _from(self, start: int, own_pts: int) -> Iterator[SourceFrame] | None:
        """The frames from the given one on, by seeking; None if it is not found."""
        frames = self._decoded(own_pts)
        for frame in frames:
            if frame.pts is None or frame.pts > own_pts:
                break
            if frame.pts == own_pts:
                return self._numbered(itertools.chain([frame], frames), start)
        return None

    def _decoded(self, seek: int | None) -> Iterator[Any]:
        """The decoded frames, from the start or from a key frame at or before `seek`."""
        self.damaged = 0
        with self.opened() as container:
            stream = container.streams[self.index]
            stream.thread_type = "AUTO"
            if seek is not None:
                try:
                    container.seek(seek, stream=stream)
                except self._av.FFmpegError:
                    return
            in_a_row = 0
            times: list[int] = []
            for packet in self.packets(container, [stream]):
                if self._timed_by_order and packet.pts is not None:
                    heappush(times, packet.pts)
                try:
                    frames = packet.decode()
                except self._av.FFmpegError:
                    if packet.pts in times:
                        times.remove(packet.pts)
                        heapify(times)
                    self.damaged += 1
                    in_a_row += 1
                    if in_a_row > MOST_DAMAGED:
                        self.broken_off = True
                        return
                    continue
                if frames:
                    in_a_row = 0
                for frame in frames:
                    if times:
                        frame.pts = heappop(times)
                    yield frame

    def _first(self) -> av.VideoFrame:
        first = next(self.frames(), None)
        if first is None:
            raise InputError(f"{self.path} has no frame that can be decoded.")
        return first.frame

    def _changed(self, frames: Iterator[SourceFrame]) -> Iterator[SourceFrame]:
        """The frames with `FrameChanges` applied."""
        if not self._filters:
            yield from frames
            return
        waiting: deque[SourceFrame] = deque()

        def decoded() -> Iterator[av.VideoFrame]:
            for frame in frames:
                waiting.append(frame)
                yield frame.frame

        for picture in filtered(decoded(), self._filters, self.time_base):
            frame = waiting.popleft()
            picture.pts, picture.time_base = frame.pts, self.time_base
            yield replace(frame, frame=picture)

    def _numbered(self, frames: Iterator[Any], number: int) -> Iterator[SourceFrame]:
        last: int | None = None
        for frame in frames:
            time = None if frame.pts is None else int(frame.pts)
            duration = int(frame.duration or 0)
            step = duration or self._usual_duration()
            pts = time if time is not None else (0 if last is None else last + step)
            if last is not None and pts <= last:
                pts = last + 1
            last = pts
            if self._stored not in (None, (frame.height, frame.width, frame.format.name)):
                height, width, form = self._stored
                frame = frame.reformat(width=width, height=height, format=form)
            frame.pts, frame.time_base = pts, self.time_base
            # A frame timed by its position cannot be found by seeking.
            own = None if self._timed_by_order else time
            yield SourceFrame(number, pts, own, duration, frame)
            number += 1

    def _usual_duration(self) -> int:
        return max(1, round(1 / ((self.rate or 25) * self.time_base)))

    def _stream(self, container: Any) -> Any:
        cover = self._av.stream.Disposition.attached_pic
        for stream in container.streams.video:
            if not stream.disposition & cover and stream.codec_context is not None:
                return stream
        raise InputError(f"{self.path} has no moving pictures in it.")

    def _count(self, container: Any, stream: Any) -> int | None:
        if stream.frames:
            return int(stream.frames)
        if self.rate is None:
            return None
        if stream.duration is not None:
            return max(1, round(stream.duration * self.time_base * self.rate))
        if container.duration is not None:
            return max(1, round(Fraction(container.duration, 1_000_000) * self.rate))
        return None


def _other_tags(container: Any) -> list[tuple[str, str]]:
    return [
        (key.lower(), value)
        for stream in container.streams
        if stream.type in ("audio", "subtitle")
        for key, value in stream.metadata.items()
        if key.lower() in ("language", "title") and value not in ("", "und")
    ]


def _display_matrix(frame: av.VideoFrame) -> tuple[int, ...] | None:
    side_data: Any = frame.side_data
    data = side_data.get("DISPLAYMATRIX")
    if data is None:
        return None
    return tuple(int(value) for value in np.frombuffer(bytes(data), "<i4"))
