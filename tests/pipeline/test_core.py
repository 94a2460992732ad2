from __future__ import annotations

import numpy as np
import pytest

from pipeline import Pipeline, UnmaskResult, unmask
from pipeline.result import FaceFill
from tests.conformance.scenes import SIZES, disc, holes, scene
from tests.pipeline.colour_stages import (
    FILL,
    MASK,
    STAGES,
    exact_holes,
    fill_colour,
    fill_mean,
    find_colour,
    masked_scene,
)
from weights.base.errors import ConfigurationError, InputError
from weights.base.regions import MaskRegion

TIMINGS = {"detector", "refiner", "inpainter", "blender"}


def _pipeline(**stages):
    return Pipeline(**{**STAGES, **stages})


@pytest.mark.parametrize("blender", ["feather", "poisson", "none"])
@pytest.mark.parametrize("refiner", ["morphology", "none"])
@pytest.mark.parametrize("size", [(40, 40), (61, 97), (240, 321)])
def test_outside_the_holes_every_bit_is_kept(size, refiner, blender):
    height, width = size
    patch = (width // 4, height // 3, width // 2, 2 * height // 3)
    edge = (3 * width // 4, height - height // 4, width, height)
    image = masked_scene(size, [patch, edge])
    result = _pipeline(refiner=refiner, blender=blender).run([image])[0]
    assert len(result.regions) == len(result.faces) == 2
    assert np.array_equal(result.image[~result.hole], image[~result.hole])
    assert not (result.image == MASK).all(axis=2).any()
    assert set(result.timings) == TIMINGS
    assert all(seconds > 0 for seconds in result.timings.values())


@pytest.mark.parametrize("name", sorted(holes((1, 1))))
@pytest.mark.parametrize("size", SIZES)
def test_a_hole_of_the_user_s_is_filled_exactly(size, name):
    image, hole = scene(size), holes(size)[name]
    for inpainter in (fill_mean, fill_colour, "telea"):
        result = _pipeline(inpainter=inpainter).run([image], [hole])[0]
        assert np.array_equal(result.hole, hole)
        assert np.array_equal(result.image[~hole], image[~hole])
        assert result.regions == []
        together = sum((face.hole.astype(int) for face in result.faces), np.zeros(size, int))
        assert np.array_equal(together, hole.astype(int))
    pasted = _pipeline(inpainter=fill_colour, blender="none").run([image], [hole])[0]
    assert (pasted.image[hole] == FILL).all()


@pytest.mark.parametrize("size", SIZES)
def test_no_mask_leaves_the_picture_as_it_is(size):
    image = scene(size)
    result = _pipeline().run([image])[0]
    assert np.array_equal(result.image, image)
    assert result.image is not image
    assert not result.hole.any()
    assert result.faces == ()
    assert set(result.timings) == TIMINGS


@pytest.mark.parametrize("blender", ["feather", "poisson", "none"])
@pytest.mark.parametrize("size", [(1, 1), (30, 41), (200, 160)])
def test_a_constant_picture_stays_constant(size, blender):
    image = np.full((*size, 3), (90, 160, 30), np.uint8)
    for name, hole in holes(size).items():
        if name != "full" and (~hole).any():
            result = _pipeline(blender=blender).run([image], [hole])[0]
            assert np.array_equal(result.image, image), name


@pytest.mark.parametrize("batch_size", [1, 2, 16])
def test_a_batch_gives_what_its_pictures_give_one_by_one(batch_size):
    images = [
        masked_scene((80, 120), [(20, 30, 50, 55), (80, 30, 110, 55)], seed=1),
        scene((33, 21)),
        masked_scene((200, 90), [(30, 150, 70, 200)], seed=2),
        masked_scene((64, 64), [(10, 30, 40, 50)], seed=3),
    ]
    masks = [None, None, None, disc((64, 64), (0.2, 0.2), 0.1)]
    pipeline = _pipeline(batch_size=batch_size)
    together = pipeline.run(images, masks)
    for image, mask, result in zip(images, masks, together, strict=True):
        alone = pipeline.run([image], [mask])[0]
        assert np.array_equal(alone.image, result.image)
        assert np.array_equal(alone.hole, result.hole)
        assert [face.crop for face in alone.faces] == [face.crop for face in result.faces]
        assert [face.share for face in alone.faces] == [face.share for face in result.faces]


class _Counting:
    def __init__(self):
        self.calls = []

    def detect(self, images):
        self.calls.append(len(images))
        return [find_colour(image) for image in images]

    def complete(self, crops, holes):
        self.calls.append(len(crops))
        return [fill_mean(crop, hole) for crop, hole in zip(crops, holes, strict=True)]


def test_all_faces_of_all_pictures_go_through_together():
    detector, inpainter = _Counting(), _Counting()
    images = [masked_scene((80, 160), [(20, 30, 50, 55), (110, 30, 140, 55)], s) for s in range(3)]
    pipeline = _pipeline(detector=detector, inpainter=inpainter)
    pipeline.run(images)
    assert detector.calls == [3]
    assert inpainter.calls == [6]
    pipeline.run(images, [None, disc((80, 160), radius=0.1), None])
    assert detector.calls == [3, 2]
    assert inpainter.calls == [6, 5]
    limited = _Counting()
    _pipeline(inpainter=limited, batch_size=4).run(images)
    assert limited.calls == [4, 2]


def test_no_pictures_give_no_results():
    assert _pipeline().run([]) == []


def _close_faces():
    """Two masks so near to one another that each lies in the other's crop."""
    size = (120, 160)
    image = np.full((*size, 3), (180, 140, 120), np.uint8)
    patches = [(30, 40, 74, 80), (80, 44, 124, 84)]
    for x0, y0, x1, y1 in patches:
        image[y0:y1, x0:x1] = MASK
    return image, patches


def test_close_faces_are_filled_each_from_its_own_crop():
    image, patches = _close_faces()
    seen = []

    class ByOrder:
        def complete(self, crops, holes):
            for crop, hole in zip(crops, holes, strict=True):
                # What shows the mask is marked as missing, whosever mask it is.
                assert not (crop[~hole] == MASK).all(axis=1).any()
            seen.extend(zip(crops, holes, strict=True))
            return [np.full_like(crop, 50 * (n + 1)) for n, crop in enumerate(crops)]

    result = _pipeline(inpainter=ByOrder(), blender="none").run([image])[0]
    assert len(seen) == 2
    for number, (x0, y0, x1, y1) in enumerate(patches):
        assert (result.image[y0:y1, x0:x1] == 50 * (number + 1)).all()
        # The other face's mask is part of what is missing from the crop.
        own = (x1 - x0) * (y1 - y0) / result.faces[number].crop[2] ** 2
        assert result.faces[number].share > own * 1.1
    assert np.array_equal(result.image[~result.hole], image[~result.hole])


@pytest.mark.parametrize("blender", ["feather", "poisson"])
def test_close_faces_get_no_seam_and_no_colour_of_a_mask(blender):
    image, _ = _close_faces()

    def tinted(crop, hole):
        fill = np.full_like(crop, (190, 130, 125))
        return np.where(hole[..., None], fill, crop)

    result = _pipeline(inpainter=tinted, blender=blender).run([image])[0]
    assert result.hole.sum() == 2 * 44 * 40
    apart = np.abs(result.image.astype(int) - (180, 140, 120))
    assert apart[result.hole].max() <= 3
    assert apart[~result.hole].max() == 0


def test_overlapping_holes_are_filled_once():
    image = scene((100, 160))
    first, second = disc((100, 160), (0.5, 0.4), 0.12), disc((100, 160), (0.5, 0.6), 0.12)
    result = _pipeline(
        detector=lambda image: [MaskRegion.from_mask(mask) for mask in (first, second)]
    ).run([image])[0]
    assert np.array_equal(result.hole, first | second)
    assert not (result.faces[0].hole & result.faces[1].hole).any()


def test_a_blender_cannot_reach_outside_the_hole():
    image = masked_scene((60, 80), [(20, 20, 50, 40)])
    careless = _pipeline(blender=lambda image, fill, hole: np.zeros_like(image))
    result = careless.run([image])[0]
    assert np.array_equal(result.image[~result.hole], image[~result.hole])
    assert (result.image[result.hole] == 0).all()


def test_inputs_are_left_alone():
    image = masked_scene((60, 80), [(20, 20, 50, 40)])
    hole = disc((60, 80), radius=0.2)
    copies = image.copy(), hole.copy()
    for mask in (None, hole):
        result = _pipeline().run([image], [mask])[0]
        result.image[:] = 0
        result.hole[:] = True
    assert np.array_equal(image, copies[0])
    assert np.array_equal(hole, copies[1])


def test_stages_are_made_when_first_used_and_work_alone():
    made = []

    class Recorded:
        def __init__(self):
            made.append("detector")

        def detect(self, images):
            return [find_colour(image) for image in images]

    image = masked_scene((60, 80), [(20, 20, 50, 40)])
    pipeline = _pipeline(detector=Recorded)
    pipeline.run([image], [disc((60, 80))])
    assert made == []
    pipeline.run([image])
    pipeline.run([image])
    assert made == ["detector"]
    regions = pipeline.detector.detect([image])[0]
    hole = pipeline.refiner.refine(image, regions)[0]
    fill = pipeline.inpainter.complete([image], [hole])[0]
    assert pipeline.blender.blend(image, fill, hole).shape == image.shape


def test_a_pipeline_with_another_stage_shares_the_rest():
    pipeline = _pipeline(inpainter="telea")
    other = pipeline.with_stages(inpainter=fill_colour, blender="none")
    assert other.detector is pipeline.detector
    assert other.refiner is pipeline.refiner
    assert pipeline.model_names() == ["find_colour", "telea"]
    assert other.model_names() == ["find_colour", "fill_colour"]
    image = masked_scene((40, 50), [(10, 10, 30, 25)])
    assert (other.run([image])[0].image[10:25, 10:30] == FILL).all()
    with pytest.raises(ConfigurationError, match="painter"):
        pipeline.with_stages(painter="telea")


def test_arrays_of_every_kind_are_taken_by_run():
    grey = scene((30, 40))[:, :, 0]
    mask = disc((30, 40)).astype(np.uint8) * 255
    result = _pipeline().run([grey], [mask])[0]
    assert result.image.shape == (30, 40, 3)
    assert np.array_equal(result.hole, mask > 0)


@pytest.mark.parametrize("count", [0, 2])
def test_wrong_numbers_of_masks_are_refused(count):
    with pytest.raises(InputError, match="one entry per picture"):
        _pipeline().run([scene((9, 9))], [None] * count)


@pytest.mark.parametrize("images", ["photo.jpg", b"", 5, np.zeros((9, 9, 3), np.uint8)])
def test_one_picture_is_no_sequence(images):
    with pytest.raises(InputError, match="images must be a sequence"):
        _pipeline().run(images)


def test_a_mask_of_another_size_is_refused():
    with pytest.raises(InputError, match="9"):
        _pipeline().run([scene((9, 9))], [np.ones((8, 9), np.bool_)])


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("context", 0.5),
        ("context", float("nan")),
        ("lift", 0.9),
        ("batch_size", 0),
        ("batch_size", 1.5),
    ],
)
def test_numbers_out_of_range_are_refused(option, value):
    with pytest.raises(InputError, match=option):
        _pipeline(**{option: value})


