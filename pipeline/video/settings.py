"""How a video is worked through."""

from __future__ import annotations

from dataclasses import dataclass

from weights.base.errors import InputError


@dataclass(frozen=True)
class VideoSettings:
    """How a video is worked through; times are counted in frames.

    Attributes:
        detect_every: the detector looks at every such frame, from 1; masks are tracked in between.
        look_ahead: how far ahead of a frame its masks are known, from 1 and at least
            `detect_every`. A mask that was not found for up to so many frames is bridged, and a
            mask found in one frame only, with none near in time, is taken for a mistake.
        hold: how far a hole reaches in time before the first and after the last time that its mask
            was found, from 0 to below `look_ahead`; frames that the detector passed over do not
            count.
        smoothing: standard deviation of the average of outlines over time; 0 takes each as it is.
        steadiness: how much of a fill is kept from one frame to the next, 0 to below 1; 0 fills
            each frame for itself.
        chunk: how many frames go through detector and inpainter together, from 1.
        segment: after about how many frames the work so far is put safely on disk, from 1.

    Raises:
        InputError: a value is out of its range.
    """

    detect_every: int = 2
    look_ahead: int = 8
    hold: int = 2
    smoothing: float = 1.5
    steadiness: float = 0.9
    chunk: int = 8
    segment: int = 240

    def __post_init__(self) -> None:
        for name, value, least in (
            ("detect_every", self.detect_every, 1),
            ("look_ahead", self.look_ahead, self.detect_every),
            ("hold", self.hold, 0),
            ("chunk", self.chunk, 1),
            ("segment", self.segment, 1),
        ):
            if isinstance(value, bool) or not isinstance(value, int) or value < least:
                raise InputError(
                    f"{name} must be a whole number of frames from {least}, but is {value!r}."
                )
        if self.hold >= self.look_ahead:
            raise InputError(
                f"hold must be below look_ahead, {self.look_ahead}, but is {self.hold!r}."
            )
        if not 0.0 <= self.smoothing <= 100.0:
            raise InputError(f"smoothing must be from 0 to 100, but is {self.smoothing!r}.")
        if not 0.0 <= self.steadiness < 1.0:
            raise InputError(f"steadiness must be from 0 to below 1, but is {self.steadiness!r}.")

    @property
    def reach(self) -> int:
        """How far a hole reaches before the first and after the last find, all frames counted."""
        return min(self.hold + self.detect_every, self.look_ahead) - 1
