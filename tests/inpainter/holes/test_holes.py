from __future__ import annotations

import math

import numpy as np
import PIL.Image
import pytest
from PIL import EpsImagePlugin

from inpainter.holes import (
    IRREGULAR_BANDS,
    CentreBox,
    FolderHoles,
    FreeFormHoles,
    IrregularHoles,
    MixtureHoles,
    PolygonalChains,
    RandomBox,
    UnionHoles,
    create_holes,
    list_holes,
)
from weights.base.errors import ConfigurationError, InputError

SPECS = [
    "centre-box",
    "random-box",
    "free-form",
    "irregular",
    "polygonal-chains",
    {"name": "mixture", "parts": ["free-form", "random-box"]},
    {"name": "union", "parts": ["free-form", "random-box"]},
    {"name": "union", "partial": True, "parts": ["polygonal-chains", "random-box"]},
]


@pytest.mark.parametrize("spec", SPECS, ids=str)
@pytest.mark.parametrize("size", [(64, 64), (37, 90), (128, 50)])
def test_a_hole_is_bool_of_the_picture_and_follows_from_the_seed(spec, size):
    generator = create_holes(spec)
    first = generator(None, size, np.random.default_rng(3))
    again = create_holes(spec)(None, size, np.random.default_rng(3))
    assert first.dtype == np.bool_ and first.shape == size
    assert first.any() and not first.all()
    np.testing.assert_array_equal(first, again)


@pytest.mark.parametrize("spec", [one for one in SPECS if one != "irregular"], ids=str)
def test_holes_scale_with_the_picture(spec):
    generator = create_holes(spec)
    areas = {
        side: np.mean(
            [generator(None, (side, side), np.random.default_rng(i)).mean() for i in range(40)]
        )
        for side in (64, 256)
    }
    assert areas[64] == pytest.approx(areas[256], rel=0.12)


@pytest.mark.parametrize("spec", ["centre-box", "random-box", "free-form"])
def test_a_single_pixel_can_be_missing(spec):
    assert create_holes(spec)(None, (1, 1), np.random.default_rng(0)).shape == (1, 1)


def test_centre_box_is_the_half_in_the_middle():
    hole = CentreBox()(None, (256, 256), np.random.default_rng(0))
    expected = np.zeros((256, 256), bool)
    expected[64:192, 64:192] = True
    np.testing.assert_array_equal(hole, expected)


def test_random_box_keeps_to_its_sides_and_margin():
    generator = RandomBox(margin=0.1)
    for seed in range(100):
        hole = generator(None, (256, 256), np.random.default_rng(seed))
        rows, columns = np.flatnonzero(hole.any(1)), np.flatnonzero(hole.any(0))
        assert hole.sum() == rows.size * columns.size
        for interval in (rows, columns):
            assert 96 <= interval.size <= 128
            assert interval[0] >= 25 and interval[-1] < 256 - 25


def test_random_box_reaches_all_of_the_picture():
    seen = np.zeros((64, 64), bool)
    for seed in range(200):
        seen |= RandomBox()(None, (64, 64), np.random.default_rng(seed))
    assert seen[0].any() and seen[-1].any() and seen[:, 0].any() and seen[:, -1].any()


def test_several_boxes_may_overlap_and_leave_the_picture():
    random = np.random.default_rng(0)
    generator = RandomBox(side=(0.25, 0.25), count=(0, 3), overhang=True)
    areas = [generator(None, (64, 64), random).sum() for _ in range(300)]
    assert min(areas) == 0
    assert 2 * 16**2 < max(areas) <= 3 * 16**2
    one = RandomBox(side=(0.25, 0.25), overhang=True)
    cut = [int(one(None, (64, 64), random).sum()) for _ in range(300)]
    # Half of a side at most may be outside.
    assert min(cut) >= 8 * 8
    assert any(area < 16**2 for area in cut)
    with pytest.raises(ConfigurationError, match="no overhang"):
        RandomBox(margin=0.1, overhang=True)


def test_a_part_filling_union_is_never_nothing_or_everything():
    random = np.random.default_rng(0)
    parts = [
        {"name": "random-box", "side": [1.0, 1.0], "count": [0, 1]},
        {"name": "random-box", "side": [0.2, 0.2], "count": [0, 1]},
    ]
    for partial in (False, True):
        union = UnionHoles(parts, partial=partial)
        shares = {float(union(None, (10, 10), random).mean()) for _ in range(60)}
        assert shares == ({0.04} if partial else {0.0, 0.04, 1.0})
    assert UnionHoles(parts, partial=True)(None, (1, 1), random).shape == (1, 1)