class _Broken:
    def __init__(self, value):
        self.value = value

    def detect(self, images):
        return self.value

    def refine(self, image, regions):
        return self.value

    def complete(self, crops, holes):
        return self.value

    def blend(self, image, fill, hole):
        return self.value


@pytest.mark.parametrize(
    ("stage", "value", "words"),
    [
        ("detector", None, ["detector '_Broken'", "one entry per picture", "NoneType"]),
        ("detector", [], ["1 here", "a list of 0"]),
        ("detector", [None], ["list of MaskRegion", "NoneType"]),
        ("detector", [[np.zeros((60, 80))]], ["list of MaskRegion", "float64 array"]),
        (
            "detector",
            [[MaskRegion.from_mask(np.ones((4, 4), np.bool_))]],
            ["height and width (60, 80)", "(4, 4)"],
        ),
        ("refiner", None, ["refiner '_Broken'", "list of holes", "NoneType"]),
        ("refiner", [np.zeros((60, 80))], ["bool holes", "float64"]),
        ("refiner", [np.zeros((6, 8), np.bool_)], ["(60, 80)", "(6, 8)"]),
        ("inpainter", None, ["inpainter '_Broken'", "one picture per crop"]),
        ("inpainter", [], ["1 here", "a list of 0"]),
        ("inpainter", [np.zeros((5, 5, 3), np.uint8)], ["crop's shape", "(5, 5, 3)"]),
        ("blender", None, ["blender '_Broken'", "NoneType"]),
        ("blender", np.zeros((5, 5, 3)), ["float64 array of shape (5, 5, 3)"]),
    ],
)
def test_a_stage_that_returns_nonsense_is_named(stage, value, words):
    image = masked_scene((60, 80), [(20, 20, 50, 40)])
    with pytest.raises(InputError) as raised:
        _pipeline(**{stage: _Broken(value)}).run([image])
    assert all(word in str(raised.value) for word in words), str(raised.value)


