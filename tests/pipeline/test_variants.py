"""Several fills of one face."""

import numpy as np
import PIL.Image
import pytest

from pipeline import Pipeline, unmask
from pipeline.crop import Crop
from pipeline.face import Face
from pipeline.variants import reframed
from tests.conformance.scenes import scene
from tests.pipeline.colour_stages import STAGES, find_colour, masked_scene
from tests.pipeline.recorder import Recorder
from weights.base.errors import InputError
from weights.images import encode_picture
from weights.images.mark import NOTICE
from weights.images.mark_reader import read_mark

PATCHES = [(20, 30, 60, 56), (70, 60, 92, 80)]


def face(size=(120, 160), rows=slice(40, 70), columns=slice(50, 100)):
    hole = np.zeros(size, bool)
    hole[rows, columns] = True
    return Face.each(0, scene(size), [hole])[0]


def paint_mean_of_left_half(fill, hole):
    fill[hole] = fill[:, : fill.shape[1] // 2].mean(axis=(0, 1))


def test_the_first_variant_is_the_usual_fill_of_the_network():
    image = masked_scene((90, 120), PATCHES)
    pipeline = Pipeline(**{**STAGES, "inpainter": "gated"}, device="cpu")
    [single] = pipeline.run([image])
    [several] = pipeline.run([image], variants=3)
    assert single.variants == (single.image,)
    assert len(several.variants) == 3
    assert np.array_equal(several.image, single.image)
    assert np.array_equal(several.hole, single.hole)
    for index, variant in enumerate(several.variants):
        assert np.array_equal(variant[~several.hole], image[~several.hole])
        for other in several.variants[:index]:
            assert not np.array_equal(variant, other)


def test_a_variant_depends_on_seed_and_number_alone():
    image = masked_scene((90, 120), PATCHES)
    other = masked_scene((70, 64), [(10, 12, 40, 33)], seed=3)
    pipeline = Pipeline(**STAGES)
    three = pipeline.run([image], variants=3, seed=5)[0].variants
    five = pipeline.run([other, image], variants=5, seed=5)[1].variants
    assert all(map(np.array_equal, three, five))
    changed = pipeline.run([image], variants=3, seed=6)[0].variants
    assert np.array_equal(changed[0], three[0])
    assert not np.array_equal(changed[1], three[1])
    assert not np.array_equal(changed[2], three[2])


def test_masks_are_sought_once():
    calls = []

    def detect(image):
        calls.append(image.shape)
        return find_colour(image)

    image = masked_scene((90, 120), PATCHES)
    [result] = Pipeline(**{**STAGES, "detector": detect}).run([image], variants=4)
    assert len(calls) == 1
    assert len(result.variants) == 4
    assert len(result.faces) == len(result.regions) == 2


def test_every_other_variant_is_completed_in_a_mirror():
    recorder = Recorder(paint_mean_of_left_half)
    image = masked_scene((90, 120), PATCHES[:1])
    [result] = Pipeline(**{**STAGES, "inpainter": recorder, "blender": "none"}).run(
        [image], variants=3
    )
    faces = Face.each(0, image, [result.hole])
    for number, (crop, hole) in enumerate(recorder.seen):
        [own] = reframed(faces, number, 0)
        turned = slice(None, None, -1 if number == 1 else 1)
        assert np.array_equal(crop, own.crop.take(image)[:, turned])
        assert np.array_equal(hole, own.missing[:, turned])
        half = crop[:, : crop.shape[1] // 2].mean(axis=(0, 1)).astype(np.uint8)
        assert (result.variants[number][result.hole] == half).all()
    assert len(recorder.seen) == 3


@pytest.mark.parametrize(
    "hole",
    [
        {},
        {"rows": slice(0, 30), "columns": slice(0, 40)},
        {"rows": slice(0, 120), "columns": slice(0, 160)},
        {"rows": slice(119, 120), "columns": slice(159, 160)},
        {"rows": slice(80, 90), "columns": slice(0, 160)},
    ],
)
def test_framings_differ_and_hold_the_whole_hole(hole):
    usual = face(**hole)
    squares = set()
    for number in range(8):
        [own] = reframed([usual], number, 1)
        squares.add(own.crop.square)
        rows, columns = np.nonzero(usual.hole)
        assert own.crop.x0 <= columns.min() and columns.max() < own.crop.x0 + own.crop.side
        assert own.crop.y0 <= rows.min() and rows.max() < own.crop.y0 + own.crop.side
        assert own.missing.sum() >= usual.hole.sum()
        assert own.crop.side <= 1.2 * usual.crop.side + 2
    assert len(squares) > 2
    assert reframed([usual], 0, 1) == [usual]


def test_a_user_s_tight_crop_still_holds_the_hole():
    usual = face()
    tight = Face(0, usual.hole, Crop.around(usual.hole, context=1.0, lift=0.0), usual.missing)
    for number in range(1, 6):
        [own] = reframed([tight], number, 0)
        assert (own.missing.sum(), own.crop.take(usual.hole).sum()) == (1500, 1500)


def test_variants_come_back_as_what_the_picture_was():
    # Blended, the fills of these stages would be alike.
    stages = {**STAGES, "blender": "none"}
    image = masked_scene((90, 120), PATCHES[:1])
    arrays = unmask(image, variants=3, **stages)
    assert [array.shape for array in arrays] == [image.shape] * 3
    pictures = unmask(PIL.Image.fromarray(image), variants=2, **stages)
    assert [np.array_equal(*pair) for pair in zip(pictures, arrays, strict=False)] == [True] * 2
    content = encode_picture(PIL.Image.fromarray(image), "PNG")
    one, two = unmask(content, variants=2, **stages)
    assert isinstance(one, bytes) and one != two
    assert read_mark(two).notice == NOTICE.replace("a guess", "one of 2 guesses")
    [only] = unmask(content, variants=1, **stages)
    assert only == unmask(content, **stages)
    assert read_mark(only).notice == NOTICE
    result = unmask(image, variants=3, return_result=True, **stages)
    assert all(map(np.array_equal, result.variants, arrays))


def test_without_a_mask_every_variant_is_the_picture():
    image = scene((40, 50))
    first, second = unmask(image, variants=2, **STAGES)
    assert np.array_equal(first, image)
    assert np.array_equal(second, image)


@pytest.mark.parametrize("number", [0, -1, True, 2.0, "2"])
def test_a_count_that_is_none_is_refused(number):
    with pytest.raises(InputError, match="variants must be a whole number from 1, but is"):
        Pipeline(**STAGES).run([scene((40, 50))], variants=number)


@pytest.mark.parametrize("number", [-1, True, 0.5, None])
def test_a_seed_that_is_none_is_refused(number):
    with pytest.raises(InputError, match="seed must be a whole number from 0, but is"):
        unmask(scene((40, 50)), variants=2, seed=number, **STAGES)


def test_a_reference_leaves_nothing_to_guess():
    image = scene((40, 50))
    with pytest.raises(InputError, match="leave variants or the reference out"):
        unmask(image, variants=2, reference=image, **STAGES)
