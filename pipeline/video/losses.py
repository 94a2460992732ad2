"""Determining what a written video has lost of its source, by reading both."""

from __future__ import annotations

from collections import Counter

from pipeline.video.frame_pixels import bit_depth
from pipeline.video.joining import passed_on
from pipeline.video.orientation import Orientation
from pipeline.video.source import VideoSource

_SIDE_DATA = {
    "A53_CC": "closed captions",
    "AMBIENT_VIEWING_ENVIRONMENT": "ambient viewing environment",
    "CONTENT_LIGHT_LEVEL": "HDR10 content light level",
    "DOVI_METADATA": "Dolby Vision",
    "DOVI_RPU_BUFFER": "Dolby Vision",
    "DYNAMIC_HDR_PLUS": "HDR10+",
    "DYNAMIC_HDR_VIVID": "HDR Vivid",
    "GOP_TIMECODE": "time code",
    "ICC_PROFILE": "colour profile",
    "MASTERING_DISPLAY_METADATA": "HDR10 mastering display",
    "S12M_TIMECODE": "time code",
    "SPHERICAL": "spherical projection",
    "STEREO3D": "stereoscopic arrangement",
}
"""Frame data other than pixels, by FFmpeg's name."""


def losses(original: VideoSource, written: VideoSource, suffix: str) -> list[str]:
    """Sentences on what a written video has in another form than the original, or lacks.

    Args:
        original: the source.
        written: what was made of it.
        suffix: the written file's final suffix.
    """
    notes = []
    size = original.size
    if original.orientation != Orientation() and written.orientation == Orientation():
        notes.append(f"The frames were turned upright, as {suffix} files hold no rotation.")
        size = size[::-1] if original.orientation.transposed else size
    if original.interlaced and not written.interlaced:
        notes.append(
            f"The frames were deinterlaced, as {written.codec} in {suffix} files is written "
            "with whole frames."
        )
    if original.aspect not in (None, 0, 1) and written.aspect in (None, 0, 1):
        notes.append(
            f"The frames were resampled from {size[1]} x {size[0]} to {written.size[1]} x "
            f"{written.size[0]} pixels, as those of {written.codec} in {suffix} files are squares."
        )
    elif written.size != size:
        notes.append(
            f"The frames grew from {size[1]} x {size[0]} to {written.size[1]} x "
            f"{written.size[0]} pixels, their last column or row repeated, as {written.codec} is "
            "played everywhere with even sizes only."
        )
    before, after = bit_depth(original.format), bit_depth(written.format)
    if after < before:
        notes.append(f"The frames have {after} bits per colour instead of {before}.")
    if original.transparent and not written.transparent:
        notes.append("The transparency of the pictures was left out.")
    kinds = {
        _SIDE_DATA[kind] for kind in original.side_data - written.side_data if kind in _SIDE_DATA
    }
    if kinds:
        notes.append(f"Left out of the frames' data: {', '.join(sorted(kinds))}.")
    if original.chapters > written.chapters:
        notes.append(f"The chapters were left out, as {suffix} files hold none.")
    kept = {key.lower() for key in written.metadata}
    tags = sorted(key for key in passed_on(original.metadata) if key.lower() not in kept)
    if tags:
        notes.append(f"Tags that {suffix} files do not hold were left out: {', '.join(tags)}.")
    had, has = (Counter(key for key, _ in video.other_tags) for video in (original, written))
    others = [f"{key} {value}" for key, value in original.other_tags if had[key] > has[key]]
    if others:
        notes.append(
            f"Tags of sound and subtitles that {suffix} files do not hold were left out: "
            f"{', '.join(others)}."
        )
    return notes
