"""Fills of a video are as soft as the photo round them, as is told over time."""

from __future__ import annotations

import numpy as np
import pytest

from pipeline.video import FrameStream, VideoSettings
from pipeline.video.face_track import SOFTENING_STEP, FaceTrack
from tests.pipeline.video.clips import moving_face, pipeline, written_and_read

EVERY_FRAME = VideoSettings(detect_every=1, steadiness=0.0)


class Stripes:
    """An inpainter of sharp stripes, that would soften some frames' fills and leave the others."""

    def __init__(self, wanted):
        self.wanted = wanted
        self.told = 0

    def complete(self, crops, holes):
        raise AssertionError("A video softens the fills itself.")

    def complete_sharp(self, crops, holes):
        fills = []
        for crop, hole in zip(crops, holes, strict=True):
            fill = crop.copy()
            fill[:, ::2], fill[:, 1::2] = (250, 180, 150), (190, 120, 90)
            fills.append(np.where(hole[..., None], fill, crop))
        return fills

    def softening_of(self, fill, crop, hole):
        assert not np.array_equal(fill[hole], crop[hole])
        self.told += 1
        return self.wanted[self.told - 1]


def contrasts(wanted):
    """How strong the stripes are in each frame, in grey levels."""
    inpainter = Stripes(wanted)
    stream = FrameStream(pipeline(inpainter=inpainter), EVERY_FRAME)
    frames = moving_face(len(wanted))
    done = stream.push(frames) + stream.finish()
    assert inpainter.told == len(wanted)
    for frame, result in zip(frames, done, strict=True):
        assert np.array_equal(result.image[~result.hole], frame[~result.hole])
    return np.array([result.image[result.hole][:, 0].std() for result in done])


def test_fills_are_as_sharp_as_painted_where_nothing_is_to_be_softened():
    assert contrasts([0.0] * 6) == pytest.approx(30.0, abs=1.0)


def test_a_softness_that_jumps_from_frame_to_frame_is_told_by_many():
    shown = contrasts([0.0, 2.0] * 12)[12:]
    # By itself every other frame would have all of its stripes, and the rest none.
    assert shown.max() < 10.0
    assert np.abs(np.diff(shown)).max() < 6.0


def test_a_photo_that_gets_out_of_focus_is_followed():
    shown = contrasts([0.0] * 6 + [1.5] * 18)
    assert shown[5] == pytest.approx(30.0, abs=1.0)
    assert (np.diff(shown[5:12]) < 0.5).all()
    assert shown[-1] < 10.0


def test_a_track_s_softness_outlives_an_interruption():
    track = FaceTrack(0, {0: np.eye(3)}, {0: 1.0})
    track.fields = {0: np.zeros((4, 4), np.float32)}
    assert track.steady_softening(2.0) == 2.0
    assert track.steady_softening(0.0) == pytest.approx(2.0 * (1.0 - SOFTENING_STEP))
    again = FaceTrack.from_state(written_and_read(track.state()))
    assert again.steady_softening(1.0) == track.steady_softening(1.0)
