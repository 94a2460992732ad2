from __future__ import annotations

import cv2
import numpy as np
import pytest

from detector.synthesis import load_faces
from examples.maintenance import video_flicker
from pipeline import Pipeline
from tests.faces import write_faces
from weights.base.regions import MaskRegion


@pytest.fixture(scope="module")
def faces(tmp_path_factory):
    return write_faces(tmp_path_factory.mktemp("faces"), count=3, side=256, width=256, height=256)


def test_both_clips_of_a_face_move_alike(faces):
    face = load_faces(faces)[0]
    clip = video_flicker.move_face(face, 4, 0.0, 0)
    assert [frame.shape for frame in clip.masked] == [(224, 224, 3)] * 4
    for masked, truth in zip(clip.masked, clip.truth, strict=True):
        same = (masked == truth).all(axis=2)
        # The mask is on the face, and nowhere else.
        assert 0.5 < same.mean() < 0.97
    for before, after, motion in zip(clip.truth, clip.truth[1:], clip.motions, strict=False):
        moved = cv2.warpAffine(before, motion[:2], (224, 224), flags=cv2.INTER_CUBIC)
        inner = np.s_[40:-40, 40:-40]
        apart = np.abs(moved.astype(int) - after)[inner].mean()
        assert apart < 0.5 * np.abs(before.astype(int) - after)[inner].mean()


def test_a_face_of_a_clip_may_be_tilted_or_turn(faces):
    face = load_faces(faces)[0]
    still, turning = (
        video_flicker.move_face(face, 5, 0.0, 0, tilt) for tilt in ((25.0, 25.0), (0.0, 40.0))
    )
    for clip, turn in ((still, 0.0), (turning, 10.0)):
        for motion in clip.motions:
            degrees = np.degrees(np.arctan2(motion[1, 0], motion[0, 0]))
            # The head sways by less than 3 degrees in half a second.
            assert degrees == pytest.approx(turn, abs=1.0)
    plain = video_flicker.move_face(face, 1, 0.0, 0).truth[0]

    def apart(degrees):
        matrix = cv2.getRotationMatrix2D((112, 112), -degrees, 1.0)
        turned = cv2.warpAffine(plain, matrix, (224, 224), flags=cv2.INTER_CUBIC)
        return np.abs(turned.astype(int) - still.truth[0])[70:-70, 70:-70].mean()

    assert apart(25.0) < 0.5 * min(apart(0.0), apart(-25.0))


def test_a_fill_without_change_does_not_flicker(faces, capsys):
    """The upper face stays; the whole lower half is taken for a mask and filled evenly."""

    def find(image):
        mask = np.zeros(image.shape[:2], bool)
        mask[112:200, 50:170] = True
        return [MaskRegion.from_mask(mask)]

    def fill(crop, hole):
        return np.full_like(crop, 150)

    even = Pipeline(find, "morphology", fill, "none")
    assert video_flicker.main([str(faces), "--count", "1", "--frames", "6"], even) == 0
    said = capsys.readouterr().out.splitlines()
    assert said[-1].startswith("mean fill 0.0")
    assert " ratio 0.0" in said[-1]


def test_a_face_whose_mask_is_not_found_is_named(faces, capsys):
    blind = Pipeline(lambda image: [], "morphology", "telea", "none")
    assert video_flicker.main([str(faces), "--count", "1", "--frames", "3"], blind) == 1
    assert "the mask was not found" in capsys.readouterr().err


def test_a_missing_folder_is_said_in_one_sentence(tmp_path, capsys):
    assert video_flicker.main([str(tmp_path / "none")]) == 2
    assert capsys.readouterr().err.count("\n") == 1
