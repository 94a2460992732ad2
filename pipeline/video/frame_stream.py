"""The core of `unmask_video`, without files: frames in, frames with the masks taken off out.

Frames come out with a delay, as their holes depend on what follows. Only pending frames are kept,
however long the stream is.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np

from inpainter.postprocess.softness import softened
from pipeline.core import Pipeline
from pipeline.crop import Crop
from pipeline.face import Face
from pipeline.references.filling import reference_filling
from pipeline.steps import timed
from pipeline.upright import UprightView, gradual_turn, level_square, shows_all
from pipeline.video.face_track import FaceTrack
from pipeline.video.mask_tracker import MaskTracker
from pipeline.video.motion import grey
from pipeline.video.references import ClipReferences
from pipeline.video.scene_cuts import SceneCuts
from pipeline.video.settings import VideoSettings
from weights.base.contracts import Hole, Image, check_image
from weights.base.errors import InputError
from weights.base.protocols import SofteningInpainter
from weights.landmarks.frame import Points
from weights.landmarks.head_pose import estimate_tilt

AFTER_BLENDING = 2.0 / 3.0
"""Steadiness of a blended face relative to that of its fill: enough to even out what a blender
estimates anew in each frame, such as grain, and little enough to follow the light."""
FADE_DEPTH = 0.04
"""Depth in the hole from which the blended face is stabilised, as a fraction of the crop's side."""


@dataclass(frozen=True, eq=False)
class UnmaskedFrame:
    """A frame with its masks taken off.

    Attributes:
        number: from 0, in the order of the stream.
        image: uint8 RGB `(H, W, 3)`; equal to the input outside `hole`.
        hole: bool `(H, W)`, True where a pixel was filled; None if none was.
        faces: how many faces were filled.
        from_reference: how many of them were filled from a reference photo.
    """

    number: int
    image: Image
    hole: Hole | None
    faces: int
    from_reference: int = 0


