from __future__ import annotations

import numpy as np
import PIL.Image

from examples import unmask_photo
from examples.astronaut import masked_astronaut


def test_a_photo_that_is_none_is_one_sentence(tmp_path, capsys):
    photo = tmp_path / "photo.jpg"
    photo.write_bytes(b"no picture")
    assert unmask_photo.main([str(photo), "--output", str(tmp_path / "out")]) == 2
    assert capsys.readouterr().err.count("\n") == 1
    assert not (tmp_path / "out").exists()


def test_unmask_photo_makes_the_pictures_and_prints_what_each_stage_took(tmp_path, capsys):
    assert unmask_photo.main(["--output", str(tmp_path), "--device", "cpu"]) == 0
    printed = capsys.readouterr().out
    for name in ("astronaut_masked.png", "astronaut_unmasked.png", "astronaut_hole.png"):
        assert str(tmp_path / name) in printed
    for stage in ("detector", "refiner", "inpainter", "blender"):
        assert stage in printed
    masked, unmasked, hole = (
        np.asarray(PIL.Image.open(tmp_path / f"astronaut_{name}.png"))
        for name in ("masked", "unmasked", "hole")
    )
    assert np.array_equal(masked[hole == 0], unmasked[hole == 0])
    drawn = masked_astronaut()[1]
    assert (hole[drawn] > 0).mean() > 0.9


def test_a_photo_without_a_mask_is_left_alone(tmp_path, capsys):
    photo = tmp_path / "photo.png"
    PIL.Image.fromarray(np.full((96, 96, 3), 128, np.uint8)).save(photo)
    assert unmask_photo.main([str(photo), "--output", str(tmp_path / "out")]) == 1
    assert "No mask was found" in capsys.readouterr().out
