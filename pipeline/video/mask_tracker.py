"""Tracking masks from frame to frame."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline.crop import Crop
from pipeline.video.face_track import CERTAIN, FaceTrack, first_pose
from pipeline.video.motion import Grey, estimate_motion
from pipeline.video.outline_field import SIDE, Field, hole_of_field, outline_field
from pipeline.video.settings import VideoSettings
from pipeline.video.similarity import (
    Matrix,
    Points,
    inverse,
    moved,
    scale_of,
    scaling_and_shift,
)
from weights.base.contracts import Hole, Mask
from weights.base.regions import bounding_box

SAME = 0.3
"""Least intersection over union of a hole with its track, if the motion is known."""
NEAR = 0.75
"""Largest distance of their centres in hole extents, if the motion is unknown."""
MOST_LOST = 0.5
"""Fraction of a hole that other tracks may cover before it counts as a duplicate."""
SURE = 0.4
"""Least certainty of a motion back in time for carrying a new track's hole along it."""


class MaskTracker:
    """Tracks masks through frames and determines the holes of each frame.

    Frames are added with `advance`; holes are requested later, when the following frames are known.

    Args:
        settings: how long holes are held, bridged and smoothed.
        context: as for `Pipeline`.
        lift: likewise.
    """

    def __init__(
        self, settings: VideoSettings, *, context: float | None = None, lift: float | None = None
    ) -> None:
        self.settings = settings
        self._framing = {"context": context, "lift": lift}
        self._tracks: list[FaceTrack] = []
        self._greys: deque[tuple[int, Grey]] = deque(maxlen=settings.reach + 1)
        self._looks: set[int] = set()
        self._shot = 0
        self._shots: dict[int, int] = {}
        self.count = 0

    def advance(
        self,
        frame: int,
        grey: Grey,
        holes: Sequence[Hole] | None,
        landmarks: Sequence[Points | None] | None = None,
        *,
        cut: bool = False,
    ) -> None:
        """Take in the next frame.

        Args:
            frame: its number.
            grey: its luminance, uint8 `(H, W)`.
            holes: the detections in it, bool `(H, W)`; None if the detector was not run.
            landmarks: iBUG points `(68, 2)` of the face behind each hole, in pixels; None if
                unknown.
            cut: whether it begins a new scene; nothing is carried over.
        """
        if cut:
            for track in self._living():
                track.alive = False
            self._greys.clear()
            self._shot += 1
        self._shots[frame] = self._shot
        for track in self._living():
            self._follow(track, frame, grey)
        self._greys.append((frame, grey))
        if holes is not None:
            self._looks.add(frame)
            self._match(frame, grey, holes, landmarks or [None] * len(holes))
        for track in self._living():
            track.alive = frame - track.last_found <= self.settings.look_ahead

    def holes_at(self, frame: int, size: tuple[int, int]) -> list[tuple[FaceTrack, Hole]]:
        """The holes of a frame, bool `(H, W)`, each with its track; they do not overlap.

        Args:
            frame: a frame that was added and not forgotten.
            size: its height and width.
        """
        first, last = frame - self.settings.look_ahead, frame + self.settings.look_ahead
        shot = self._shots[frame]
        looks = sum(first <= look <= last and self._shots[look] == shot for look in self._looks)
        tracked: list[tuple[FaceTrack, Hole]] = []
        taken: Hole = np.zeros(size, np.bool_)
        for track in self._tracks:
            found = sum(first <= find <= last for find in track.fields)
            if found < min(2, looks) or not track.covers(frame, self.settings.reach):
                continue
            field = track.field_at(frame, self.settings.smoothing)
            hole = hole_of_field(field, track.poses[frame], size)
            area = int(np.count_nonzero(hole))
            own = hole & ~taken
            if not area or np.count_nonzero(own) <= MOST_LOST * area:
                continue
            taken |= own
            tracked.append((track, own))
        return tracked

    def forget_before(self, frame: int) -> None:
        """Drop what this frame and later ones do not need."""
        first = frame - self.settings.look_ahead
        self._looks = {look for look in self._looks if look >= first}
        self._shots = {index: shot for index, shot in self._shots.items() if index >= first}
        self._tracks = [track for track in self._tracks if track.alive or max(track.poses) >= frame]
        for track in self._tracks:
            track.forget_before(first)

    def state(self) -> dict[str, Any]:
        """What is needed to resume later: plain values and arrays."""
        return {
            "tracks": [track.state() for track in self._tracks],
            "looks": sorted(self._looks),
            "shots": list(self._shots.items()),
            "shot": self._shot,
            "count": self.count,
        }

    def restore(self, state: dict[str, Any], greys: Sequence[tuple[int, Grey]]) -> None:
        """Resume from a state; `greys` are the numbers and luminances of the last frames in it."""
        self._tracks = [FaceTrack.from_state(track) for track in state["tracks"]]
        self._looks = set(state["looks"])
        self._shots = dict(state["shots"])
        self._shot = state["shot"]
        self.count = state["count"]
        self._greys.clear()
        self._greys.extend(seen for seen in greys if self._shots.get(seen[0]) == self._shot)

    def _living(self) -> list[FaceTrack]:
        return [track for track in self._tracks if track.alive]

    def _follow(self, track: FaceTrack, frame: int, grey: Grey) -> None:
        before, earlier = self._greys[-1]
        motion = estimate_motion(earlier, grey, track.face_square(before))
        track.poses[frame] = track.poses[before] @ inverse(motion.matrix)
        track.certainties[frame] = motion.certainty

    def _match(
        self, frame: int, grey: Grey, holes: Sequence[Hole], landmarks: Sequence[Points | None]
    ) -> None:
        pairs = [
            (likeness, track, place)
            for place, hole in enumerate(holes)
            for track in self._living()
            if (likeness := self._likeness(track, frame, hole)) is not None
        ]
        matched_tracks: set[int] = set()
        matched_holes: set[int] = set()
        for (_, pose, field), track, place in sorted(pairs, key=lambda pair: -pair[0][0]):
            if track.number in matched_tracks or place in matched_holes:
                continue
            matched_tracks.add(track.number)
            matched_holes.add(place)
            track.poses[frame] = pose
            track.fields[frame] = field
            track.note_landmarks(frame, landmarks[place])
            track.lay_out_anew_if_needed(frame, self._square(holes[place]))
        for place, hole in enumerate(holes):
            if place not in matched_holes:
                self._begin(frame, grey, hole, landmarks[place])

    def _likeness(
        self, track: FaceTrack, frame: int, hole: Hole
    ) -> tuple[float, Matrix, Field] | None:
        """How well a hole matches a track, with the pose and the field it would give the track."""
        pose = track.poses[frame]
        last = track.fields[track.last_found]
        x0, y0, side = track.face_square(frame)
        box = bounding_box(hole)
        if box is None:
            return None
        across, down = box[0] + box[2] - 2 * x0 - side, box[1] + box[3] - 2 * y0 - side
        if max(abs(across), abs(down)) > 2 * side:
            return None
        field = outline_field(hole, pose)
        shared = _overlap(field, last)
        if track.certainties[frame] >= CERTAIN:
            return (shared, pose, field) if shared >= SAME else None
        # The motion is unknown, so the hole itself shows where the face went.
        corrected = _aligned(hole, last, pose)
        back = inverse(pose)
        expected = moved(back, _middle_and_extent(last > 0.0)[0][None] / SIDE)[0]
        found, extent = _middle_and_extent(hole)
        growth = scale_of(corrected) / scale_of(pose)
        if np.hypot(*(expected - found)) > NEAR * extent or not 0.7 < growth < 1.4:
            return None
        field = outline_field(hole, corrected)
        return 0.5 * _overlap(field, last), corrected, field

    def _begin(self, frame: int, grey: Grey, hole: Hole, landmarks: Points | None) -> None:
        track = FaceTrack(self.count, {frame: first_pose(self._square(hole))}, {frame: 1.0})
        track.fields[frame] = outline_field(hole, track.poses[frame])
        track.note_landmarks(frame, landmarks)
        self.count += 1
        self._tracks.append(track)
        # The mask was there before it was detected: carry the hole back in time.
        later = grey
        for index, earlier in list(self._greys)[-2::-1]:
            motion = estimate_motion(later, earlier, track.face_square(index + 1))
            if motion.certainty < SURE:
                break
            track.poses[index] = track.poses[index + 1] @ inverse(motion.matrix)
            track.certainties[index] = motion.certainty
            later = earlier

    def _square(self, hole: Hole) -> tuple[int, int, int]:
        return Crop.around(hole, **self._framing).square


def _overlap(first: Field, second: Field) -> float:
    one, other = first > 0.0, second > 0.0
    union = np.count_nonzero(one | other)
    return float(np.count_nonzero(one & other) / union) if union else 0.0


def _middle_and_extent(mask: Mask) -> tuple[NDArray[np.float64], float]:
    """Mean x and y of the True pixels, and the square root of their area, in pixels."""
    rows, columns = np.nonzero(mask)
    if not len(rows):
        return np.array([mask.shape[1] / 2, mask.shape[0] / 2]), 0.0
    return np.array([columns.mean() + 0.5, rows.mean() + 0.5]), float(np.sqrt(len(rows)))


def _aligned(hole: Hole, field: Field, pose: Matrix) -> Matrix:
    """A pose with the rotation of `pose` that maps a hole's centre and size to a field's."""
    middle, extent = _middle_and_extent(hole)
    wanted, wanted_extent = _middle_and_extent(field > 0.0)
    growth = wanted_extent / SIDE / max(extent * scale_of(pose), 1e-6)
    aligned = scaling_and_shift(growth, 0.0, 0.0) @ pose
    aligned[:2, 2] += wanted / SIDE - moved(aligned, middle[None])[0]
    return aligned
