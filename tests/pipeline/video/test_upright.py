"""Tilted faces of a video are set upright for the inpainter, without a jump over time."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from pipeline.upright import LEAST_TILT, gradual_turn, level_square, shows_all
from pipeline.video import FrameStream, VideoSettings
from pipeline.video.face_track import FaceTrack, first_pose
from pipeline.video.similarity import from_affine
from tests.faces import canonical_landmarks
from tests.pipeline.video.clips import face_picture, fill_skin, pipeline, written_and_read
from weights.landmarks import FoundFace
from weights.landmarks.head_pose import estimate_tilt

SIDE = 120
LEVEL = 4.0
"""Degrees up to which a mask's outline lies level, which is nearly as tall as wide."""
EVERY_FRAME = VideoSettings(detect_every=1)


def turning_face(tilts):
    """Frames of a head that is turned clockwise by some degrees in each."""
    image, _ = face_picture()
    wall = np.random.default_rng(0).integers(40, 120, (15, 15, 3)).astype(np.uint8)
    wall = cv2.resize(wall, (SIDE, SIDE), interpolation=cv2.INTER_CUBIC)
    frames = []
    for tilt in tilts:
        matrix = cv2.getRotationMatrix2D((48, 48), -tilt, 0.8)
        matrix[:, 2] += SIDE / 2 - 48
        cover = cv2.warpAffine(np.ones(image.shape[:2], np.uint8), matrix, (SIDE, SIDE))
        head = cv2.warpAffine(image, matrix, (SIDE, SIDE))
        frame = wall.copy()
        frame[cover > 0] = head[cover > 0]
        frames.append(frame)
    return frames


class Finds:
    """Knows by how much the face of each frame is tilted."""

    def __init__(self, frames, tilts, sure=0.9):
        self.tilts = {frame.tobytes(): tilt for frame, tilt in zip(frames, tilts, strict=True)}
        self.sure = sure

    def find_near(self, image, frame):
        return FoundFace(landmarks_of(self.tilts[image.tobytes()]), self.sure, 0.9)


class Recorder:
    """An inpainter that notes how the masks lie that it sees, in degrees."""

    def __init__(self):
        self.lies = []

    def complete(self, crops, holes):
        for hole in holes:
            places = np.argwhere(hole)[:, ::-1].astype(float)
            _, vectors = np.linalg.eigh(np.cov((places - places.mean(axis=0)).T))
            x, y = vectors[:, 1] * np.sign(vectors[0, 1])
            self.lies.append(float(np.degrees(np.arctan2(y, x))))
        return [fill_skin(crop, hole) for crop, hole in zip(crops, holes, strict=True)]


def unmasked(tilts, *, sure=0.9, known=None, looks=True):
    frames = turning_face(tilts)
    recorder = Recorder()
    finder = Finds(frames, tilts if known is None else known, sure) if looks else None
    stream = FrameStream(pipeline(inpainter=recorder, landmarks=finder), EVERY_FRAME)
    done = stream.push(frames) + stream.finish()
    assert len(recorder.lies) == len(frames)
    return frames, done, np.array(recorder.lies)


@pytest.mark.parametrize("tilt", [25.0, -35.0])
def test_the_inpainter_sees_upright_faces_and_what_is_known_stays(tilt):
    frames, done, lies = unmasked([tilt] * 12)
    assert np.abs(lies).max() < LEVEL
    for frame, result in zip(frames, done, strict=True):
        assert result.faces == 1
        assert np.array_equal(result.image[~result.hole], frame[~result.hole])
        # Skin, and no rim of the blue mask.
        assert (result.image[result.hole][:, 0] > 150).all()


def test_a_face_that_turns_slowly_is_set_upright_without_a_jump():
    tilts = np.linspace(0.0, 40.0, 41)
    _, _, lies = unmasked(tilts)
    assert np.abs(lies).max() < LEAST_TILT + LEVEL
    assert np.abs(lies[tilts >= 2 * LEAST_TILT]).max() < LEVEL
    assert np.abs(np.diff(lies)).max() < 3.0


@pytest.mark.parametrize(("tilt", "sure"), [(6.0, 0.9), (25.0, 0.3)])
def test_faces_that_are_nearly_upright_or_not_seen_stay_as_they_are(tilt, sure):
    _, done, _ = unmasked([tilt] * 8, sure=sure)
    _, plain, _ = unmasked([tilt] * 8, looks=False)
    for one, other in zip(done, plain, strict=True):
        assert np.array_equal(one.image, other.image)


def test_a_tilt_that_is_told_wrongly_for_a_frame_is_outvoted():
    known = [25.0] * 12
    known[5] = -70.0
    _, _, lies = unmasked([25.0] * 12, known=known)
    assert np.abs(lies).max() < LEVEL


class Told(Recorder):
    """An inpainter that notes the landmarks behind the masks, in pixels of the frame."""

    def __init__(self):
        super().__init__()
        self.landmarks = []

    def complete_guided(self, crops, holes, landmarks):
        self.landmarks += landmarks
        return self.complete(crops, holes)

    def complete_sharp(self, crops, holes, landmarks):
        return self.complete_guided(crops, holes, landmarks)

    def softening_of(self, fill, crop, hole):
        return 0.0


