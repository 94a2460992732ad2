"""How a video is processed."""

from __future__ import annotations

from dataclasses import dataclass

from weights.base.errors import InputError
from weights.base.option_values import check_whole_number


@dataclass(frozen=True)
class VideoSettings:
    """How a video is processed; times are counted in frames.

    Attributes:
        detect_every: the detector runs on every n-th frame, from 1; masks are tracked in between.
        look_ahead: how many frames after a frame are used for its masks, from 1 and at least
            `detect_every`. Gaps in detection of up to this many frames are bridged, and a mask
            detected in only one frame, with none near in time, is taken for a mistake.
        hold: how long a hole extends before the first and after the last detection of its mask,
            from 0 to below `look_ahead`; frames that the detector skipped do not count.
        smoothing: standard deviation of the averaging of outlines over time; 0 for none.
        steadiness: how much of a fill is kept from one frame to the next, 0 to below 1; 0 fills
            each frame on its own.
        chunk: how many frames go through detector and inpainter together, from 1.
        segment: after about how many frames the work so far is saved to disk, from 1.

    Raises:
        InputError: a value is out of range.
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
            check_whole_number(f"{name}, in frames,", value, least)
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
        """How far a hole extends before the first and after the last detection, in all frames."""
        return min(self.hold + self.detect_every, self.look_ahead) - 1
