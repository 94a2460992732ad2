from __future__ import annotations

import json

import numpy as np
import PIL.Image
import pytest
import skimage.data

from examples.astronaut import LANDMARKS, astronaut, masked_astronaut, write_faces


def test_the_astronaut_is_cut_from_the_photo():
    image = astronaut()
    assert image.shape == (700, 700, 3)
    assert image.dtype == np.uint8
    small = PIL.Image.fromarray(image).resize((280, 280), PIL.Image.Resampling.BOX)
    cut = skimage.data.astronaut()[0:280, 84:364].astype(int)
    assert np.abs(np.asarray(small).astype(int) - cut).mean() < 3


def test_the_landmarks_lie_on_the_face():
    assert LANDMARKS.shape == (68, 2)
    jaw, brows, nose, eyes, mouth = np.split(LANDMARKS, [17, 27, 36, 48])
    heights = [part[:, 1].mean() for part in (brows, eyes, nose, mouth)]
    assert heights == sorted(heights)
    assert jaw[:, 1].max() > mouth[:, 1].max()
    assert 200 < jaw[-1, 0] - jaw[0, 0] < 260


@pytest.mark.parametrize("kind", ["surgical", "n95"])
def test_the_mask_hides_mouth_and_chin_but_not_the_eyes(kind):
    masked, hole = masked_astronaut(kind)
    again, _ = masked_astronaut(kind)
    assert np.array_equal(masked, again)
    points = np.rint(LANDMARKS).astype(int)
    covered = hole[points[:, 1], points[:, 0]]
    assert covered[48:68].all()
    assert not covered[36:48].any()
    differs = (masked.astype(int) - astronaut()).any(axis=2)
    assert differs[hole].mean() > 0.95


def test_the_folder_of_faces_is_what_training_reads(tmp_path):
    from inpainter.data.faces import list_faces

    write_faces(tmp_path / "faces", count=3, side=128)
    faces = list_faces(tmp_path / "faces")
    assert [face.split for face in faces] == ["train", "train", "val"]
    line = json.loads((tmp_path / "faces" / "faces.jsonl").read_text().splitlines()[0])
    assert PIL.Image.open(faces[0].path).size == (line["width"], line["height"]) == (128, 128)
    assert np.allclose(faces[0].landmarks, LANDMARKS * 128 / 700, atol=0.1)
