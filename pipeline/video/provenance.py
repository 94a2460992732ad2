"""The mark that every unmasked video carries; see `weights.images.mark` for what it says.

The human-readable sentence is in the file's comment. The XMP packet is in its own box in MP4 and
MOV, in the tag XMP in Matroska and WebM, and next to files of other formats as `name.suffix.xmp`.

Source: XMP Specification Part 3 (ISO 16684), the UUID box of MPEG-4 files.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Iterator, Mapping
from pathlib import Path

from pipeline.video.formats import BOXED
from pipeline.video.source import open_video
from weights.base.atomic import write_whole
from weights.images.mark import Mark, mark_xmp, read_mark_from_xmp
from weights.images.mark_reader import sidecar_path

XMP_BOX = bytes.fromhex("be7acfcb97a942e89c71999491e3afac")
"""The UUID of the box that holds XMP."""
XMP_TAG = "XMP"
_MOST_XMP = 16 * 1024 * 1024
"""Size of the largest packet that is read, in bytes."""
_TAGGED = frozenset({"matroska", "webm"})
"""Formats that allow any tag name."""


def marked_tags(tags: Mapping[str, str], mark: Mark, form: str, xmp: bytes) -> dict[str, str]:
    """Return a container's tags with the mark.

    Args:
        tags: the video's tags.
        mark: the mark.
        form: FFmpeg's name of the file format.
        xmp: the packet with the mark.
    """
    comment = next((value for key, value in tags.items() if key.lower() == "comment"), "")
    if mark.notice not in comment:
        said = f"{mark.notice} Made by {mark.software} with {', '.join(mark.models)}."
        comment = f"{comment}\n{said}" if comment else said
    own = {"comment": comment}
    if form in _TAGGED:
        own["DIGITAL_SOURCE_TYPE"] = mark.digital_source_type
        own["SOFTWARE"] = mark.software
        own[XMP_TAG] = xmp.decode()
    # An older packet in a tag would be read before the new one elsewhere.
    replaced = {key.lower() for key in (*own, XMP_TAG)}
    return {key: value for key, value in tags.items() if key.lower() not in replaced} | own


def marked_xmp(source: Path, tags: Mapping[str, str], mark: Mark) -> bytes:
    """Return a video's XMP packet with the mark added."""
    return mark_xmp(_read_xmp(source, tags), mark)


def sidecar_of_video(target: Path, form: str) -> Path | None:
    """Path of a video's XMP packet if its format, by FFmpeg's name, cannot hold it, else None."""
    return None if form in BOXED or form in _TAGGED else sidecar_path(target)


def write_xmp(path: Path, form: str, xmp: bytes, sidecar: Path | None, *, overwrite: bool) -> None:
    """Write the XMP packet to its place in the format, unless that is among the tags.

    Args:
        path: the finished file, possibly under a temporary name.
        form: FFmpeg's name of its format.
        xmp: the packet.
        sidecar: as returned by `sidecar_of_video` for the final file name.
        overwrite: replace an existing sidecar.

    Raises:
        OutputError: the file or the sidecar cannot be written.
    """
    if form in BOXED:
        with path.open("ab") as file:
            file.write(struct.pack(">I4s", 24 + len(xmp), b"uuid") + XMP_BOX + xmp)
    elif sidecar is not None:
        write_whole(sidecar, xmp, overwrite=overwrite)


def read_video_mark(path: str | os.PathLike[str]) -> Mark | None:
    """Return a video's mark, or None.

    Raises:
        InputError: it is not a readable video.
        MissingDependencyError: PyAV is not installed.
    """
    video = Path(path)
    with open_video(video) as container:
        tags = dict(container.metadata)
    return read_mark_from_xmp(_read_xmp(video, tags))


def _read_xmp(path: Path, tags: Mapping[str, str]) -> bytes | None:
    tag = next((value for key, value in tags.items() if key.upper() == XMP_TAG), None)
    if tag is not None:
        return tag.encode()
    if _is_boxed(path):
        return next(_xmp_boxes(path), None)
    sidecar = sidecar_path(path)
    return sidecar.read_bytes() if sidecar.is_file() else None


def _is_boxed(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(8)[4:] in (b"ftyp", b"moov", b"mdat", b"wide", b"free", b"skip")


def _xmp_boxes(path: Path) -> Iterator[bytes]:
    """The XMP packets among a file's top-level boxes."""
    with path.open("rb") as file:
        end = file.seek(0, os.SEEK_END)
        start = 0
        # No packet is shorter than the longest header.
        while start + 16 <= end:
            file.seek(start)
            size, kind = struct.unpack(">I4s", file.read(8))
            header = 8
            if size == 1:
                size, header = struct.unpack(">Q", file.read(8))[0], 16
            elif size == 0:
                size = end - start
            if size < header:
                return
            length = size - header - len(XMP_BOX)
            if kind == b"uuid" and 0 <= length <= _MOST_XMP and file.read(16) == XMP_BOX:
                yield file.read(length)
            start += size
