"""Reading videos."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from pipeline.video.library import load_av, open_file
from pipeline.video.orientation import Orientation
from weights.errors import InputError

if TYPE_CHECKING:
    import os
    from collections.abc import Iterator, Sequence

    import av

MOST_DAMAGED = 1000
"""After so many packets in a row that cannot be decoded a video counts as broken off."""


@dataclass(frozen=True, eq=False)
class SourceFrame:
    """A decoded frame.

    Attributes:
        number: from 0.
        pts: its time stamp in the stream's time base; each is later than the one before.
        own_pts: the time stamp that the file gives it, or None.
        duration: in the time base, 0 where unknown.
        frame: its pixels and what the file says of them.
    """

    number: int
    pts: int
    own_pts: int | None
    duration: int
    frame: av.VideoFrame


def open_video(path: Path) -> Any:
    """Open a video's container for reading; it is a context manager that closes the file.

    Raises:
        InputError: it cannot be opened or is no video.
        MissingDependencyError: PyAV is not installed.
    """
    av = load_av()
    if not path.is_file():
        raise InputError(f"There is no video {path}.")
    try:
        return open_file(path, metadata_errors="replace")
    except (av.FFmpegError, OSError, ValueError) as error:
        reason = str(getattr(error, "strerror", None) or error).rstrip(".")
        raise InputError(f"{path} is no video that can be read: {reason}.") from error


class VideoSource:
    """A video file whose first stream of moving pictures is read.

    Args:
        path: the file.

    Attributes:
        path: the file.
        size: height and width of the frames as they are stored, in pixels.
        format: FFmpeg's name of their pixel format.
        codec: FFmpeg's name of the codec.
        index: number of the stream in the file.
        time_base: seconds per unit of the time stamps.
        rate: frames per second on average, or None.
        total: about how many frames there are, or None.
        aspect: width over height of a pixel, or None.
        metadata: the file's tags.
        stream_metadata: the stream's.
        has_sound: whether there is sound beside the pictures.
        matrix: the display matrix, 9 numbers, or None.
        orientation: what it says.
        start: seconds at which the file begins, at least 0.
        first: the first frame.
        damaged: packets that could not be decoded when the frames were last read.
        broken_off: whether the file could not be read to its end.

    Raises:
        InputError: it is no video, or has no frame that can be decoded.
        MissingDependencyError: PyAV is not installed.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self._av = load_av()
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
            self.aspect: Fraction | None = stream.sample_aspect_ratio
            self.metadata = dict(container.metadata)
            self.stream_metadata = dict(stream.metadata)
            self.has_sound = bool(container.streams.audio)
            self.start = max(Fraction(0), Fraction(container.start_time or 0, 1_000_000))
        first = next(self.frames(), None)
        if first is None:
            raise InputError(f"{self.path} has no frame that can be decoded.")
        self.first = first.frame
        self.size = (self.first.height, self.first.width)
        self.format = str(self.first.format.name)
        self.matrix = _display_matrix(self.first)
        self.orientation = Orientation.of_matrix(self.matrix)

    def opened(self) -> Any:
        """Open the file's container, as `open_video` does."""
        return open_video(self.path)

    def frames(self, start: int = 0, own_pts: int | None = None) -> Iterator[SourceFrame]:
        """Decode the frames.

        Packets that cannot be decoded are counted in `damaged` and passed over; after
        `MOST_DAMAGED` of them in a row the file counts as broken off. Frames of another size than
        the first are brought to its size.

        Args:
            start: number of the first frame to give.
            own_pts: that frame's own time stamp; where the file has it, it is sought instead of
                decoding all that comes before.

        Raises:
            InputError: the file cannot be opened.
        """
        if start and own_pts is not None:
            frames = self._from(start, own_pts)
            if frames is not None:
                yield from frames
                return
        for frame in self._numbered(self._decoded(None), 0):
            if frame.number >= start:
                yield frame

    def packets(self, container: Any, streams: Sequence[Any]) -> Iterator[Any]:
        """Read the packets of some streams, up to where the file breaks off if it does.

        What came before that place is worth keeping, so it is said in `broken_off` only.
        """
        try:
            yield from container.demux(*streams)
        except self._av.FFmpegError:
            self.broken_off = True

    def _from(self, start: int, own_pts: int) -> Iterator[SourceFrame] | None:
        """The frames from a sought one on; None where it is not found."""
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
            for packet in self.packets(container, [stream]):
                try:
                    frames = packet.decode()
                except self._av.FFmpegError:
                    self.damaged += 1
                    in_a_row += 1
                    if in_a_row > MOST_DAMAGED:
                        self.broken_off = True
                        return
                    continue
                if frames:
                    in_a_row = 0
                yield from frames

    def _numbered(self, frames: Iterator[Any], number: int) -> Iterator[SourceFrame]:
        last: int | None = None
        size: tuple[int, int] | None = getattr(self, "size", None)
        for frame in frames:
            size = size or (frame.height, frame.width)
            own = None if frame.pts is None else int(frame.pts)
            duration = int(frame.duration or 0)
            step = duration or self._usual_duration()
            pts = own if own is not None else (0 if last is None else last + step)
            if last is not None and pts <= last:
                pts = last + 1
            last = pts
            if (frame.height, frame.width) != size:
                frame = frame.reformat(width=size[1], height=size[0])
            frame.pts, frame.time_base = pts, self.time_base
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


def _display_matrix(frame: av.VideoFrame) -> tuple[int, ...] | None:
    side_data: Any = frame.side_data
    data = side_data.get("DISPLAYMATRIX")
    if data is None:
        return None
    return tuple(int(value) for value in np.frombuffer(bytes(data), "<i4"))
