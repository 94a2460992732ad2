from __future__ import annotations

import io
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import PIL.Image
import pytest

from pipeline import Pipeline, UnmaskResult, unmask, unmasking
from tests.conformance.scenes import disc, scene
from tests.pipeline.colour_stages import STAGES, fill_mean, find_colour, masked_scene
from weights.base.errors import ConfigurationError, InputError

SIZE = (60, 80)


@pytest.fixture(autouse=True)
def forget_stages(monkeypatch):
    monkeypatch.setattr(unmasking, "_stages", type(unmasking._stages)())


@pytest.fixture
def image():
    return masked_scene(SIZE, [(20, 20, 50, 40)])


def test_an_array_comes_back_as_an_array(image):
    result = unmask(image, **STAGES)
    assert isinstance(result, np.ndarray)
    assert result.shape == image.shape
    assert result.dtype == np.uint8
    assert not np.array_equal(result, image)
    hole = Pipeline(**STAGES).run([image])[0].hole
    assert np.array_equal(result[~hole], image[~hole])


def test_alpha_and_grey_arrays_keep_their_shape(image):
    alpha = np.dstack([image, np.full(SIZE, 77, np.uint8)])
    result = unmask(alpha, **STAGES)
    assert result.shape == alpha.shape
    assert (result[:, :, 3] == 77).all()
    grey = scene(SIZE)[:, :, 0]
    hole = disc(SIZE)
    result = unmask(grey, mask=hole, **STAGES)
    assert result.shape == grey.shape
    assert np.array_equal(result[~hole], grey[~hole])


def test_files_pil_and_bytes_come_back_in_kind(image, tmp_path):
    expected = unmask(image, **STAGES)
    picture = PIL.Image.fromarray(image)
    result = unmask(picture, **STAGES)
    assert isinstance(result, PIL.Image.Image)
    assert result.mode == "RGB"
    assert np.array_equal(np.asarray(result), expected)
    path = tmp_path / "photo.png"
    picture.save(path)
    for source in (path, str(path)):
        result = unmask(source, **STAGES)
        assert isinstance(result, PIL.Image.Image)
        assert np.array_equal(np.asarray(result), expected)
    result = unmask(path.read_bytes(), **STAGES)
    assert isinstance(result, bytes)
    decoded = PIL.Image.open(io.BytesIO(result))
    assert decoded.format == "PNG"
    assert np.array_equal(np.asarray(decoded.convert("RGB")), expected)


def test_the_mark_names_the_models(image):
    buffer = io.BytesIO()
    PIL.Image.fromarray(image).save(buffer, "PNG")
    result = unmask(buffer.getvalue(), **{**STAGES, "inpainter": "telea"})
    assert b"find_colour" in result
    assert b"telea" in result


def test_the_mark_is_left_out_only_where_the_caller_says_so(image):
    buffer = io.BytesIO()
    PIL.Image.fromarray(image).save(buffer, "PNG")
    marked = unmask(buffer.getvalue(), **STAGES)
    plain = unmask(buffer.getvalue(), provenance=False, **STAGES)
    assert b"digitalsourcetype" in marked.lower()
    assert b"digitalsourcetype" not in plain.lower()
    pictures = [np.asarray(PIL.Image.open(io.BytesIO(content))) for content in (marked, plain)]
    assert np.array_equal(*pictures)


def test_without_a_mask_the_picture_comes_back_unchanged():
    image = scene(SIZE)
    assert np.array_equal(unmask(image, **STAGES), image)
    buffer = io.BytesIO()
    PIL.Image.fromarray(image).save(buffer, "JPEG")
    assert unmask(buffer.getvalue(), **STAGES) == buffer.getvalue()


@pytest.mark.parametrize("as_file", [False, True])
def test_a_mask_of_the_user_s_takes_the_detector_s_place(image, tmp_path, as_file):
    hole = disc(SIZE, (0.3, 0.3), 0.1)
    mask = hole
    if as_file:
        mask = tmp_path / "mask.png"
        PIL.Image.fromarray(hole.astype(np.uint8) * 255).save(mask)
    result = unmask(image, mask=mask, return_result=True, **STAGES)
    assert isinstance(result, UnmaskResult)
    assert np.array_equal(result.hole, hole)
    assert result.regions == []


