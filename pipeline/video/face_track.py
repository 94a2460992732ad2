"""One masked face, tracked through the frames."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from inpainter.data.framing import Square
from pipeline.face import Face
from pipeline.upright import LevelSquare
from pipeline.video.outline_field import Field, mean_field, moved_field
from pipeline.video.similarity import (
    Matrix,
    Points,
    bounds,
    inverse,
    moved,
    scale_of,
    scaling_and_shift,
)
from pipeline.video.steady_fill import SteadyFill
from weights.base.contracts import Image
from weights.landmarks import FoundFace

MARGIN = 1.3
"""Ratio of a new canvas's side to that of the square around the face."""
INNER = (0.5 - 0.5 / MARGIN, 0.5 + 0.5 / MARGIN)
"""Where the square lies on a new canvas, whose sides go from 0 to 1."""
MOST_DRIFT = 0.12
"""How far the square may drift on the canvas before the canvas is laid out again."""
MOST_GROWTH = 1.35
"""By what factor the square may grow or shrink on the canvas before that."""
SQUARE_STEP = 0.1
"""Fraction by which the inpainter's square moves towards the wanted one in each frame."""
SOFTENING_STEP = 0.15
"""Fraction by which the fill's softness moves towards that of the frame in each frame."""
CERTAIN = 0.2
"""Certainty of a motion below which it counts as unknown."""
SURE = 0.5
"""Certainty of a motion from which the past fill is fully trusted."""