def test_chains_are_as_wide_and_long_as_they_are_told():
    # One line, in one of four directions, with a thin pen; some end at the picture's side.
    generator = PolygonalChains(chains=(1, 1), lines=(1, 1), length=(0.25, 0.25), width=(0.0, 0.0))
    extents = []
    for seed in range(200):
        hole = generator(None, (400, 400), np.random.default_rng(seed))
        rows, columns = np.flatnonzero(hole.any(1)), np.flatnonzero(hole.any(0))
        extents.append(math.hypot(np.ptp(rows), np.ptp(columns)))
    assert np.median(extents) == pytest.approx(100, abs=2)
    wide = PolygonalChains(chains=(1, 1), lines=(1, 1), length=(0.0, 0.0), width=(0.1, 0.1))
    hole = wide(None, (400, 400), np.random.default_rng(1))
    diameter = max(np.ptp(np.flatnonzero(hole.any(1))), np.ptp(np.flatnonzero(hole.any(0)))) + 1
    assert diameter == pytest.approx(40, abs=2)


@pytest.mark.parametrize("drawn", [FreeFormHoles(), PolygonalChains()])
def test_strokes_are_mirrored_in_both_directions(drawn):
    # A stroke walks to the right and, unmirrored, never to the left: the share of the hole in the
    # left half would then be well under one half. A first chain walks to the left.
    random = np.random.default_rng(0)
    mean = np.mean([drawn(None, (64, 64), random) for _ in range(3000)], axis=0)
    left, top = mean[:, :32].sum() / mean.sum(), mean[:32].sum() / mean.sum()
    assert left == pytest.approx(0.5, abs=0.025)
    assert top == pytest.approx(0.5, abs=0.025)


def test_free_form_strokes_have_the_breadth_of_the_paper():
    generator = FreeFormHoles(strokes=(1, 1), vertices=(1, 1), width=(0.1, 0.1), step=0.0)
    hole = generator(None, (400, 400), np.random.default_rng(1))
    diameter = max(np.ptp(np.flatnonzero(hole.any(1))), np.ptp(np.flatnonzero(hole.any(0)))) + 1
    assert diameter == pytest.approx(40, abs=2)


@pytest.mark.parametrize("band", IRREGULAR_BANDS)
def test_irregular_holes_lie_in_their_band(band):
    generator = IrregularHoles(band)
    for seed in range(8):
        area = generator(None, (96, 96), np.random.default_rng(seed)).mean()
        assert band[0] <= area <= band[1]


def test_irregular_holes_draw_from_all_bands():
    random = np.random.default_rng(0)
    areas = [IrregularHoles()(None, (48, 48), random).mean() for _ in range(60)]
    found = {sum(area > high for _, high in IRREGULAR_BANDS) for area in areas}
    assert found == set(range(6))


def test_irregular_holes_say_when_a_picture_is_too_small():
    with pytest.raises(InputError, match="can hold no hole"):
        IrregularHoles((0.01, 0.1))(None, (2, 2), np.random.default_rng(0))


@pytest.fixture
def hole_folder(tmp_path):
    picture = np.zeros((32, 32), np.uint8)
    picture[:8, :16] = 255
    (tmp_path / "below").mkdir()
    PIL.Image.fromarray(picture).save(tmp_path / "below" / "one.png")
    (tmp_path / "notes.txt").write_text("no picture")
    return tmp_path


def test_folder_holes_are_scaled_to_the_picture(hole_folder):
    hole = FolderHoles(hole_folder, flip=False)(None, (64, 48), np.random.default_rng(0))
    expected = np.zeros((64, 48), bool)
    expected[:16, :24] = True
    assert (hole != expected).mean() < 0.03
    black = FolderHoles(hole_folder, "black", flip=False)(None, (64, 48), np.random.default_rng(0))
    np.testing.assert_array_equal(black, ~hole)


@pytest.mark.parametrize(
    ("names", "missing"),
    [
        ("irregular_mask/disocclusion_img_mask/{:05d}.png", "black"),
        ("mask/testing_mask_dataset/{:05d}.png", "white"),
        ("qd_imd/train/{:05d}_train.png", "black"),
        ("qd_imd/test/{:05d}_test.png", "white"),
    ],
)
def test_published_folders_of_holes_are_used_as_they_are(tmp_path, names, missing):
    random = np.random.default_rng(0)
    for index in range(40):
        hole = IrregularHoles()(None, (64, 64), random)
        path = tmp_path / names.format(index)
        path.parent.mkdir(parents=True, exist_ok=True)
        shown = hole if missing == "white" else ~hole
        PIL.Image.fromarray(shown.astype(np.uint8) * 255).save(path)
    # One hole of more than half the picture, or a damaged file, does not turn the folder round.
    (tmp_path / names.format(2)).write_bytes(b"broken")
    generator = create_holes({"name": "folder", "folder": str(tmp_path)})
    assert generator.missing == missing
    generator.files = [path for path in generator.files if path.stat().st_size > 10]
    assert np.mean([generator(None, (64, 64), random).mean() for _ in range(40)]) < 0.5


