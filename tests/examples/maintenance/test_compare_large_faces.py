from __future__ import annotations

import json

import numpy as np
import PIL.Image
import pytest
import torch

from examples.maintenance import compare_large_faces
from examples.maintenance.compare_large_faces import (
    add_residuals,
    large_cases,
    middle,
    patches,
    refined_again,
    unpatched,
)
from inpainter.metrics import laplacian_energy
from tests.faces import write_faces
from weights.base.errors import InputError


@pytest.fixture(scope="module")
def faces(tmp_path_factory):
    return write_faces(tmp_path_factory.mktemp("faces"), count=3, side=420)


@pytest.fixture
def half_hole():
    """A crop of stripes, of another tone on either side, and a hole in its right lower part."""
    crop = np.full((128, 128, 3), 120, np.uint8)
    crop[:, :64] = 60
    crop[::2] += 30
    hole = np.zeros((128, 128), bool)
    hole[64:112, 72:112] = True
    return crop, hole


def test_the_ways_are_set_side_by_side(faces, tmp_path, capsys):
    arguments = ["--faces", str(faces), "--output", str(tmp_path / "large"), "--device", "cpu"]
    arguments += ["--count", "2", "--smallest", "200", "--size", "64"]
    compare_large_faces.main(arguments)
    text = (tmp_path / "large" / "comparison.md").read_text(encoding="utf-8")
    assert text in capsys.readouterr().out
    rows = {line.split(" | ")[0][2:]: line.split(" | ") for line in text.splitlines()[4:]}
    assert list(rows)[2:] == [
        "bicubic",
        "bicubic and grain",
        "smoothed and grain, as shipped",
        "network at 128",
        "second pass at 128",
        "shipped and half a second pass",
        "residuals",
    ]
    assert text.startswith("# Small fills on large faces\n\n2 faces with drawn masks")
    figures = json.loads((tmp_path / "large" / "comparison.json").read_text(encoding="utf-8"))
    # Drawn faces are noisy, and only finishing puts that into a fill.
    sharpness = {name: one["sharpness"]["mean"] for name, one in figures["overall"].items()}
    assert sharpness["bicubic"] < 0.1 < sharpness["bicubic and grain"]
    sheet = PIL.Image.open(tmp_path / "large" / "comparison.png")
    assert sheet.width > 8 * 50 and sheet.height > 2 * 50


def test_cases_keep_the_pictures_own_pixels(faces):
    for case in large_cases(faces, 2, 200):
        assert case.image.shape[0] >= 200
        assert middle(case.image, case.hole).shape[0] < case.hole.shape[0]
    with pytest.raises(InputError, match=r"no face of the part 'val' whose crop is 900 pixels"):
        large_cases(faces, 2, 900)


def test_patches_are_put_together_again():
    picture = np.random.default_rng(0).random((24, 24, 3))
    cut = patches(picture, 8)
    assert cut.shape == (9, 192)
    assert np.array_equal(cut[1].reshape(8, 8, 3), picture[:8, 8:16])
    assert np.array_equal(unpatched(cut, 8, 24), picture)


def test_residuals_bring_the_detail_of_what_looks_alike(half_hole):
    crop, hole = half_hole
    start = crop.copy()
    start[hole] = 135
    result = add_residuals(crop, start, hole, 32)
    assert np.array_equal(result[~hole], crop[~hole])
    assert laplacian_energy(start, hole) == 0.0
    # The stripes are one pixel wide, lost at a quarter of the side, and back in the hole.
    assert laplacian_energy(result, hole) > 0.5 * laplacian_energy(crop, hole)
    assert np.abs(result[hole].astype(int) - crop[hole]).mean() < 8
    everything = np.ones_like(hole)
    assert np.array_equal(add_residuals(crop, start, everything, 32), start)


def test_a_second_pass_adds_the_refinements_correction(half_hole):
    crop, hole = half_hole

    class Brightening(torch.nn.Module):
        def refine(self, image, missing, coarse):
            assert image.shape == (1, 3, 64, 64) and not image[missing.expand_as(image) > 0].any()
            return torch.full_like(coarse, 20 / 127.5)

    class Inpainter:
        network = Brightening()
        device, dtype = torch.device("cpu"), torch.float32

    start = crop.copy()
    start[hole] = 100
    result = refined_again(Inpainter(), crop, start, hole, 64)
    assert np.array_equal(result[~hole], crop[~hole])
    assert np.all(result[72:104, 80:104] == 120)