def test_a_function_that_returns_nonsense_is_named():
    def shrink(crop, hole):
        return crop[::2]

    image = masked_scene((60, 80), [(20, 20, 50, 40)])
    with pytest.raises(InputError, match="The inpainter 'shrink' must return"):
        _pipeline(inpainter=shrink).run([image])


@pytest.mark.parametrize(
    "found",
    [
        lambda image: (image == MASK).all(axis=2),
        lambda image: (image == MASK).all(axis=2).astype(np.uint8) * 255,
        lambda image: find_colour(image)[0],
        lambda image: tuple(find_colour(image)),
    ],
)
def test_a_function_may_return_a_mask_or_regions(found):
    image = masked_scene((60, 80), [(20, 20, 50, 40)])
    expected = _pipeline().run([image])[0]
    assert np.array_equal(_pipeline(detector=found).run([image])[0].image, expected.image)


def test_functions_may_find_and_refine_nothing():
    image = masked_scene((60, 80), [(20, 20, 50, 40)])
    empty = np.zeros((60, 80), np.bool_)
    for stages in (
        {"detector": lambda image: None},
        {"detector": lambda image: empty},
        {"refiner": lambda image, regions: None},
        {"refiner": lambda image, regions: empty},
        {"refiner": lambda image, regions: []},
    ):
        assert np.array_equal(_pipeline(**stages).run([image])[0].image, image)


