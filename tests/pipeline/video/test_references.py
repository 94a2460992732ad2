"""One person's reference photo for a whole clip."""

from __future__ import annotations

import numpy as np
import pytest

from pipeline.references.faces import UnfitReferenceError
from pipeline.video import FrameStream, VideoSettings, read_video_mark, unmask_video
from tests.faces import canonical_landmarks
from tests.pipeline.video.clips import moving_face, pipeline, read_video, write_video
from weights.images.mark import NOTICE, NOTICE_OF_REFERENCE
from weights.landmarks import FoundFace

QUICK = VideoSettings(segment=8, chunk=4, detect_every=1)
GREEN = (30, 200, 60)
PHOTO = np.full((120, 120, 3), GREEN, np.uint8)


class Finder:
    """Knows the face of the photo, and sees one in every frame but for some."""

    def __init__(self, blind=()):
        self.blind = blind
        self.looked = 0
        self.found = FoundFace(canonical_landmarks(80.0, (60.0, 40.0)), 0.9, 0.1)

    def find(self, image):
        return self.found

    def find_near(self, image, frame):
        # Where a photo is to be bent to the face, a flat patch lies over the hole.
        bending = np.count_nonzero((image == 200).all(axis=2)) > 50
        sure = 0.1 if bending and self.looked in self.blind else 0.9
        self.looked += bending
        points = canonical_landmarks(0.35 * frame.side, (frame.x, frame.y))
        return FoundFace(points, sure, 0.9)


def green_share(frame, hole):
    """How much of a frame's hole is green, as the photo is and guessed skin is not."""
    return float((frame[hole][:, 1] > frame[hole][:, 0]).mean())


def unmasked(frames, finder, photos):
    stream = FrameStream(pipeline(landmarks=finder), QUICK, references=photos)
    return stream.push(frames) + stream.finish(), stream


def test_the_face_is_the_photo_s_and_what_is_known_stays():
    frames = moving_face(12)
    guessed, _ = unmasked(frames, Finder(), [])
    done, stream = unmasked(frames, Finder(), [PHOTO])
    for frame, own, guess in zip(frames, done, guessed, strict=True):
        assert np.array_equal(own.image[~own.hole], frame[~own.hole])
        assert (own.from_reference, guess.from_reference) == (1, 0)
        assert np.array_equal(own.hole, guess.hole)
        assert green_share(own.image, own.hole) > 0.2
        assert green_share(guess.image, guess.hole) == 0.0
    assert stream.timings["reference"] > 0.0
    assert stream.reason_for_guess == ""


def test_frames_that_none_fits_are_a_guess():
    done, stream = unmasked(moving_face(12), Finder(blind=range(4, 8)), [PHOTO])
    assert [one.from_reference for one in done] == [1] * 4 + [0] * 4 + [1] * 4
    assert "not visible enough" in stream.reason_for_guess


def test_two_masked_faces_are_a_guess():
    frames = [np.concatenate([one, one], axis=1) for one in moving_face(8)]
    done, stream = unmasked(frames, Finder(), [PHOTO])
    assert [(one.faces, one.from_reference) for one in done] == [(2, 0)] * 8
    assert "2 masked faces" in stream.reason_for_guess


def test_a_photo_that_fits_no_face_is_refused_before_the_work(tmp_path):
    source = write_video(tmp_path / "in.mp4", moving_face(8))
    finder = Finder()
    finder.found = None
    with pytest.raises(UnfitReferenceError, match="No face is found in the reference photo"):
        unmask_video(pipeline(landmarks=finder), source, tmp_path / "out.mp4", reference=PHOTO)
    assert [path.name for path in tmp_path.iterdir()] == ["in.mp4"]


def test_the_mark_and_the_notes_say_what_was_filled_from_the_photo(tmp_path):
    source = write_video(tmp_path / "in.mp4", moving_face(12))
    report = unmask_video(
        pipeline(landmarks=Finder(blind=[5])),
        source,
        tmp_path / "out.mp4",
        reference=PHOTO,
        settings=QUICK,
    )
    assert (report.faces, report.from_reference) == (12, 11)
    assert report.notes[0].startswith("In 1 of 12 places the face is a guess: The face behind")
    assert read_video_mark(tmp_path / "out.mp4").notice == NOTICE_OF_REFERENCE
    unmask_video(pipeline(), source, tmp_path / "guess.mp4", settings=QUICK)
    assert read_video_mark(tmp_path / "guess.mp4").notice == NOTICE


def test_an_interrupted_call_goes_on_and_another_photo_begins_anew(tmp_path):
    source = write_video(tmp_path / "in.mkv", moving_face(24), codec="ffv1")
    own = pipeline(landmarks=Finder())

    def stop(done, total):
        if done >= 12:
            raise KeyboardInterrupt

    def begin(target):
        with pytest.raises(KeyboardInterrupt):
            unmask_video(own, source, target, reference=PHOTO, settings=QUICK, progress=stop)

    whole, target = tmp_path / "whole.mkv", tmp_path / "out.mkv"
    unmask_video(own, source, whole, reference=PHOTO, settings=QUICK)
    begin(target)
    report = unmask_video(own, source, target, reference=PHOTO, settings=QUICK)
    assert (report.resumed >= 8, report.from_reference) == (True, 24)
    pairs = zip(read_video(whole)[0], read_video(target)[0], strict=True)
    assert all(np.array_equal(*pair) for pair in pairs)
    begin(tmp_path / "other.mkv")
    other = np.full_like(PHOTO, 90)
    report = unmask_video(own, source, tmp_path / "other.mkv", reference=other, settings=QUICK)
    assert report.resumed == 0
