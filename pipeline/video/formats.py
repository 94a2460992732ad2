"""How videos are written: file formats by suffix, and encoders.

A video is encoded by the codec that it came in where an encoder for that is at hand, else as H.264
or, in WebM, as VP9; all at a quality at which the loss is not seen. No encoder reorders frames, so
that any time stamps survive and finished parts can be joined without encoding again.
"""

from __future__ import annotations

import io
from dataclasses import dataclass, field
from pathlib import PurePath
from typing import TYPE_CHECKING, Any

from pipeline.video.library import load_av
from weights.base.errors import OutputError

if TYPE_CHECKING:
    import os
    from collections.abc import Callable
    from pathlib import Path

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
"""Suffixes of videos, in lower case, with FFmpeg's names of their formats.

Animated pictures such as GIF are not among them.
"""

BOXED = frozenset({"mp4", "mov", "3gp", "3g2"})
"""Formats made of boxes (ISO 14496-12), in which XMP has a place."""

HOLDS_ROTATION = BOXED | {"matroska", "webm"}
"""Formats that say how frames are to be turned when they are shown."""

EVENLY_TIMED = frozenset({"avi"})
"""Formats whose frames follow each other at one rate; one that lasts longer is padded."""

_UNWRITABLE = frozenset({".mpeg", ".mpg", ".vob"})
"""Suffixes of formats that take what is encoded here, but whose readers do not find it again."""


@dataclass(frozen=True)
class Encoder:
    """An encoder and its settings.

    Attributes:
        name: FFmpeg's name.
        options: its options.
        formats: file formats in which players expect what it makes; None for any.
        tag: what it is called in formats made of boxes, where players know it by another name
            than FFmpeg's.
        even: whether blocks of pixels that share a colour must fill the frame.
        square: whether what it makes cannot say that pixels are no squares.
        parameters: the option that takes what it alone knows, as "name=value:name=value"; None
            where there is none.
        fields: what says in `parameters` which field of a frame is shown first; empty where it
            does not keep the two apart.
        static_hdr: names in `parameters` of HDR10's mastering display and content light level; None
            where it does not take them.
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
        # With AVX-512, where rows of blocks are no multiple of 8, x264 lets what happens to lie in
        # memory past them change how much a block is worth; its plain functions do not.
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
    """Say by its suffix whether a path is that of a video; no file is opened."""
    return PurePath(path).suffix.lower() in _FORMATS


def format_of_video(path: Path) -> str:
    """FFmpeg's name of the file format that a path's suffix stands for.

    Raises:
        OutputError: the suffix is that of no video.
    """
    if not is_video(path):
        raise OutputError(f"{path} has no suffix of a video: use one of {', '.join(_FORMATS)}.")
    return _FORMATS[path.suffix.lower()]


def choose_encoder(codec: str, target: Path) -> Encoder:
    """Choose the encoder for a video.

    Args:
        codec: FFmpeg's name of the codec that the video came in.
        target: the file to write; its suffix counts.

    Raises:
        OutputError: no encoder at hand makes what the file format holds.
    """
    form = format_of_video(target)
    names = () if target.suffix.lower() in _UNWRITABLE else (codec, "h264", "vp9")
    for encoder in (_ENCODERS[name] for name in names if name in _ENCODERS):
        if (encoder.formats is None or form in encoder.formats) and _holds(form, encoder):
            return encoder
    raise OutputError(
        f"Cannot write {target.suffix} videos, as nothing here encodes what such a file holds: "
        "use .mp4, .mkv or .webm."
    )


def takes_stream(form: str, add: Callable[[Any], Any]) -> bool:
    """Whether a file format takes a stream, tried on a file in memory.

    Args:
        form: FFmpeg's name of the format.
        add: adds the stream to a container that it is given.
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
    """Whether a file format takes what an encoder makes, and the encoder is at hand."""

    def add(container: Any) -> None:
        stream = container.add_stream(encoder.name, rate=25, options=dict(encoder.options))
        stream.width, stream.height = 64, 64

    return takes_stream(form, add)