@pytest.mark.parametrize("detect_every", [1, 3])
def test_an_inpainter_is_told_of_the_landmarks_in_every_frame_without_jitter(detect_every):
    frames = turning_face([0.0] * 12)
    jitter = np.tile([3.0, -3.0, 0.0], 4)
    told = Told()
    finder = Finds(frames, jitter, 0.9)
    settings = VideoSettings(detect_every=detect_every)
    stream = FrameStream(pipeline(inpainter=told, landmarks=finder), settings)
    stream.push(frames)
    stream.finish()
    assert len(told.landmarks) == len(frames)
    places = np.array(told.landmarks)
    assert np.abs(np.diff(places, axis=0)).max() < 1.0
    spread = np.ptp(places[0], axis=0) / np.ptp(landmarks_of(0.0), axis=0)
    assert spread == pytest.approx(1.0, abs=0.1)


def landmarks_of(tilt):
    """Landmarks of a face about the middle of the clip, tilted clockwise."""
    angle = np.radians(tilt)
    turn = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    return canonical_landmarks(40, (0, 0)) @ turn + SIDE / 2


def track_with(tilts):
    track = FaceTrack(0, {}, {})
    for frame, tilt in enumerate(tilts):
        track.poses[frame], track.certainties[frame] = np.eye(3), 1.0
        track.note_landmarks(frame, None if tilt is None else landmarks_of(tilt))
    return track


def test_small_tilts_are_left_and_large_ones_undone_with_nothing_between_that_jumps():
    assert gradual_turn(LEAST_TILT) == gradual_turn(-5.0) == 0.0
    assert (gradual_turn(25.0), gradual_turn(-120.0)) == (25.0, -120.0)
    tilts = np.linspace(-40.0, 40.0, 801)
    turns = np.array([gradual_turn(tilt) for tilt in tilts])
    assert np.abs(np.diff(turns)).max() <= 0.2 + 1e-9
    assert np.abs(tilts - turns).max() <= LEAST_TILT + 1e-9


def test_landmarks_go_with_the_motion_of_the_head_and_are_kept_while_nothing_is_seen():
    track = track_with([20.0, 21.0, 19.0])
    track.note_landmarks(2, None)
    # The head turned clockwise by 30 degrees and shrank, which its pose undoes.
    track.poses[3] = from_affine(cv2.getRotationMatrix2D((50, 50), 30.0, 1.25))
    tilted = landmarks_of(20.0)
    assert track.landmarks_at(2, 8).points == pytest.approx(tilted, abs=0.05)
    moved = track.landmarks_at(3, 8).points
    assert estimate_tilt(moved) == pytest.approx(50.0, abs=0.1)
    assert np.ptp(moved, axis=0).max() < np.ptp(tilted, axis=0).max()
    track.fields = {3: np.zeros((4, 4), np.float32)}
    track.forget_before(3)
    assert list(track.landmarks) == [2]
    assert track.landmarks_at(3, 8).tilt == pytest.approx(49.0)
    unseen = track.landmarks_at(3, 0)
    assert estimate_tilt(unseen.points) == pytest.approx(49.0) and not unseen.is_likely
    assert track_with([None]).landmarks_at(0, 8) is None


def test_landmarks_stay_in_place_when_the_canvas_is_laid_out_anew():
    track = FaceTrack(0, {0: first_pose((30, 30, 60))}, {0: 1.0})
    track.note_landmarks(0, landmarks_of(0.0))
    before = track.landmarks[0]
    track.lay_out_anew_if_needed(0, (70, 40, 60))
    assert np.abs(track.landmarks[0] - before).max() > 0.1
    assert track.landmarks_at(0, 8).points == pytest.approx(landmarks_of(0.0))


def test_landmarks_that_are_wrong_in_one_frame_are_outvoted():
    track = track_with([10.0] * 5)
    track.note_landmarks(2, landmarks_of(-70.0) + 9.0)
    assert track.landmarks_at(2, 8).points == pytest.approx(landmarks_of(10.0))


def test_a_track_s_landmarks_outlive_an_interruption():
    track = track_with([10.0, 14.0, 11.0])
    track.fields = {2: np.zeros((4, 4), np.float32)}
    again = FaceTrack.from_state(written_and_read(track.state()))
    assert np.array_equal(again.landmarks_at(2, 8).points, track.landmarks_at(2, 8).points)


@pytest.mark.parametrize("tilt", [0.0, 30.0, -75.0])
def test_a_level_square_shows_the_whole_hole_and_one_moved_aside_does_not(tilt):
    hole = np.zeros((90, 120), bool)
    hole[40:60, 30:70] = True
    x, y, side = level_square(hole, tilt)
    assert shows_all((x, y, side), hole, tilt)
    assert not shows_all((x + side / 2, y, side), hole, tilt)
