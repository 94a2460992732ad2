"""Several pictures: as they come, with failures in their places, with progress, and awaited."""

from __future__ import annotations

import asyncio

import numpy as np
import pytest

from pipeline import InputError, MaskRegion, Pipeline, UnmaskResult
from tests.pipeline.colour_stages import exact_holes, fill_colour, find_colour, masked_scene
from weights.base.errors import ConfigurationError

PLAIN = masked_scene((60, 80), [])
MASKED = masked_scene((60, 80), [(20, 30, 40, 50)])


@pytest.fixture
def pipeline():
    return Pipeline(find_colour, exact_holes, fill_colour, "none", device="cpu")


def test_a_stream_gives_what_run_gives_and_reads_no_further_than_it_must(pipeline):
    taken = []

    def pictures():
        for index in range(1000):
            taken.append(index)
            yield MASKED if index % 2 else PLAIN

    stream = pipeline.stream(pictures(), batch=2)
    first = [next(stream) for _ in range(4)]
    assert len(taken) <= 5
    for result, expected in zip(first, pipeline.run([PLAIN, MASKED, PLAIN, MASKED]), strict=True):
        assert np.array_equal(result.image, expected.image)
    assert [len(result.faces) for result in first] == [0, 1, 0, 1]


def test_a_group_holds_no_more_pixels_than_are_allowed(pipeline, monkeypatch):
    from pipeline.run import streaming

    monkeypatch.setattr(streaming, "MOST_PIXELS", 2 * 60 * 80)
    sizes = []
    run = pipeline.run
    monkeypatch.setattr(
        pipeline, "run", lambda images, *rest, **more: sizes.append(len(images)) or run(images)
    )
    assert len(list(pipeline.stream([PLAIN] * 5, batch=100))) == 5
    assert sizes == [2, 2, 1]


@pytest.mark.parametrize("batch", [1, 2, 8])
def test_what_is_wrong_with_one_picture_stands_in_its_place(pipeline, tmp_path, batch):
    pictures = [MASKED, tmp_path / "missing.png", PLAIN, b"no picture", MASKED]
    for results in (
        pipeline.run(pictures, on_error="return"),
        list(pipeline.stream(pictures, on_error="return", batch=batch)),
    ):
        assert [type(one) for one in results] == [
            UnmaskResult, InputError, UnmaskResult, InputError, UnmaskResult,
        ]  # fmt: skip
        assert "missing.png" in str(results[1])
    with pytest.raises(InputError, match=r"missing\.png"):
        pipeline.run(pictures)
    stream = pipeline.stream(pictures, batch=batch)
    assert len(next(stream).faces) == 1
    with pytest.raises(InputError, match=r"missing\.png"):
        list(stream)


def test_a_fault_of_a_stage_of_somebody_elses_stands_in_its_place(pipeline):
    def fails_on_masks(image):
        if np.array_equal(image, MASKED):
            raise ZeroDivisionError("a bug")
        return

    faulty = Pipeline(fails_on_masks, device="cpu")
    results = faulty.run([PLAIN, MASKED, PLAIN], on_error="return")
    assert [type(one) for one in results] == [UnmaskResult, ZeroDivisionError, UnmaskResult]


def test_what_is_wrong_with_the_pipeline_is_raised_in_any_case(pipeline, tmp_path):
    broken = Pipeline(find_colour, inpainter={"name": "gated", "weights": str(tmp_path / "none")})
    with pytest.raises(Exception, match="none"):
        broken.run([MASKED], on_error="return")
    with pytest.raises(ConfigurationError, match="Did you mean 'return'"):
        pipeline.run([PLAIN], on_error="returns")
    with pytest.raises(InputError, match="for one picture call the pipeline itself"):
        pipeline.stream("photo.jpg")
    for batch in (0, 2.5, "2"):
        with pytest.raises(InputError, match="batch must be a whole number from 1"):
            pipeline.stream([PLAIN], batch=batch)


def test_masks_of_a_stream_go_with_their_pictures(pipeline):
    hole = np.zeros((60, 80), bool)
    hole[5:9, 5:9] = True
    results = list(pipeline.stream([PLAIN, PLAIN], [hole, None]))
    assert np.array_equal(results[0].hole, hole)
    assert not results[1].hole.any()
    with pytest.raises(InputError, match="more pictures than masks"):
        list(pipeline.stream([PLAIN, PLAIN], [hole]))


def test_a_stream_gives_the_variants_of_run():
    pipeline = Pipeline(find_colour, exact_holes, "telea", "none", device="cpu")
    [expected] = pipeline.run([MASKED], variants=3, seed=7)
    _, streamed = pipeline.stream([PLAIN, MASKED], variants=3, seed=7)
    for one, other in zip(streamed.variants, expected.variants, strict=True):
        assert np.array_equal(one, other)
    with pytest.raises(InputError, match="variants must be a whole number from 1"):
        pipeline.stream([PLAIN], variants=0)


def test_progress_is_told_by_stage(pipeline):
    pipeline.batch_size = 1
    told = []
    pipeline.run([MASKED, PLAIN, MASKED], progress=lambda *said: told.append(said))
    assert told == [
        ("detector", 3, 3),
        ("refiner", 1, 3), ("refiner", 2, 3), ("refiner", 3, 3),
        ("inpainter", 1, 2), ("inpainter", 2, 2),
        ("blender", 1, 3), ("blender", 2, 3), ("blender", 3, 3),
    ]  # fmt: skip


def test_an_event_loop_goes_on_while_pictures_are_worked_on(pipeline):
    async def both():
        ticks = 0

        async def tick():
            nonlocal ticks
            while True:
                ticks += 1
                await asyncio.sleep(0)

        ticking = asyncio.create_task(tick())
        results = await pipeline.run_async([MASKED])
        ticking.cancel()
        return results, ticks

    results, ticks = asyncio.run(both())
    assert len(results[0].faces) == 1
    assert ticks > 0


def test_what_is_printed_is_short_and_says_what_it_is(pipeline):
    result = pipeline.run([MASKED])[0]
    share = f"{result.hole.mean():.1%}"
    assert repr(result).startswith(
        f"UnmaskResult(80 x 60, masks found: 1, faces filled: 1, {share} of the pixels, "
    )
    assert repr(result.regions[0]).startswith("MaskRegion('mask', score=1.00, box=(")
    assert repr(result.faces).startswith("(FaceFill(crop=(")
    assert repr(pipeline) == (
        "Pipeline(detector=<find_colour>, refiner=<exact_holes>, inpainter=<fill_colour>, "
        "blender='none', device='cpu')"
    )
    assert repr(Pipeline(inpainter={"name": "gated", "detail": "off"})) == (
        "Pipeline(detector='yolo', refiner='morphology', "
        "inpainter={'detail': 'off', 'name': 'gated'}, blender='feather', device='auto')"
    )
    assert len(repr(MaskRegion.from_mask(np.ones((999, 999), bool)))) < 100