class FrameStream:
    """Takes the masks off a stream of frames.

    Masks are tracked, a scene cut resets everything, holes are averaged over time on the moving
    face, short gaps in detection are bridged, and fills are stabilised. All frames must have the
    same size.

    Args:
        pipeline: its four stages do the work.
        settings: how frames are processed.
        references: photos, uint8 RGB `(H, W, 3)`, of the only masked person without a mask, to take
            mouth, nose and chin from.
        aligned: grows a hole to what the frames' format can represent, such as whole chroma blocks;
            None leaves it unchanged.

    Raises:
        UnfitReferenceError: no reference is fit for any face.
    """

    def __init__(
        self,
        pipeline: Pipeline,
        settings: VideoSettings | None = None,
        *,
        references: Sequence[Image] = (),
        aligned: Callable[[Hole], Hole] | None = None,
    ) -> None:
        self.pipeline = pipeline
        self.settings = settings or VideoSettings()
        self.timings = dict.fromkeys(
            ("detector", "refiner", "inpainter", "blender", "tracking", "steadying"), 0.0
        )
        self.cuts = 0
        self.people = 0
        self._references: ClipReferences | None = None
        if references:
            if pipeline.landmark_finder is None:
                raise InputError("A reference needs landmarks: leave landmarks=None out.")
            filling = reference_filling(pipeline.landmark_finder)
            self._references = ClipReferences(filling, references)
            self.timings["reference"] = 0.0
        self._aligned = aligned
        self._tracker = MaskTracker(self.settings, context=pipeline.context, lift=pipeline.lift)
        self._scenes = SceneCuts()
        self._pending: deque[tuple[int, Image]] = deque()
        self._taken = 0

    @property
    def reason_for_guess(self) -> str:
        """Why no reference fitted the first face that was filled by a guess; else ""."""
        return "" if self._references is None else self._references.reason

    @property
    def pending(self) -> int:
        """How many frames have gone in and not yet come out."""
        return len(self._pending)

    def push(self, images: Sequence[Image]) -> list[UnmaskedFrame]:
        """Take in the next frames and return those that are done, in order.

        Args:
            images: uint8 RGB `(H, W, 3)` each; they are kept and must not be changed afterwards.

        Raises:
            InputError: a frame is invalid, or differs in size from the others.
        """
        done: list[UnmaskedFrame] = []
        for start in range(0, len(images), self.settings.chunk):
            self._analyse(images[start : start + self.settings.chunk])
            done += self._emit(len(self._pending) - self.settings.look_ahead)
        return done

    def finish(self) -> list[UnmaskedFrame]:
        """Return the frames that are still pending at the end of the stream."""
        done: list[UnmaskedFrame] = []
        while self._pending:
            done += self._emit(min(len(self._pending), self.settings.chunk))
        return done

    def state(self) -> dict[str, Any]:
        """What is needed to resume later, without the pending frames: plain values, arrays."""
        return {
            "tracker": self._tracker.state(),
            "scenes": self._scenes.state(),
            "taken": self._taken,
            "pending": self.pending,
            "cuts": self.cuts,
            "people": self.people,
        }

    def restore(self, state: dict[str, Any], images: Sequence[Image]) -> None:
        """Resume from a state; `images` are the frames that were pending in it."""
        self._taken, self.cuts, self.people = state["taken"], state["cuts"], state["people"]
        self._scenes.restore(state["scenes"])
        first = self._taken - len(images)
        self._pending = deque(enumerate(images, first))
        last = list(self._pending)[-self.settings.reach - 1 :]
        greys = [(number, grey(image)) for number, image in last]
        self._tracker.restore(state["tracker"], greys)

    def _analyse(self, images: Sequence[Image]) -> None:
        for image in images:
            check_image(image, "a frame")
            first = self._pending[0][1] if self._pending else images[0]
            if image.shape != first.shape:
                raise InputError(
                    "all frames of a video must be of one size, "
                    f"but after {first.shape[:2]} came {image.shape[:2]}."
                )
        # Start at the first index whose frame number is a multiple of `detect_every`.
        wanted = range(
            -self._taken % self.settings.detect_every, len(images), self.settings.detect_every
        )
        found = self.pipeline.find_faces(
            [images[place] for place in wanted], [self.timings] * len(wanted)
        )
        faces = {place: own for place, (_, own) in zip(wanted, found, strict=True)}
        with timed("tracking", [self.timings]):
            for place, image in enumerate(images):
                cut = self._scenes.is_cut(image)
                self.cuts += cut
                own = faces.get(place)
                holes = None if own is None else [face.hole for face in own]
                landmarks = None if own is None else [_likely_points(face) for face in own]
                self._tracker.advance(self._taken, grey(image), holes, landmarks, cut=cut)
                self._pending.append((self._taken, image))
                self._taken += 1

    def _emit(self, count: int) -> list[UnmaskedFrame]:
        if count <= 0:
            return []
        frames = deque(self._pending.popleft() for _ in range(count))
        with timed("tracking", [self.timings]):
            tracked = [
                face
                for place, (number, image) in enumerate(frames)
                for face in self._faces(place, number, image)
            ]
        faces = [face for _, face in tracked]
        fills = self.pipeline.complete(
            [image for _, image in frames], faces, [self.timings] * count, sharp=True
        )
        done = []
        # Release each frame when it is done: frames make up most of the memory in use.
        for place in range(count):
            number, image = frames.popleft()
            own = [
                (track, face, fill)
                for (track, face), fill in zip(tracked, fills, strict=True)
                if face.picture == place
            ]
            done.append(self._finished(number, image, own))
        self._tracker.forget_before(number + 1)
        return done

    def _faces(self, place: int, number: int, image: Image) -> list[tuple[FaceTrack, Face]]:
        size = (image.shape[0], image.shape[1])
        taken: Hole = np.zeros(size, np.bool_)
        separate: list[tuple[FaceTrack, Hole]] = []
        for track, hole in self._tracker.holes_at(number, size):
            if self._aligned is not None:
                hole = self._aligned(hole) & ~taken
                # The rest of a small hole may lie in another's chroma blocks.
                if not hole.any():
                    continue
            taken |= hole
            separate.append((track, hole))
            if not track.filled:
                track.filled = True
                self.people += 1
        return [
            (track, self._framed(place, number, track, hole, taken)) for track, hole in separate
        ]

    def _framed(self, place: int, number: int, track: FaceTrack, hole: Hole, missing: Hole) -> Face:
        """The face in a square that follows it, and rotated upright, both without jumps."""
        framing = {"context": self.pipeline.context, "lift": self.pipeline.lift}
        turn, found = 0.0, track.landmarks_at(number, self.settings.look_ahead)
        if found is not None and self.pipeline.sets_upright:
            turn = gradual_turn(estimate_tilt(found.points))
        around = level_square(hole, turn, **framing)
        x, y, side = track.steady_square(number, around)
        if not turn:
            # Without a rotation nothing is resampled, so the square lies on whole pixels.
            x, y = (round(middle - side / 2) + side / 2 for middle in (x, y))
        # A fast-changing hole must not leave the square.
        square = (x, y, side) if shows_all((x, y, side), hole, turn) else around
        if turn:
            crop = Crop.around(hole, **framing)
            upright = UprightView.within(square, hole, missing, turn)
            return Face(place, hole, crop, crop.take(missing), landmarks=found, upright=upright)
        x, y, side = square
        crop = Crop(int(x - side / 2), int(y - side / 2), int(side), *hole.shape)
        return Face(place, hole, crop, crop.take(missing), landmarks=found)

    def _finished(
        self, number: int, image: Image, own: list[tuple[FaceTrack, Face, Image]]
    ) -> UnmaskedFrame:
        """Stabilise and blend the fills of one frame."""
        if not own:
            return UnmaskedFrame(number, image, None, 0)
        faces, fills = [face for _, face, _ in own], [fill for _, _, fill in own]
        from_reference = 0
        if self._references is not None:
            with timed("reference", [self.timings]):
                fills, from_reference = self._references.fill(image, faces, fills)
        steadiness = self.settings.steadiness
        with timed("steadying", [self.timings]):
            for place, (track, face, _) in enumerate(own):
                fill = track.steadied(number, face, fills[place], track.fill, steadiness)
                fills[place] = self._softened(image, track, face, fill)
        result = self.pipeline.blend(image, faces, fills, self.timings)
        steadiness *= AFTER_BLENDING
        with timed("steadying", [self.timings]):
            for track, face, _ in own:
                blended = face.crop.take(result)
                steady = track.steadied(number, face, blended, track.blended, steadiness)
                face.crop.put(result, _faded_in(blended, steady, face.missing), face.hole)
        hole = np.logical_or.reduce([face.hole for face in faces])
        return UnmaskedFrame(number, result, hole, len(own), from_reference)

    def _softened(self, image: Image, track: FaceTrack, face: Face, fill: Image) -> Image:
        """Make a sharp fill as soft as the frames, by the softness averaged over several."""
        inpainter = self.pipeline.inpainter
        if not isinstance(inpainter, SofteningInpainter):
            return fill
        crop = face.crop.take(image)
        deviation = track.steady_softening(inpainter.softening_of(fill, crop, face.missing))
        return softened(fill, face.missing, deviation)


def _likely_points(face: Face) -> Points | None:
    found = face.landmarks
    return found.points if found is not None and found.is_likely else None


def _faded_in(blended: Image, steady: Image, missing: Hole) -> Image:
    """Fade from the blended crop at the hole's edge, where it meets the frame, to the mean."""
    if steady is blended:
        return blended
    depth = cv2.distanceTransform(missing.view(np.uint8), cv2.DIST_L2, 3)
    share = np.clip(depth / (FADE_DEPTH * len(missing)), 0.0, 1.0)[:, :, None]
    mixed = blended + share * (steady.astype(np.float32) - blended)
    return np.asarray(np.rint(mixed), np.uint8)
