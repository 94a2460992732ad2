"""The mark that every unmasked video carries; see `weights.provenance` for what it says.

The sentence for people is in the file's comment. The XMP packet is in a box of its own in MP4 and
MOV, in the tag XMP in Matroska and WebM, and beside files of other formats as `name.suffix.xmp`.

Source: XMP Specification Part 3 (ISO 16684), the UUID box of MPEG-4 files.
"""

from __future__ import annotations

import os
import struct
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.provenance import sidecar_path
from pipeline.video.formats import BOXED
from pipeline.video.library import load_av
from weights.atomic import atomic_path
from weights.errors import InputError
from weights.provenance import Mark, mark_xmp, read_mark_from_xmp

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

XMP_BOX = bytes.fromhex("be7acfcb97a942e89c71999491e3afac")
"""The UUID of the box that holds XMP."""
XMP_TAG = "XMP"
_MOST_XMP = 16 * 1024 * 1024
_TAGGED = frozenset({"matroska", "webm"})


def marked_tags(tags: Mapping[str, str], mark: Mark, form: str, xmp: bytes) -> dict[str, str]:
    """Return a container's tags with the mark in them.

    Args:
        tags: the tags that the video had.
        mark: what they are to say.
        form: FFmpeg's name of the file format.
        xmp: the packet with the mark.
    """
    marked = dict(tags)
    comment = next((value for key, value in tags.items() if key.lower() == "comment"), "")
    said = f"{mark.notice} Made by {mark.software} with {', '.join(mark.models)}."
    if mark.notice not in comment:
        marked = {key: value for key, value in marked.items() if key.lower() != "comment"}
        marked["comment"] = f"{comment}\n{said}" if comment else said
    if form in _TAGGED:
        marked["DIGITAL_SOURCE_TYPE"] = mark.digital_source_type
        marked["SOFTWARE"] = mark.software
        marked[XMP_TAG] = xmp.decode()
    return marked


def marked_xmp(source: Path, tags: Mapping[str, str], mark: Mark) -> bytes:
    """Return the XMP packet of a video, as it was read, with the mark in it."""
    return mark_xmp(_read_xmp(source, tags), mark)


def write_xmp(path: Path, form: str, xmp: bytes, target: Path, *, overwrite: bool) -> None:
    """Put the XMP packet where the format has it, if that is not among the tags.

    Args:
        path: the finished file, which may still have a temporary name.
        form: FFmpeg's name of its format.
        xmp: the packet.
        target: the file's name in the end, beside which a sidecar lies.
        overwrite: replace a sidecar.

    Raises:
        OutputError: the file or the sidecar cannot be written.
    """
    if form in BOXED:
        with path.open("ab") as file:
            file.write(struct.pack(">I4s", 24 + len(xmp), b"uuid") + XMP_BOX + xmp)
    elif form not in _TAGGED:
        with atomic_path(sidecar_path(target), overwrite=overwrite) as temporary:
            temporary.write_bytes(xmp)


def read_video_mark(path: str | os.PathLike[str]) -> Mark | None:
    """Return the mark that a video carries, or None.

    Raises:
        InputError: it is no video that can be read.
        MissingDependencyError: PyAV is not installed.
    """
    av = load_av()
    video = Path(path)
    try:
        with av.open(os.fspath(video), metadata_errors="replace") as container:
            tags = dict(container.metadata)
    except (av.FFmpegError, OSError, ValueError) as error:
        raise InputError(f"{video} is no video that can be read: {error}.") from error
    return read_mark_from_xmp(_read_xmp(video, tags))


def _read_xmp(path: Path, tags: Mapping[str, str]) -> bytes | None:
    tag = next((value for key, value in tags.items() if key.upper() == XMP_TAG), None)
    if tag is not None:
        return tag.encode()
    if _is_boxed(path):
        return next((xmp for xmp in _xmp_boxes(path)), None)
    sidecar = sidecar_path(path)
    return sidecar.read_bytes() if sidecar.is_file() else None


def _is_boxed(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(8)[4:] in (b"ftyp", b"moov", b"mdat", b"wide", b"free", b"skip")


def _xmp_boxes(path: Path) -> Iterator[bytes]:
    """The XMP packets among a file's outermost boxes."""
    with path.open("rb") as file:
        end = file.seek(0, os.SEEK_END)
        start = 0
        while start + 8 <= end:
            file.seek(start)
            size, kind = struct.unpack(">I4s", file.read(8))
            header = 8
            if size == 1:
                size, header = struct.unpack(">Q", file.read(8))[0], 16
            elif size == 0:
                size = end - start
            if size < header:
                return
            if kind == b"uuid" and file.read(16) == XMP_BOX and size - header - 16 <= _MOST_XMP:
                yield file.read(size - header - 16)
            start += size
