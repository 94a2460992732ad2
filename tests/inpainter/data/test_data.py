"""Framing and sampling: what a network sees of a face."""

from __future__ import annotations

import json
import math
from functools import partial
from typing import TYPE_CHECKING

import cv2
import numpy as np
import pytest
import torch

from inpainter.data.colour import to_pictures
from inpainter.data.decoded import available_memory, decoding_memory
from inpainter.data.face import read_picture
from inpainter.data.faces import DecodedFaces, list_faces
from inpainter.data.framing import (
    CONTEXT,
    body_square,
    face_square,
    reflected_crop,
    resize_crop,
    widest_context,
)
from inpainter.data.processes import FaceProcesses
from inpainter.data.sampling import Sample, Sampling
from inpainter.data.stream import SampleStream, Stretch, collate, sample_at
from inpainter.holes import create_holes
from tests.faces import write_faces
from weights.base.errors import ConfigurationError, InputError, TrainingError

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def faces(tmp_path: Path) -> DecodedFaces:
    return DecodedFaces(list_faces(write_faces(tmp_path / "faces"), "train"))


@pytest.fixture
def sampling() -> Sampling:
    return Sampling(create_holes("detector.synthesis.holes:FaceMaskHoles"))


def test_a_square_holds_the_hole_and_lies_higher() -> None:
    hole = np.zeros((400, 600), bool)
    hole[200:260, 300:400] = True
    x0, y0, side = face_square(hole, context=1.6, lift=0.1)
    assert side == 160
    assert x0 <= 300 and x0 + side >= 400
    assert y0 <= 200 and y0 + side >= 260
    assert y0 + side / 2 == pytest.approx(230 - 16, abs=1)
    assert abs(x0 + side / 2 - 350) <= 1


@pytest.mark.parametrize("lift", [0.0, 0.2, 0.5])
def test_a_lifted_square_still_holds_a_tall_hole(lift: float) -> None:
    hole = np.zeros((300, 300), bool)
    hole[50:250, 140:160] = True
    _, y0, side = face_square(hole, context=1.2, lift=lift)
    assert y0 + side >= 250


def test_an_empty_hole_cannot_be_framed() -> None:
    with pytest.raises(InputError, match="empty hole"):
        face_square(np.zeros((8, 8), bool))