def test_folder_holes_are_mirrored(hole_folder):
    corners = {
        tuple(hole[[0, 0, -1, -1], [0, -1, 0, -1]])
        for hole in (
            FolderHoles(hole_folder)(None, (32, 32), np.random.default_rng(i)) for i in range(40)
        )
    }
    assert len(corners) == 4


def test_folder_holes_name_what_is_wrong(tmp_path, hole_folder):
    with pytest.raises(ConfigurationError, match="does not exist"):
        FolderHoles(tmp_path / "nowhere")
    (tmp_path / "empty").mkdir()
    with pytest.raises(ConfigurationError, match="holds no picture"):
        FolderHoles(tmp_path / "empty")
    with pytest.raises(ConfigurationError, match="'rarer', 'white' or 'black'"):
        FolderHoles(hole_folder, "grey")
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "bad.png").write_bytes(b"no png")
    with pytest.raises(InputError, match=r"bad\.png"):
        FolderHoles(tmp_path / "broken")(None, (8, 8), np.random.default_rng(0))


def constant(value):
    return lambda landmarks, size, random: np.full(size, value)


def test_mixture_draws_each_part_as_often_as_its_weight_says():
    generator = MixtureHoles([constant(True), constant(False)], [3, 1])
    random = np.random.default_rng(0)
    share = np.mean([generator(None, (1, 1), random).all() for _ in range(2000)])
    assert share == pytest.approx(0.75, abs=0.03)


def test_union_is_missing_where_any_part_is():
    box, strokes = CentreBox(0.3), FreeFormHoles()
    union = UnionHoles([box, strokes])(None, (64, 64), np.random.default_rng(5))
    alone = strokes(None, (64, 64), np.random.default_rng(5))
    np.testing.assert_array_equal(union, alone | box(None, (64, 64), np.random.default_rng(0)))


def test_parts_get_the_landmarks():
    seen = []

    def generator(landmarks, size, random):
        seen.append(landmarks)
        return np.zeros(size, bool)

    points = np.zeros((68, 2))
    MixtureHoles([generator])(points, (4, 4), np.random.default_rng(0))
    UnionHoles([generator, generator])(points, (4, 4), np.random.default_rng(0))
    assert len(seen) == 3 and all(one is points for one in seen)


@pytest.mark.parametrize("weights", [[1], [1, -1], [0, 0], [1, math.nan], [1, math.inf]])
def test_mixture_refuses_weights_that_do_not_fit(weights):
    with pytest.raises(ConfigurationError, match="weights"):
        MixtureHoles(["free-form", "random-box"], weights)


@pytest.mark.parametrize(
    ("spec", "sentence"),
    [
        ("free-from", "Did you mean 'free-form'"),
        ({"name": "free-form", "stroke": 2}, "Did you mean 'strokes'"),
        ({"strokes": [1, 2]}, "needs a 'name'"),
        ({"name": "free-form", "strokes": [3, 1]}, "in order"),
        ({"name": "free-form", "width": 3}, "two numbers"),
        ({"name": "random-box", "side": [0.2, 1.2]}, "between 0 and 1"),
        ({"name": "folder"}, "Cannot create the hole generator"),
        ({"name": "mixture", "parts": []}, "at least one"),
        ({"name": "union", "parts": "free-form"}, "needs a list"),
        ("no.such.module:Thing", "no module"),
        (3, "by a name"),
    ],
    ids=str,
)
def test_wrong_specifications_get_one_clear_sentence(spec, sentence):
    with pytest.raises(ConfigurationError, match=sentence):
        create_holes(spec)


def test_every_name_is_listed_and_dotted_paths_work():
    assert list_holes() == sorted(list_holes()) and "free-form" in list_holes()
    made = create_holes({"name": "inpainter.holes.boxes:CentreBox", "side": 0.25})
    assert isinstance(made, CentreBox) and made.side == 0.25
    assert create_holes(made) is made


def test_an_empty_picture_is_refused():
    with pytest.raises(InputError, match="at least one pixel"):
        create_holes("free-form")(None, (0, 4), np.random.default_rng(0))


def test_no_other_program_is_started_for_a_hole(tmp_path, monkeypatch):
    drawn = PIL.Image.new("RGB", (4, 4)).im
    monkeypatch.setattr(EpsImagePlugin, "Ghostscript", lambda *_, **__: drawn)
    place = tmp_path / "0.png"
    place.write_bytes(b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 4 4\n%%EndComments\n")
    holes = FolderHoles(tmp_path)
    with pytest.raises(InputError, match="not a picture"):
        holes(None, (4, 4), np.random.default_rng(0))
