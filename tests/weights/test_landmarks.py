"""Frames of faces, the landmark network and its file, and the search for a face."""

from __future__ import annotations

import math

import cv2
import numpy as np
import pytest
import torch

from examples.astronaut import LANDMARKS, astronaut
from tests.faces import canonical_landmarks, draw_face
from weights.base.errors import ConfigurationError, WeightsError
from weights.base.settings import settings_from_mapping
from weights.landmarks import GROUPS, MIRRORED, FaceFrame, LandmarkFinder
from weights.landmarks.file import describe_landmarks, load_landmarks, save_landmarks
from weights.landmarks.finder import search_squares
from weights.landmarks.network import (
    LandmarkConfiguration,
    LandmarkNetwork,
    LandmarkOutputs,
    average_mirrored,
    mean_places,
    with_mirror_images,
)

SMALL = LandmarkConfiguration(widths=(8, 8, 8), size=32)
FOUR_MIB = 4 * 2**20


@pytest.fixture
def network():
    torch.manual_seed(0)
    return LandmarkNetwork(SMALL).eval()


def test_groups_hold_every_point_once():
    assert sorted(index for group in GROUPS.values() for index in group) == list(range(68))


def test_a_mirrored_symmetric_face_is_the_face_itself():
    points = canonical_landmarks(100.0, (0.0, 0.0))
    assert np.allclose((points * (-1.0, 1.0))[list(MIRRORED)], points)
    assert [MIRRORED[index] for index in MIRRORED] == list(range(68))


def test_a_mirrored_crop_gets_the_mirrored_points(network):
    pictures = torch.rand(2, 3, 32, 32)
    with torch.inference_mode():
        plain = network(pictures)
        mean = average_mirrored(network(with_mirror_images(pictures)))
        mirrored = average_mirrored(network(with_mirror_images(pictures.flip(3))))
    back = torch.stack([1.0 - mirrored.points[..., 0], mirrored.points[..., 1]], dim=2)
    assert torch.allclose(back[:, list(MIRRORED)], mean.points, atol=1e-5)
    assert torch.allclose(mirrored.face, mean.face, atol=1e-5)
    assert torch.allclose(mirrored.masked, mean.masked, atol=1e-5)
    assert not torch.allclose(plain.points, mean.points, atol=1e-5)


def test_frame_is_there_and_back():
    frame = FaceFrame(40.0, 30.0, 20.0, 0.3)
    points = np.random.default_rng(0).uniform(0.0, 80.0, (68, 2))
    assert np.allclose(frame.to_picture(frame.to_square(points)), points)
    straight = FaceFrame(40.0, 30.0, 20.0)
    assert np.allclose(
        straight.to_square(np.array([[30.0, 30.0], [50.0, 40.0]])), [[0, 0.5], [1, 1]]
    )


@pytest.mark.parametrize("side", [50.0, 300.0])
@pytest.mark.parametrize("angle", [0.0, 0.5])
def test_what_is_taken_lies_where_the_frame_says(side, angle):
    image = np.zeros((400, 500, 3), np.uint8)
    cv2.circle(image, (260, 190), round(0.06 * side), (255, 255, 255), -1)
    frame = FaceFrame(245.0, 200.0, side, angle)
    taken = frame.take(image, 64)[..., 0].astype(float)
    x, y = np.meshgrid(np.arange(64) + 0.5, np.arange(64) + 0.5)
    middle = np.array([(x * taken).sum(), (y * taken).sum()]) / taken.sum() / 64.0
    assert np.allclose(middle, frame.to_square(np.array([[260.0, 190.0]]))[0], atol=0.01)


