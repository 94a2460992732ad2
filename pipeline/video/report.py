"""The outcome of a video."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

Sound = Literal["none", "copied", "encoded anew", "left out"]


@dataclass(frozen=True)
class VideoReport:
    """The outcome of a video.

    Attributes:
        target: the written file.
        frames: number of frames in it.
        faces: filled faces, summed over the frames.
        frames_without_mask: frames in which nothing was filled.
        people: number of tracks; a person who leaves and comes back counts twice.
        cuts: number of scene cuts.
        changed: whether anything was filled; otherwise `target` is a copy of the input if both have
            the same file format.
        resumed: number of frames finished by an earlier call.
        sound: what became of the sound.
        seconds: time that this call took.
        timings: seconds per stage in this call: "detector", "refiner", "inpainter", "blender",
            "tracking" and "steadying", and "reference" if there was one.
        notes: sentences on what could not be kept.
        from_reference: how many of the faces were filled from a reference photo.
    """

    target: Path
    frames: int
    faces: int
    frames_without_mask: int
    people: int
    cuts: int
    changed: bool
    resumed: int
    sound: Sound
    seconds: float
    timings: dict[str, float] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    from_reference: int = 0
