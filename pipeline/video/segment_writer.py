"""Writing a run of frames to its own file."""

from __future__ import annotations

from contextlib import contextmanager
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from pipeline.video.frame_pixels import COLOUR_PROPERTIES, extended, in_format
from pipeline.video.library import load_av, open_file
from weights.base.errors import OutputError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import av

    from pipeline.video.encoding import Encoding
    from pipeline.video.source import VideoSource

SEGMENT_SUFFIX = ".nut"
"""NUT keeps every time base and needs no seeking."""


class SegmentWriter:
    """Encodes frames into one segment, which begins with a key frame.

    Args:
        path: the file.
        source: the video that frames, time stamps and colours come from.
        encoding: how they are encoded.

    Raises:
        OutputError: the file cannot be written.
    """

    def __init__(self, path: Path, source: VideoSource, encoding: Encoding) -> None:
        self.path = path
        self.frames = 0
        self._encoding = encoding
        rate, options = source.rate or Fraction(25), dict(encoding.options)
        with _errors_converted(f"Cannot write {path}"):
            self._container = open_file(path, "w", format="nut")
            self._stream = self._container.add_stream(
                encoding.encoder.name, rate=rate, options=options
            )
        stream: Any = self._stream
        first = extended(in_format(source.first, encoding.pixel_format), encoding.block)
        stream.height, stream.width = first.height, first.width
        stream.pix_fmt = encoding.pixel_format
        context = stream.codec_context
        context.time_base = source.time_base
        for name in COLOUR_PROPERTIES:
            setattr(context, name, getattr(first, name))
        if source.aspect:
            context.sample_aspect_ratio = source.aspect

    def write(self, frame: av.VideoFrame) -> None:
        """Encode a frame in the encoding's format; its time stamp is in the source's time base.

        Raises:
            OutputError: it cannot be encoded or written.
        """
        # Let the encoder choose the frame types.
        frame = extended(frame, self._encoding.block)
        frame.pict_type = 0
        self._mux(frame)
        self.frames += 1

    def close(self) -> None:
        """Flush the encoder and close the file.

        Raises:
            OutputError: it cannot be written.
        """
        self._mux(None)
        with _errors_converted(f"Cannot write {self.path}"):
            self._container.close()

    def _mux(self, frame: av.VideoFrame | None) -> None:
        with _errors_converted(f"Cannot encode the video with {self._encoding.encoder.name}"):
            self._container.mux(self._stream.encode(frame))


@contextmanager
def _errors_converted(what: str) -> Iterator[None]:
    """Turn PyAV's errors into an `OutputError` that says what failed."""
    try:
        yield
    except (load_av().FFmpegError, OSError, ValueError) as error:
        raise OutputError(f"{what}: {error}.") from error
