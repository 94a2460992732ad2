"""Explanations: what was recorded is what happened, and the picture shows it."""

import threading
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from pipeline import Pipeline
from pipeline.apps.explain.explanation import explain, explain_pictures
from tests.pipeline.colour_stages import FILL, STAGES, fill_colour, masked_scene
from weights.base.errors import InputError, OutputError
from weights.images import read_picture
from weights.images.mark_reader import read_mark


@pytest.fixture
def two_faces():
    return masked_scene((90, 140), [(15, 40, 45, 62), (90, 50, 112, 70)])


def test_the_result_is_that_of_the_pipeline(two_faces):
    pipeline = Pipeline(**STAGES)
    plain = masked_scene((50, 60), [])
    explanations = explain_pictures(pipeline, [plain, two_faces])
    for explanation, result in zip(explanations, pipeline.run([plain, two_faces]), strict=True):
        np.testing.assert_array_equal(explanation.result.image, result.image)
        assert len(explanation.faces) == len(result.faces)
    assert [len(one.faces) for one in explanations] == [0, 2]


def test_each_face_is_shown_between_the_stages(two_faces):
    pipeline = Pipeline(**(STAGES | {"inpainter": fill_colour}), batch_size=1)
    explanation = explain(two_faces, pipeline=pipeline)
    for face, filled in zip(explanation.faces, explanation.result.faces, strict=True):
        x0, y0, side = filled.crop
        assert face.crop.shape == face.fill.shape == face.blended.shape == (side, side, 3)
        assert face.coarse is None
        assert face.missing.mean() == pytest.approx(filled.share)
        assert (face.fill[face.missing] == FILL).all()
        np.testing.assert_array_equal(face.fill[~face.missing], face.crop[~face.missing])
        y, x = 50, 30 if x0 < 60 else 100
        np.testing.assert_array_equal(face.blended[y - y0, x - x0], explanation.result.image[y, x])


class CoarseToFine:
    """An inpainter with a network whose first guess is grey of a level per crop."""

    def __init__(self):
        class Network(torch.nn.Module):
            def forward(self, image, hole):
                coarse = torch.zeros_like(image) - 1.0
                coarse[:, :, 8:] = 1.0
                return SimpleNamespace(coarse=coarse, prediction=image)

        self.network = Network()

    def complete(self, crops, holes):
        self.network(torch.zeros(len(crops), 3, 16, 16), torch.ones(len(crops), 1, 16, 16))
        return [crop.copy() for crop in crops]


def test_the_coarse_guess_of_a_network_is_caught_and_the_network_left_alone(two_faces):
    inpainter = CoarseToFine()
    explanation = explain(two_faces, pipeline=Pipeline(**(STAGES | {"inpainter": inpainter})))
    for face in explanation.faces:
        assert face.coarse is not None
        rows = np.nonzero(face.missing.any(axis=1))[0]
        side = face.missing.shape[0]
        low = face.missing & (np.arange(side)[:, None] >= 0.6 * side)
        high = face.missing & (np.arange(side)[:, None] < 0.4 * side)
        assert rows.size
        assert (face.coarse[low] == 255).all()
        assert (face.coarse[high] == 0).all()
        np.testing.assert_array_equal(face.coarse[~face.missing], face.crop[~face.missing])
    assert len(inpainter.network._forward_hooks) == 0


def test_a_network_that_others_use_meanwhile_shows_its_own_guesses(two_faces):
    class Busy(CoarseToFine):
        def complete(self, crops, holes):
            other = threading.Thread(target=super().complete, args=(crops, holes))
            other.start()
            other.join()
            return super().complete(crops, holes)

    explanation = explain(two_faces, pipeline=Pipeline(**(STAGES | {"inpainter": Busy()})))
    assert all(face.coarse is not None for face in explanation.faces)


def test_a_hole_of_one_s_own(two_faces):
    hole = np.zeros(two_faces.shape[:2], bool)
    hole[20:40, 20:50] = True
    pipeline = Pipeline(**STAGES)
    explanation = explain(two_faces, mask=hole, pipeline=pipeline)
    assert explanation.given
    assert explanation.models == ("fill_mean",)
    assert explain(two_faces, pipeline=pipeline).models == ("find_colour", "fill_mean")
    np.testing.assert_array_equal(explanation.result.hole, hole)


def test_a_wrong_answer_is_told_as_the_stage_s_own(two_faces):
    def wrong(crop, hole):
        return crop[:4]

    with pytest.raises(InputError, match="inpainter 'wrong' must return"):
        explain(two_faces, pipeline=Pipeline(**(STAGES | {"inpainter": wrong})))


@pytest.mark.parametrize("width", [480, 1440])
@pytest.mark.parametrize("size", [(20, 300), (300, 20), (90, 140), (1, 1)])
def test_pictures_of_any_shape_are_drawn(size, width):
    picture = masked_scene(size, [(2, 2, 14, 14)] if min(size) > 10 else [])
    drawn = explain(picture, pipeline=Pipeline(**STAGES)).draw(width)
    assert drawn.dtype == np.uint8
    assert drawn.shape[1:] == (width, 3)
    assert drawn.shape[0] < 4 * width


def test_the_drawing_shows_crop_fill_and_result(two_faces):
    pipeline = Pipeline(**(STAGES | {"inpainter": fill_colour, "blender": "none"}))
    explanation = explain(two_faces, pipeline=pipeline)
    drawn = explanation.draw()
    without = explain(two_faces[:30], pipeline=pipeline).draw()
    assert drawn.shape[0] > without.shape[0] + 500  # a row for each face
    assert (np.abs(drawn.astype(int) - FILL).max(axis=2) < 3).mean() > 0.02


def test_many_faces_are_told_and_the_largest_drawn():
    patches = [(12 + 30 * (i % 5), 12 + 30 * (i // 5), 22 + 30 * (i % 5), 22 + 30 * (i // 5))
               for i in range(9)]  # fmt: skip
    explanation = explain(masked_scene((80, 170), patches), pipeline=Pipeline(**STAGES))
    assert len(explanation.faces) == 9
    few = explain(masked_scene((80, 170), patches[:6]), pipeline=Pipeline(**STAGES))
    assert 0 < explanation.draw().shape[0] - few.draw().shape[0] < 120


def test_too_narrow_a_drawing_is_refused(two_faces):
    with pytest.raises(InputError, match="480"):
        explain(two_faces, pipeline=Pipeline(**STAGES)).draw(479)


def test_saved_ones_carry_the_mark_where_a_face_was_filled(two_faces, tmp_path):
    pipeline = Pipeline(**STAGES)
    path = explain(two_faces, pipeline=pipeline).save(tmp_path / "a.png")
    assert read_mark(path).models == ("find_colour", "fill_mean")
    assert read_picture(path).size[1] == 1440
    with pytest.raises(OutputError):
        explain(two_faces, pipeline=pipeline).save(path)
    empty = explain(masked_scene((30, 40), []), pipeline=pipeline).save(tmp_path / "b.png")
    assert read_mark(empty) is None