@pytest.mark.parametrize("centre", [(20.0, 380.0), (250.0, 200.0), (900.0, 900.0)])
def test_a_square_past_the_picture_shows_its_reflection(centre):
    across, down = np.meshgrid(np.arange(500), np.arange(400))
    image = np.dstack([across // 2, down // 2, (across + down) // 4]).astype(np.uint8)
    frame = FaceFrame(*centre, 300.0)
    wide = cv2.copyMakeBorder(image, *[700] * 4, cv2.BORDER_REFLECT_101)
    moved = FaceFrame(centre[0] + 700, centre[1] + 700, 300.0)
    taken, expected = frame.take(image, 64), moved.take(wide, 64)
    assert np.abs(taken.astype(int) - expected).max() <= 6


def test_a_tilted_face_is_framed_upright():
    level = canonical_landmarks(60.0, (100.0, 90.0))
    cosine, sine = math.cos(0.4), math.sin(0.4)
    tilted = level @ np.array([[cosine, sine], [-sine, cosine]])
    frame = FaceFrame.around(tilted)
    assert frame.angle == pytest.approx(0.4)
    assert np.allclose(frame.to_square(tilted), FaceFrame.around(level).to_square(level))
    inside = frame.to_square(tilted)
    assert np.allclose(inside.min(axis=0) + inside.max(axis=0), 1.0)
    assert (inside.max(axis=0) - inside.min(axis=0)).max() == pytest.approx(1.0 / 1.4)


def test_the_mean_place_of_a_single_peak_is_its_pixel():
    maps = torch.full((1, 2, 8, 8), -50.0)
    maps[0, 0, 3, 5] = maps[0, 1, 0, 7] = 50.0
    expected = torch.tensor([[[5.5, 3.5], [7.5, 0.5]]]) / 8.0
    assert torch.allclose(mean_places(maps), expected, atol=1e-5)


def test_network_gives_points_and_judgements_and_every_weight_learns():
    torch.manual_seed(0)
    network = LandmarkNetwork(SMALL)
    found = network(torch.rand(3, 3, 32, 32))
    assert found.points.shape == (3, 68, 2)
    assert found.face.shape == found.masked.shape == (3,)
    assert bool(((found.points > 0.0) & (found.points < 1.0)).all())
    (found.points.square().sum() + found.face.sum() + found.masked.sum()).backward()
    assert all(
        weight.grad is not None and bool(weight.grad.abs().sum() > 0.0)
        for weight in network.parameters()
    )


def test_a_crop_is_judged_alike_alone_and_in_a_batch(network):
    pictures = torch.rand(3, 3, 32, 32)
    with torch.no_grad():
        together = network(pictures).points
        alone = torch.cat([network(picture[None]).points for picture in pictures])
    assert torch.allclose(together, alone, atol=1e-5)


def test_file_holds_the_network(network, tmp_path):
    path = save_landmarks(network.half().float(), SMALL, tmp_path / "landmarks.safetensors")
    loaded, configuration = load_landmarks(path)
    assert configuration == SMALL
    pictures = torch.rand(2, 3, 32, 32)
    with torch.no_grad():
        for own, other in zip(network(pictures), loaded(pictures), strict=True):
            assert torch.allclose(own, other, atol=1e-5)
    description = describe_landmarks(path)
    assert description.kind == description.architecture == "landmarks"
    assert description.input_size == 32
    assert description.parameters == sum(one.numel() for one in network.parameters())


def test_the_default_network_takes_at_most_four_mebibytes(tmp_path):
    configuration = LandmarkConfiguration()
    path = save_landmarks(LandmarkNetwork(configuration), configuration, tmp_path / "a.safetensors")
    assert path.stat().st_size <= FOUR_MIB


def test_a_file_of_another_network_is_refused(network, tmp_path):
    path = save_landmarks(
        network, LandmarkConfiguration((16, 8, 8), 32), tmp_path / "a.safetensors"
    )
    with pytest.raises(WeightsError, match=r"a\.safetensors"):
        load_landmarks(path)


@pytest.mark.parametrize("values", [{"size": 40}, {"size": 4096}, {"widths": (8,)}])
def test_configuration_checks_itself(values):
    with pytest.raises(ConfigurationError):
        LandmarkConfiguration(**values)
    with pytest.raises(ConfigurationError, match="'sizes'"):
        settings_from_mapping(LandmarkConfiguration, {"sizes": 3}, "it")


@pytest.mark.parametrize("share", [1.0, 0.38])
@pytest.mark.parametrize("shape", [(100, 100), (90, 200), (1, 1)])
def test_searched_squares_cover_the_picture_and_stay_in_it(shape, share):
    height, width = shape
    seen = np.zeros(shape, bool)
    for frame in search_squares(height, width, share):
        left, top = frame.x + 0.5 - frame.side / 2, frame.y + 0.5 - frame.side / 2
        assert left > -1e-6
        assert top > -1e-6
        assert left + frame.side < width + 1e-6
        assert top + frame.side < height + 1e-6
        seen[round(top) : round(top + frame.side), round(left) : round(left + frame.side)] = True
    assert seen.all()


class _SeesRed(torch.nn.Module):
    """Takes a crop for a face that red fills by a half; the points lie about the red's middle."""

    def forward(self, pictures):
        red = (pictures[:, 0] - pictures[:, 1]).clamp_min(0.0)
        places = (torch.arange(pictures.shape[-1]) + 0.5) / pictures.shape[-1]
        total = red.sum(dim=(1, 2)).clamp_min(1e-6)
        x = (red.sum(dim=1) * places).sum(dim=1) / total
        y = (red.sum(dim=2) * places).sum(dim=1) / total
        extent = red.mean(dim=(1, 2)).sqrt()
        face = torch.from_numpy(canonical_landmarks(1.0, (0.0, 0.0))).float()
        middle = torch.stack([x, y], dim=1)[:, None]
        points = middle + 1.19 * extent[:, None, None] * (face - face.mean(dim=0))
        off = (middle[:, 0] - 0.5).abs().amax(dim=1) + (extent - 0.6).abs()
        return LandmarkOutputs(points, 5.0 - 40.0 * off, torch.full_like(x, -9.0))


@pytest.fixture
def finder():
    finder = LandmarkFinder()
    finder._loaded = _SeesRed(), LandmarkConfiguration(size=64), torch.device("cpu")
    return finder


@pytest.mark.parametrize("scale", [1, 4])
@pytest.mark.parametrize("centre", [(90, 70), (200, 110)])
def test_a_face_is_found_wherever_it_is(finder, centre, scale):
    image = np.full((180 * scale, 280 * scale, 3), 60, np.uint8)
    middle = (centre[0] * scale, centre[1] * scale)
    cv2.circle(image, middle, 36 * scale, (250, 20, 20), -1)
    found = finder.find(image)
    assert found is not None
    assert found.face > 0.5
    assert found.masked < 0.01
    assert np.allclose(found.points.mean(axis=0), middle, atol=3.0 * scale)


def test_no_face_is_none(finder):
    assert finder.find(np.full((120, 160, 3), 60, np.uint8)) is None


def test_weights_that_are_missing_are_named(tmp_path):
    image, points = draw_face(np.random.default_rng(0))
    finder = LandmarkFinder(tmp_path / "none.safetensors")
    with pytest.raises(WeightsError, match="none"):
        finder.find_near(image, FaceFrame.around(points))


@pytest.mark.parametrize("degrees", [0.0, 70.0, 130.0, 180.0, -90.0])
def test_the_shipped_network_finds_a_face_however_it_is_tilted(degrees):
    middle = LANDMARKS.mean(axis=0)
    matrix = cv2.getRotationMatrix2D(tuple(middle), -degrees, 1.0)
    image = cv2.warpAffine(astronaut(), matrix, (512, 512), borderMode=cv2.BORDER_REFLECT_101)
    truth = LANDMARKS @ matrix[:, :2].T + matrix[:, 2]
    found = LandmarkFinder(device="cpu").find_near(image, FaceFrame(*middle, side=230.0))
    assert found.face > 0.5
    eyes = np.linalg.norm(truth[36:42].mean(axis=0) - truth[42:48].mean(axis=0))
    assert np.linalg.norm(found.points - truth, axis=1).mean() < 0.12 * eyes


@pytest.mark.parametrize("turns", [1, 2, 3])
def test_the_shipped_network_finds_a_face_in_a_photo_that_lies_on_its_side(turns):
    image = np.ascontiguousarray(np.rot90(astronaut(), -turns))
    found = LandmarkFinder(device="cpu").find(image)
    assert found is not None
    angle, middle = math.radians(90.0 * turns), np.full(2, 349.5)
    turn = np.array([[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]])
    expected = (np.array(LANDMARKS) - middle) @ turn.T + middle
    eyes = float(np.hypot(*(expected[45] - expected[36])))
    assert np.hypot(*(found.points - expected).T).mean() < 0.06 * eyes


def test_another_backend_finds_the_same_points(monkeypatch):
    pytest.importorskip("onnxruntime")
    # ONNX Runtime has no bfloat16 to compare.
    monkeypatch.setattr("weights.base.device.is_fast_in_bfloat16", lambda device: False)
    image, frame = astronaut(), FaceFrame(*np.mean(LANDMARKS, axis=0), side=230.0)
    by_torch = LandmarkFinder(device="cpu").find_near(image, frame)
    by_onnx = LandmarkFinder(device="cpu", backend="onnxruntime").find_near(image, frame)
    assert np.abs(by_torch.points - by_onnx.points).max() < 0.05
    assert by_torch.face == pytest.approx(by_onnx.face, abs=1e-3)