def test_models_are_called_what_the_user_called_them():
    pipeline = Pipeline(detector=find_colour, inpainter={"name": "telea", "radius": 5})
    assert pipeline.model_names() == ["find_colour", "telea"]
    assert pipeline.model_names(detected=False) == ["telea"]


def test_a_result_checks_itself():
    image, hole = scene((8, 9)), np.zeros((8, 9), np.bool_)
    with pytest.raises(InputError):
        UnmaskResult(image, [], np.zeros((9, 8), np.bool_))
    with pytest.raises(InputError):
        UnmaskResult(image.astype(float), [], hole)
    with pytest.raises(InputError):
        FaceFill((0, 0, 0), hole, 0.5)
    with pytest.raises(InputError):
        FaceFill((0, 0, 4), hole, 1.5)


@pytest.mark.parametrize("face", [40, 200, 800])
def test_faces_of_every_size(face):
    size = (int(1.6 * face), int(1.4 * face))
    box = (int(0.4 * face), int(0.8 * face), int(1.0 * face), int(1.25 * face))
    image = masked_scene(size, [box])
    result = _pipeline(refiner="morphology").run([image])[0]
    assert len(result.faces) == 1
    assert result.hole[box[1] : box[3], box[0] : box[2]].mean() > 0.99
    assert np.array_equal(result.image[~result.hole], image[~result.hole])
    assert exact_holes(image, result.regions)[0].sum() < result.hole.sum()


def test_masks_that_touch_may_be_given_one_by_one():
    picture = scene((60, 120))
    left, right = np.zeros((60, 120), bool), np.zeros((60, 120), bool)
    left[20:50, 20:60] = right[20:50, 60:100] = True
    pipeline = Pipeline(inpainter=fill_mean, blender="none", device="cpu")
    together = pipeline(picture, mask=left | right, return_result=True)
    apart = pipeline(picture, mask=[left, right.astype(np.uint8) * 255], return_result=True)
    assert (len(together.faces), len(apart.faces)) == (1, 2)
    assert np.array_equal(apart.hole, together.hole)
    assert np.array_equal(apart.faces[0].hole, left)
    for result in (
        pipeline.run([picture], [[left, right]])[0],
        unmask(
            picture, mask=(left, right), inpainter=fill_mean, blender="none", return_result=True
        ),
    ):
        assert np.array_equal(result.image, apart.image)
    assert not pipeline(picture, mask=[], return_result=True).hole.any()


def test_regions_stand_in_the_order_of_their_faces_which_tell_their_scores():
    picture = masked_scene((60, 160), [(10, 20, 40, 50), (60, 20, 90, 50), (110, 20, 140, 50)])
    scores = [0.5, 0.75, 1.0]

    def detect(image):
        found = zip(find_colour(image), scores, strict=True)
        return [MaskRegion(one.mask, one.box, score) for one, score in found]

    def last_face_first(image, regions):
        return [regions[2].mask | regions[0].mask, regions[1].mask]

    result = Pipeline(detect, last_face_first, fill_mean, "none").run([picture])[0]
    assert [region.score for region in result.regions] == [0.5, 1.0, 0.75]
    assert [face.score for face in result.faces] == [1.0, 0.75]

    result = Pipeline(detect, lambda image, regions: regions[1].mask, fill_mean).run([picture])[0]
    assert [region.score for region in result.regions] == [0.75, 0.5, 1.0]
    hole = result.faces[0].hole
    own = Pipeline(inpainter=fill_mean).run([picture], [hole])[0]
    assert own.faces[0].score is None
