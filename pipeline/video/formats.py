"""How videos are written: file formats by suffix, and encoders.

A video is encoded with its own codec if an encoder is available, else as H.264 or, in WebM, VP9;
all at a visually lossless quality. No encoder reorders frames, so that any time stamps survive and
finished segments can be joined without re-encoding.
"""

from __future__ import annotations

import io
import os
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path, PurePath
from typing import Any

from pipeline.video.library import load_av
from weights.base.errors import OutputError

_FORMATS = {
    ".3g2": "3g2",
    ".3gp": "3gp",
    ".asf": "asf",
    ".avi": "avi",
    ".f4v": "mp4",
    ".flv": "flv",
    ".m2ts": "mpegts",
    ".m4v": "mp4",
    ".mkv": "matroska",
    ".mov": "mov",
    ".mp4": "mp4",
    ".mpeg": "mpeg",
    ".mpg": "mpg",
    ".mts": "mpegts",
    ".mxf": "mxf",
    ".nut": "nut",
    ".ogv": "ogg",
    ".ts": "mpegts",
    ".vob": "vob",
    ".webm": "webm",
    ".wmv": "asf",
}
"""Video suffixes in lower case, with FFmpeg's names of their formats.

Animated pictures such as GIF are not included.
"""

BOXED = frozenset({"mp4", "mov", "3gp", "3g2"})
"""Box-based formats (ISO 14496-12), which can hold XMP."""

HOLDS_ROTATION = BOXED | {"matroska", "webm"}
"""Formats that store how frames are rotated for display."""

EVENLY_TIMED = frozenset({"avi"})
"""Formats with a constant frame rate; longer frames are padded."""

_UNWRITABLE = frozenset({".mpeg", ".mpg", ".vob"})
"""Suffixes of formats that can be written, but not read back."""


@dataclass(frozen=True)
class Encoder:
    """An encoder and its settings.

    Attributes:
        name: FFmpeg's name.
        options: its options.
        formats: file formats in which players expect its codec; None for any.
        tag: the codec's tag in box-based formats, if players expect another than FFmpeg's.
        even: whether the frame must consist of whole chroma blocks.
        square: whether its output cannot signal non-square pixels.
        parameters: the option for encoder-specific parameters, as "name=value:name=value"; None if
            there is none.
        fields: entries of `parameters` for which field of a frame is shown first; empty if it does
            not keep fields apart.
        static_hdr: names in `parameters` of HDR10's mastering display and content light level; None
            if not supported.
    """

    name: str
    options: dict[str, str] = field(default_factory=dict)
    formats: tuple[str, ...] | None = None
    tag: str | None = None
    even: bool = False
    square: bool = False
    parameters: str | None = None
    fields: dict[str, str] = field(default_factory=dict)
    static_hdr: tuple[str, str] | None = None


_ENCODERS = {
    "h264": Encoder(
        "libx264",
        # With AVX-512, if rows of blocks are not a multiple of 8, x264 reads whatever lies in
        # memory past them when it rates a block; its plain functions do not.
        {"crf": "18", "preset": "medium", "bf": "0", "x264-params": "cpu-independent=1"},
        even=True,
        parameters="x264-params",
        fields={"top": "tff=1", "bottom": "bff=1"},
        static_hdr=("mastering-display", "cll"),
    ),
    "hevc": Encoder(
        "libx265",
        {"crf": "20", "preset": "fast", "x265-params": "log-level=error:bframes=0"},
        ("mp4", "mov", "matroska", "mpegts"),
        tag="hvc1",
        even=True,
        parameters="x265-params",
        static_hdr=("master-display", "max-cll"),
    ),
    "vp9": Encoder(
        "libvpx-vp9",
        {"crf": "24", "deadline": "good", "cpu-used": "4", "row-mt": "1", "auto-alt-ref": "0"},
        ("webm", "matroska"),
        square=True,
    ),
    "ffv1": Encoder("ffv1", {"level": "3"}, ("matroska", "avi", "nut")),
}


def is_video(path: str | os.PathLike[str]) -> bool:
    """Whether a path has a video's suffix; no file is opened."""
    return PurePath(path).suffix.lower() in _FORMATS


def format_of_video(path: Path) -> str:
    """FFmpeg's name of the file format of a path's suffix.

    Raises:
        OutputError: the suffix is not that of a video.
    """
    if not is_video(path):
        raise OutputError(f"{path} has no video suffix: use one of {', '.join(_FORMATS)}.")
    return _FORMATS[path.suffix.lower()]


def choose_encoder(codec: str, target: Path) -> Encoder:
    """Choose the encoder for a video.

    Args:
        codec: FFmpeg's name of the source's codec.
        target: the file to write; its suffix counts.

    Raises:
        OutputError: no available encoder suits the file format.
    """
    form = format_of_video(target)
    names = () if target.suffix.lower() in _UNWRITABLE else (codec, "h264", "vp9")
    for encoder in (_ENCODERS[name] for name in names if name in _ENCODERS):
        if (encoder.formats is None or form in encoder.formats) and _holds(form, encoder):
            return encoder
    raise OutputError(
        f"Cannot write {target.suffix} videos, as no encoder for such files is installed: use "
        ".mp4, .mkv or .webm."
    )


def takes_stream(form: str, add: Callable[[Any], Any]) -> bool:
    """Whether a file format accepts a stream, tried on a file in memory.

    Args:
        form: FFmpeg's name of the format.
        add: adds the stream to the container passed to it.
    """
    av = load_av()
    try:
        with av.open(io.BytesIO(), "w", format=form) as container:
            add(container)
            container.start_encoding()
    except (av.FFmpegError, ValueError):
        return False
    return True


def _holds(form: str, encoder: Encoder) -> bool:
    """Whether a file format accepts an encoder's output, and the encoder is available."""

    def add(container: Any) -> None:
        stream = container.add_stream(encoder.name, rate=25, options=dict(encoder.options))
        stream.width, stream.height = 64, 64

    return takes_stream(form, add)