def strapped(height: int, width: int) -> tuple[np.ndarray, np.ndarray]:
    """The hole of a mask's body, and the same with straps up to the ears, bool `(H, W)` each."""
    canvas = np.zeros((height, width), np.uint8)
    unit = height / 400
    middle = (width // 2, height // 2)
    cv2.ellipse(canvas, middle, (round(70 * unit), round(50 * unit)), 0, 0, 360, 1, -1)
    body = canvas.astype(bool)
    for side in (-1, 1):
        start = (middle[0] + round(side * 60 * unit), middle[1] - round(10 * unit))
        end = (middle[0] + round(side * 80 * unit), middle[1] - round(90 * unit))
        cv2.line(canvas, start, end, 1, max(1, round(8 * unit)))
    return body, canvas.astype(bool)


@pytest.mark.parametrize(("height", "width"), [(60, 90), (400, 600), (2000, 3000)])
def test_straps_do_not_make_a_face_smaller_in_its_square(height: int, width: int) -> None:
    body, hole = strapped(height, width)
    square = body_square(hole)
    wanted = np.array(face_square(body))
    assert np.abs(np.array(square) - wanted).max() <= max(2, 0.05 * wanted[2])
    assert square[2] < 0.9 * face_square(hole)[2]
    x0, y0, side = square
    assert hole[y0 : y0 + side, x0 : x0 + side].sum() == hole.sum()


def test_without_straps_the_square_is_that_of_the_hole() -> None:
    body, _ = strapped(400, 600)
    assert np.abs(np.array(body_square(body)) - face_square(body)).max() <= 3
    thin = np.zeros((60, 90), bool)
    thin[30, 10:80] = True
    assert body_square(thin) == face_square(thin)
    wide = body_square(body, context=2.0, lift=0.0)
    assert np.abs(np.array(wide) - face_square(body, context=2.0, lift=0.0)).max() <= 4


def test_straps_that_reach_out_of_the_body_s_square_count() -> None:
    _, hole = strapped(400, 600)
    hole[20:140, 380:386] = True
    assert body_square(hole) == face_square(hole)


def test_a_crop_past_the_frame_is_reflected() -> None:
    row = np.arange(4)[None, :].repeat(4, axis=0)
    crop = reflected_crop(row, (-2, 0, 8))
    assert crop[0].tolist() == [2, 1, 0, 1, 2, 3, 2, 1]
    assert reflected_crop(row, (0, -100, 3)).shape == (3, 3)
    assert reflected_crop(np.array([[7]]), (-5, -5, 4)).tolist() == [[7] * 4] * 4


def test_a_shrunken_hole_loses_no_missing_pixel() -> None:
    hole = np.zeros((64, 64), bool)
    hole[10, 10] = True
    image = np.full((64, 64, 3), 9, np.uint8)
    small, small_hole = resize_crop(image, hole, 16)
    assert small_hole[2, 2]
    assert small_hole.sum() == 1
    assert (small == 9).all()
    same, same_hole = resize_crop(image, hole, 64)
    assert same is image and same_hole is hole


def test_sample_number_i_is_always_the_same(faces: DecodedFaces, sampling: Sampling) -> None:
    one = sample_at(faces, sampling, 48, seed=3, index=17)
    again = sample_at(faces, sampling, 48, seed=3, index=17)
    other = sample_at(faces, sampling, 48, seed=3, index=18)
    assert np.array_equal(one.image, again.image) and np.array_equal(one.hole, again.hole)
    assert not np.array_equal(one.image, other.image)
    assert one.image.shape == (48, 48, 3) and one.hole.shape == (48, 48)
    assert 0.03 < one.hole.mean() < 0.7


class MiddleChance:
    """Draws the middle of every range, and no flip."""

    def uniform(self, low: float, high: float, size: int | None = None) -> float | np.ndarray:
        middle = (low + high) / 2
        return middle if size is None else np.full(size, middle)

    def normal(self, mean: float, deviation: float) -> float:
        return mean

    def random(self) -> float:
        return 0.9


@pytest.mark.parametrize("flip", [False, True])
def test_a_sample_lies_where_its_square_does(flip: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    rows, columns = np.mgrid[0:80, 0:80]
    image = np.stack([3 * rows, 3 * columns, np.zeros_like(rows)], axis=2).astype(np.uint8)
    hole = np.zeros((80, 80), bool)
    hole[30:50, 25:55] = True
    sampling = Sampling(
        lambda *_: hole,
        context=(1.6, 1.6),
        lift=(0.1, 0.1),
        grayscale_probability=0.0,
        colour_jitter=0.0,
    )
    if flip:
        monkeypatch.setattr(MiddleChance, "random", lambda _: 0.1)
    landmarks = np.full((68, 2), 40.0)
    landmarks[48:] = (33.0, 44.0)
    sample = sampling(image, landmarks, 24, MiddleChance())  # type: ignore[arg-type]
    assert sample is not None
    # The square is 48 wide from (16, 11): a sample's pixel covers two by two of the picture's.
    middles = 2 * np.arange(24) + 0.5
    across = middles[::-1] if flip else middles
    inner = slice(1, -1)
    down = np.broadcast_to(3 * (11 + middles)[:, None], (24, 24))
    found = sample.image[inner, inner].astype(float)
    assert np.abs(found[..., 0] - down[inner, inner]).max() <= 0.6
    across = np.broadcast_to(3 * (16 + across), (24, 24))
    assert np.abs(found[..., 1] - across[inner, inner]).max() <= 0.6
    rows, columns = np.nonzero(sample.hole)
    assert abs(rows.min() - 9.5) <= 0.5 and abs(rows.max() - 19) <= 0.5
    assert sample.inside.all()
    assert sample.mouth is not None
    x = (33.5 - 16) / 2
    assert sample.mouth[:2] == pytest.approx([24 - x if flip else x, (44.5 - 11) / 2], abs=1e-4)


def varied_sample(
    image: np.ndarray, stretch: float = 0.0, side_light: float = 0.0, defocus: float = 0.0
) -> Sample:
    """A sample of 64 x 64, flipped or not, and otherwise varied in these ways alone."""
    hole = np.zeros((64, 64), bool)
    hole[24:44, 20:44] = True
    sampling = Sampling(
        lambda *_: hole,
        rotation=0.0,
        grayscale_probability=0.0,
        colour_jitter=0.0,
        stretch=stretch,
        side_light=side_light,
        defocus_probability=defocus,
    )
    sample = sampling(image, None, 64, np.random.default_rng(5))
    assert sample is not None
    return sample


def test_stretching_changes_proportions_and_not_the_area() -> None:
    disc = np.zeros((64, 64, 3), np.uint8)
    cv2.circle(disc, (32, 33), 9, (255, 255, 255), -1)
    round_one, oval = (varied_sample(disc, stretch=stretch) for stretch in (0.0, 0.3))
    sides = [np.ptp(np.argwhere(one.image[..., 0] > 127), axis=0) for one in (round_one, oval)]
    assert abs(int(sides[0][0]) - int(sides[0][1])) <= 1
    assert np.abs(sides[1] - sides[0]).max() >= 2
    areas = [float((one.image[..., 0] > 127).mean()) for one in (round_one, oval)]
    assert areas[1] == pytest.approx(areas[0], rel=0.06)
    # The hole is stretched with the face.
    assert not np.array_equal(oval.hole, round_one.hole)


def test_light_from_the_side_is_a_slope_and_leaves_the_middle() -> None:
    flat = np.full((64, 64, 3), 100, np.uint8)
    sample = varied_sample(flat, side_light=0.4)
    assert np.array_equal(sample.image, flat)
    lit = (to_pictures(collate([sample]))[0].permute(1, 2, 0).numpy() + 1.0) * 127.5
    assert np.abs(lit[30:34, 30:34] - 100).max() <= 3
    assert np.ptp(lit[..., 0]) >= 10
    np.testing.assert_allclose((lit + lit[::-1, ::-1]) / 2, 100, atol=1e-3)
    assert varied_sample(flat).colours is None


def test_photos_out_of_focus_keep_their_colours_and_holes_and_lose_detail(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("inpainter.data.defocus._BLURS", (8.0, 8.0))
    noise = np.random.default_rng(3).integers(60, 200, (64, 64, 3)).astype(np.uint8)
    sharp, soft = (varied_sample(noise, defocus=probability) for probability in (0.0, 1.0))
    assert np.array_equal(soft.hole, sharp.hole)
    assert soft.image.mean() == pytest.approx(sharp.image.mean(), abs=0.5)
    assert soft.image.std() < 0.8 * sharp.image.std()


def test_streams_of_two_devices_share_the_samples(faces: DecodedFaces, sampling: Sampling) -> None:
    alone = list(SampleStream(faces, Stretch(sampling, 32, batch=4, start=0, seed=1), steps=2))
    left, right = (
        list(SampleStream(faces, Stretch(sampling, 32, 2, 0, 1, rank, 2), 2, workers))
        for rank, workers in ((0, 1), (1, 3))
    )
    for whole, one, other in zip(alone, left, right, strict=True):
        assert np.array_equal(whole["image"][:2], one["image"])
        assert np.array_equal(whole["image"][2:], other["image"])
        assert np.array_equal(whole["hole"][2:], other["hole"])


def test_processes_make_what_threads_make(tmp_path: Path, sampling: Sampling) -> None:
    listed = list_faces(write_faces(tmp_path / "faces"), "train")
    stretch = Stretch(sampling, 32, batch=2, start=5, seed=1)
    threads = list(SampleStream(DecodedFaces(listed), stretch, steps=6))
    with FaceProcesses(partial(DecodedFaces, listed), 2) as processes:
        for _ in range(2):
            for one, other in zip(threads, SampleStream(processes, stretch, 6), strict=True):
                assert one.keys() == other.keys()
                assert all(torch.equal(one[name], other[name]) for name in one)


def test_a_process_that_ends_is_one_sentence(tmp_path: Path, sampling: Sampling) -> None:
    listed = list_faces(write_faces(tmp_path / "faces"), "train")
    for face in listed:
        face.path.unlink()
    with (
        FaceProcesses(partial(DecodedFaces, listed), 1) as processes,
        pytest.raises(TrainingError, match=r"set a lower data\.processes"),
    ):
        list(processes.make(Stretch(sampling, 32, 2, 0, 1), 2))


def test_holes_that_no_process_can_be_sent_are_refused(tmp_path: Path) -> None:
    listed = list_faces(write_faces(tmp_path / "faces"), "train")
    sampling = Sampling(lambda landmarks, size, random: np.ones(size, bool))
    with (
        FaceProcesses(partial(DecodedFaces, listed), 1) as processes,
        pytest.raises(ConfigurationError, match=r"data\.processes to 0"),
    ):
        list(processes.make(Stretch(sampling, 32, 2, 0, 1), 2))
    with pytest.raises(ConfigurationError, match="1 or more"):
        FaceProcesses(partial(DecodedFaces, listed), 0)


def test_grey_share_makes_pictures_grey(faces: DecodedFaces) -> None:
    holes = create_holes("detector.synthesis.holes:FaceMaskHoles")
    grey = Sampling(holes, grayscale_probability=1.0)
    image = to_pictures(collate([sample_at(faces, grey, 32, 0, 0)]))
    torch.testing.assert_close(image[:, 1:], image[:, :1].expand(-1, 2, -1, -1))


def test_bad_annotations_name_the_line(tmp_path: Path) -> None:
    (tmp_path / "faces.jsonl").write_text('{"file": "a.png"}\nnonsense\n', encoding="utf-8")
    with pytest.raises(InputError, match="Line 2"):
        list_faces(tmp_path)
    points = [[1e999, 1], *[[1, 2]] * 67]
    (tmp_path / "faces.jsonl").write_text(json.dumps({"file": "a.png", "landmarks": points}))
    with pytest.raises(InputError, match=r"Line 1 .*a landmark is not finite"):
        list_faces(tmp_path)
    (tmp_path / "b.png").write_bytes(b"no picture")
    with pytest.raises(InputError, match="is not a picture"):
        read_picture(tmp_path / "b.png")
    with pytest.raises(InputError, match="Cannot read"):
        read_picture(tmp_path / "c.png")
    # A header of 40,000 x 40,000 pixels.
    (tmp_path / "d.pgm").write_bytes(b"P5 40000 40000 255\n" + bytes(1000))
    with pytest.raises(InputError, match=r"d\.pgm is not a picture"):
        read_picture(tmp_path / "d.pgm")


def test_pictures_that_cannot_be_read_are_left_out_and_listed(tmp_path: Path) -> None:
    folder = write_faces(tmp_path / "faces")
    (folder / "face0.png").write_bytes(b"broken")
    decoded = DecodedFaces(list_faces(folder, "train"))
    assert len(decoded) == 3
    assert len(decoded.failed) == 1 and "face0.png" in decoded.failed[0]


@pytest.mark.parametrize("memory", [0, 96 * 96 * 3, None])
def test_samples_do_not_depend_on_how_many_faces_fit_into_memory(
    tmp_path: Path, sampling: Sampling, memory: int | None
) -> None:
    listed = list_faces(write_faces(tmp_path / "faces"), "train")
    faces, limited = DecodedFaces(listed), DecodedFaces(listed, memory)
    assert len(list(limited.images())) == len(faces) == 4
    for index in range(4):
        one, other = (sample_at(some, sampling, 32, 0, index) for some in (faces, limited))
        assert np.array_equal(one.image, other.image) and np.array_equal(one.hole, other.hole)


def test_a_face_that_cannot_be_read_later_is_passed_over(
    tmp_path: Path, sampling: Sampling
) -> None:
    folder = write_faces(tmp_path / "faces")
    faces = DecodedFaces(list_faces(folder, "train"), memory=0)
    (folder / "face0.png").write_bytes(b"broken")
    assert len(faces) == 4 and len(list(faces.images())) == 3
    assert faces.sample(0, sampling, 32, np.random.default_rng(0)) is None
    assert sample_at(faces, sampling, 32, seed=0, index=2).image.shape == (32, 32, 3)


def test_processes_of_one_machine_share_the_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    assert 2**26 < available_memory() < 2**50
    monkeypatch.setattr("inpainter.data.decoded.available_memory", lambda: 1e9)
    for name in ("LOCAL_WORLD_SIZE", "WORLD_SIZE"):
        monkeypatch.delenv(name, raising=False)
    assert decoding_memory() == 5e8
    monkeypatch.setenv("LOCAL_WORLD_SIZE", "4")
    assert decoding_memory() == 1.25e8


def test_a_tightly_cropped_picture_is_framed_with_less_context() -> None:
    hole = np.zeros((100, 100), bool)
    hole[50:95, 5:95] = True
    assert widest_context(90, hole.shape) == pytest.approx(115 / 90)
    assert face_square(hole)[2] == math.ceil(115 / 90 * 90)
    wide = np.pad(hole, 200)
    assert face_square(wide)[2] == math.ceil(CONTEXT * 90)
    # However tight the picture, a quarter of the square shows what is known.
    assert widest_context(400, (300, 300)) == 1.25