@dataclass(eq=False)
class FaceTrack:
    """One masked face in a run of frames.

    Attributes:
        number: its index, from 0, in the order in which the faces appeared.
        poses: per frame the transform from its pixels to the track's canvas, on which the face
            stands still; the canvas's sides go from 0 to 1.
        certainties: per frame the certainty of the motion into it, 0 to 1.
        fields: the outline on the canvas, per frame in which the mask was detected.
        landmarks: iBUG points `(68, 2)` of the face on the canvas, per frame in which they were
            found.
        square: what the inpainter sees, on the canvas, smoothed over time; None before the first
            fill.
        fill: the running mean of the fills.
        blended: the running mean of the face with its fill blended in.
        softening: standard deviation in pixels of the blur that softens the fill, smoothed over
            time; None before the first fill.
        filled: whether any frame was filled.
        alive: whether it is followed into the next frame.
    """

    number: int
    poses: dict[int, Matrix]
    certainties: dict[int, float]
    fields: dict[int, Field] = field(default_factory=dict)
    landmarks: dict[int, Points] = field(default_factory=dict)
    square: LevelSquare | None = None
    softening: float | None = None
    fill: SteadyFill = field(default_factory=SteadyFill)
    blended: SteadyFill = field(default_factory=lambda: SteadyFill(own_detail=True))
    filled: bool = False
    alive: bool = True

    @property
    def last_found(self) -> int:
        """The last frame in which the mask was detected."""
        return max(self.fields)

    def covers(self, frame: int, hold: int) -> bool:
        """Whether a frame has a hole: at, between or within `hold` frames of detections."""
        if frame not in self.poses or not self.fields:
            return False
        earlier = [found for found in self.fields if found <= frame]
        later = [found for found in self.fields if found >= frame]
        if earlier and later:
            return True
        # If the motion is lost, the mask's position is unknown.
        if earlier:
            since = range(max(earlier) + 1, frame + 1)
            return len(since) <= hold and all(self.certainties[i] >= CERTAIN for i in since)
        return min(later) - frame <= hold

    def field_at(self, frame: int, smoothing: float) -> Field:
        """The outline in a frame: the mean of those detected near it in time."""
        apart = {found: abs(found - frame) for found in self.fields}
        nearest = min(apart.values())
        deviation = max(smoothing, 0.6 * nearest)
        if deviation <= 0.0:
            return self.fields[frame]
        weights = {
            found: float(np.exp((nearest**2 - distance**2) / (2.0 * deviation**2)))
            for found, distance in apart.items()
        }
        chosen = [found for found, weight in weights.items() if weight >= 0.01]
        return mean_field(
            [self.fields[found] for found in chosen], [weights[found] for found in chosen]
        )

    def note_landmarks(self, frame: int, points: Points | None) -> None:
        """Record the face's landmarks `(68, 2)` in a frame, in its pixels, if they are known."""
        if points is not None:
            # Landmarks count from the first pixel's centre, poses from its corner.
            self.landmarks[frame] = moved(self.poses[frame], points + 0.5)

    def landmarks_at(self, frame: int, reach: int) -> FoundFace | None:
        """The landmarks in a frame, in its pixels; None if they were never found.

        On the canvas a face hardly moves, so the median of those within `reach` frames neither
        jumps nor lags behind the motion. If there are none, the nearest ones show at least how the
        face is tilted; as it may have turned away, it is no likely face then.
        """
        if not self.landmarks:
            return None
        nearest = min(self.landmarks, key=lambda found: abs(found - frame))
        near = [points for found, points in self.landmarks.items() if abs(found - frame) <= reach]
        median = np.median(near or [self.landmarks[nearest]], axis=0)
        points = moved(inverse(self.poses[frame]), median) - 0.5
        return FoundFace(points, face=1.0 if near else 0.0, masked=1.0)

    def face_square(self, frame: int) -> tuple[float, float, float]:
        """x0, y0 and side of the face's square, in the frame's pixels."""
        low, high = INNER
        x0, y0, x1, y1 = bounds(inverse(self.poses[frame]), low, low, high, high)
        side = (high - low) / scale_of(self.poses[frame])
        return (x0 + x1 - side) / 2, (y0 + y1 - side) / 2, side

    def steady_square(self, frame: int, wanted: LevelSquare) -> LevelSquare:
        """The square of the next frame for the inpainter: it follows the face, without jitter.

        Args:
            frame: its number.
            wanted: the square that would frame the face best there.
        """
        pose = self.poses[frame]
        scale = scale_of(pose)
        x, y = map(float, moved(pose, [wanted[:2]])[0])
        now = x, y, wanted[2] * scale
        before = self.square or now
        x, y, side = (old + SQUARE_STEP * (new - old) for old, new in zip(before, now, strict=True))
        self.square = x, y, side
        x, y = map(float, moved(inverse(pose), [(x, y)])[0])
        return x, y, max(16, round(side / scale))

    def steady_softening(self, told: float) -> float:
        """Smooth over time by how much fills are softened; `told` is the next frame's own value."""
        before = told if self.softening is None else self.softening
        self.softening = before + SOFTENING_STEP * (told - before)
        return self.softening

    def steadied(
        self, frame: int, face: Face, crop: Image, mean: SteadyFill, steadiness: float
    ) -> Image:
        """Add a frame's crop of the face to a mean, and return the mean as a crop of that frame.

        Args:
            frame: its number.
            face: the face in it.
            crop: uint8 RGB `(side, side, 3)`.
            mean: `fill` or `blended`.
            steadiness: largest fraction of the mean that is kept, 0 to below 1.
        """
        trust = float(np.clip((self.certainties[frame] - CERTAIN) / (SURE - CERTAIN), 0.0, 1.0))
        pose = self.poses[frame]
        return mean.steady(crop, face.missing, face.crop, pose, steadiness=steadiness, trust=trust)

    def lay_out_anew_if_needed(self, frame: int, square: Square) -> None:
        """Centre the canvas on the face's square in a frame, if that has drifted too far."""
        pose = self.poses[frame]
        x0, y0, side = square
        low, high = INNER
        middle = pose @ [x0 + side / 2, y0 + side / 2, 1.0]
        growth = scale_of(pose) * side / (high - low)
        drift = float(np.abs(middle[:2] - 0.5).max())
        if drift <= MOST_DRIFT and 1.0 / MOST_GROWTH <= growth <= MOST_GROWTH:
            return
        move = (
            scaling_and_shift(1.0, 0.5, 0.5)
            @ scaling_and_shift(1.0 / growth, 0.0, 0.0)
            @ scaling_and_shift(1.0, -middle[0], -middle[1])
        )
        self.poses = {index: move @ pose for index, pose in self.poses.items()}
        self.fields = {index: moved_field(outline, move) for index, outline in self.fields.items()}
        self.landmarks = {index: moved(move, points) for index, points in self.landmarks.items()}
        self.fill.move(move)
        self.blended.move(move)
        if self.square is not None:
            x, y, _ = move @ [self.square[0], self.square[1], 1.0]
            self.square = (float(x), float(y), self.square[2] * scale_of(move))

    def forget_before(self, frame: int) -> None:
        """Drop what is known of frames before one, except the newest entry of each kind."""
        for name in _BY_FRAME:
            known: dict[int, Any] = getattr(self, name)
            newest = max(known, default=frame)
            kept = {i: value for i, value in known.items() if i >= frame or i == newest}
            setattr(self, name, kept)

    def state(self) -> dict[str, Any]:
        """What is needed to resume later: plain values and arrays."""
        by_frame = {name: list(getattr(self, name).items()) for name in _BY_FRAME}
        fills = {"fill": self.fill.state(), "blended": self.blended.state()}
        return vars(self) | by_frame | fills

    @classmethod
    def from_state(cls, state: dict[str, Any]) -> FaceTrack:
        """Resume from a state."""
        by_frame = {name: dict(state[name]) for name in _BY_FRAME}
        fill = SteadyFill.from_state(state["fill"])
        blended = SteadyFill.from_state(state["blended"], own_detail=True)
        return cls(**state | by_frame | {"fill": fill, "blended": blended})


_BY_FRAME = ("poses", "certainties", "fields", "landmarks")
"""Attributes keyed by frame number; JSON keys cannot be numbers."""


def first_pose(square: Square) -> Matrix:
    """The pose of a new track, from the face's square x0, y0, side in its first frame."""
    x0, y0, side = square
    scale = 1.0 / (MARGIN * side)
    return scaling_and_shift(scale, INNER[0] - scale * x0, INNER[0] - scale * y0)