def test_a_pipeline_called_on_one_picture_is_unmask(image):
    pipeline = Pipeline(**STAGES)
    assert np.array_equal(pipeline(image), unmask(image, **STAGES))
    assert np.array_equal(pipeline(image, return_result=True).image, pipeline(image))


class Recorded:
    made = 0

    def __init__(self, number: int = 0, device: str = "auto") -> None:
        type(self).made += 1
        self.number = number

    def complete(self, crops, holes):
        return [fill_mean(crop, hole) for crop, hole in zip(crops, holes, strict=True)]


RECORDED = "tests.pipeline.test_unmasking:Recorded"


@pytest.fixture
def recorded(monkeypatch):
    from tests.pipeline import test_unmasking

    monkeypatch.setattr(test_unmasking.Recorded, "made", 0)
    return test_unmasking.Recorded


def test_a_second_call_builds_nothing(image, recorded):
    for _ in range(3):
        unmask(image, **{**STAGES, "inpainter": RECORDED})
    assert recorded.made == 1
    for _ in range(2):
        unmask(image, **{**STAGES, "inpainter": {"name": RECORDED, "number": 2}})
    assert recorded.made == 2
    unmask(image, device="cpu", **{**STAGES, "inpainter": RECORDED})
    assert recorded.made == 3
    # Another blender, made or not, does not load the inpainter again.
    unmask(image, **{**STAGES, "inpainter": RECORDED, "blender": lambda i, f, h: f})
    assert recorded.made == 3


def test_threads_share_one_stage(image, recorded):
    barrier = threading.Barrier(6)

    def call(_):
        barrier.wait()
        return unmask(image, **{**STAGES, "inpainter": RECORDED})

    with ThreadPoolExecutor(6) as pool:
        results = list(pool.map(call, range(6)))
    assert recorded.made == 1
    assert all(np.array_equal(results[0], other) for other in results)


def test_only_so_many_stages_are_kept(image):
    for number in range(3 * unmasking.MOST_STAGES):
        unmask(image, **{**STAGES, "inpainter": {"name": RECORDED, "number": number}})
    assert len(unmasking._stages) <= unmasking.MOST_STAGES


@pytest.mark.parametrize(
    ("keyword", "nearest"),
    [
        ("inpaint", "inpainter"),
        ("masks", "mask"),
        ("blend", "blender"),
        ("return_results", "result"),
    ],
)
def test_an_unknown_keyword_is_named_with_the_nearest(image, keyword, nearest):
    with pytest.raises(ConfigurationError, match=f"Did you mean '.*{nearest}.*'"):
        unmask(image, **{keyword: None})


def test_other_arguments_of_the_pipeline_are_taken(image):
    wide = unmask(image, return_result=True, context=3.0, **STAGES)
    assert wide.faces[0].crop[2] > unmask(image, return_result=True, **STAGES).faces[0].crop[2]


@pytest.mark.parametrize("source", [None, 5, np.zeros((0, 4, 3), np.uint8), "no such file.jpg"])
def test_what_is_no_picture_is_refused(source):
    with pytest.raises(InputError):
        unmask(source, **STAGES)


def test_importing_loads_nothing_heavy():
    program = (
        "import sys, pipeline; from pipeline import unmask, Pipeline, UnmaskResult; "
        "heavy = {'torch', 'ultralytics', 'lightning', 'skimage', 'scipy'} & set(sys.modules); "
        "assert not heavy, heavy; assert 'unmask' in dir(pipeline)"
    )
    subprocess.run([sys.executable, "-c", program], check=True)


def test_the_package_hands_on_what_it_lists():
    import pipeline

    for name in pipeline.__all__:
        assert getattr(pipeline, name) is not None
    assert find_colour is STAGES["detector"]
    with pytest.raises(AttributeError):
        pipeline.nothing  # noqa: B018
