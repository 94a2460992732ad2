"""Networks are told where jaw, nose and lips are: true ones in training, found ones in use."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np
import pytest
import torch
from torch import nn

from examples.astronaut import astronaut
from inpainter import NetworkInpainter, create_model
from inpainter.data.landmark_map import landmark_map, moved_landmarks
from inpainter.data.sampling import Sampling
from inpainter.data.stream import collate
from inpainter.landmark_guide import draw_guides
from inpainter.networks.blocks.guide_features import GuideFeatures
from inpainter.networks.gated_unet import GatedUNet
from inpainter.training.loop import train_inpainter
from inpainter.training.network_batch import to_network, with_face
from inpainter.training.recipe import OptimizerSettings, Phase
from tests.inpainter.training.short_runs import fit, short_recipe, watch_guides
from weights.base.errors import InputError
from weights.landmarks import MIRRORED
from weights.landmarks.finder import LandmarkFinder

if TYPE_CHECKING:
    from pathlib import Path


def face_points(side: float = 64.0) -> np.ndarray:
    """A face without expression: what matters stands at known places of a square of 64."""
    points = np.full((68, 2), 32.0)
    angle = np.linspace(np.pi, 0.0, 17)
    points[:17] = np.stack([32 + 20 * np.cos(angle), 30 + 24 * np.sin(angle)], 1)
    points[27:31] = np.stack([np.full(4, 32.0), np.linspace(22, 34, 4)], 1)
    points[31:36] = np.stack([np.linspace(27, 37, 5), np.full(5, 37.0)], 1)
    points[36], points[45] = (20.0, 24.0), (44.0, 24.0)
    around = np.linspace(-np.pi, np.pi, 12, endpoint=False)
    points[48:60] = np.stack([32 + 9 * np.cos(around), 45 + 4 * np.sin(around)], 1)
    around = np.linspace(-np.pi, np.pi, 8, endpoint=False)
    points[60:68] = np.stack([32 + 6 * np.cos(around), 45 + 2 * np.sin(around)], 1)
    return points * side / 64.0


def test_lips_and_opening_are_areas_and_the_jaw_is_a_line() -> None:
    drawn = landmark_map(face_points(), 64)
    lines, lips, opening = (drawn[..., channel] for channel in range(3))
    assert lips[45, 32] == opening[45, 32] == 255
    assert lips[48, 32] == 255 and opening[48, 32] < 127
    assert lines[54, 32] > 127 and lines[50, 32] == 0 and lines[28, 32] > 127
    assert (lips > 127).sum() == pytest.approx(np.pi * 9 * 4, rel=0.2)
    assert not landmark_map(np.full((68, 2), -1e6), 16).any()


def test_parts_move_by_so_much_of_the_eye_distance_and_keep_their_form() -> None:
    points, random = face_points(), np.random.default_rng(0)
    moved = np.stack([moved_landmarks(points, 0.1, random) for _ in range(400)])
    middles = moved[:, 48:].mean(axis=1) - points[48:].mean(axis=0)
    assert middles.std() == pytest.approx(0.1 * 24.0, rel=0.1)
    assert np.abs(middles.mean(axis=0)).max() < 0.4
    assert np.array_equal(moved[:, 36:48], np.broadcast_to(points[36:48], (400, 12, 2)))
    assert np.array_equal(moved_landmarks(points, 0.0, random), points)


@pytest.mark.parametrize("seed", range(4))
def test_a_sample_s_landmarks_lie_on_its_picture_also_in_a_mirror(seed: int) -> None:
    points = face_points(120.0)
    points[48:68, 0] += 15.0
    image = np.zeros((120, 120, 3), np.uint8)
    cv2.fillPoly(image, [np.rint(points[48:60]).astype(np.int32)], (255, 0, 0))
    hole = np.zeros((120, 120), bool)
    hole[50:110, 25:95] = True
    still = {"colour_jitter": 0.0, "grayscale_probability": 0.0}
    sampling = Sampling(lambda *_: hole, landmark_share=1.0, **still)
    sample = sampling(image, points, 64, np.random.default_rng(seed))
    assert sample is not None and sample.landmarks is not None
    seen, told = sample.image[..., 0] > 127, sample.landmarks[..., 1] > 127
    assert (seen & told).sum() / (seen | told).sum() > 0.8
    batch = collate([sample, sample])
    guide = with_face(to_network(batch, masked=False), batch).inputs[2]
    assert guide.shape == (2, 3, 64, 64) and float(guide.max()) == 1.0


def test_points_change_places_in_a_mirror() -> None:
    points = face_points()
    mirrored = (points * (-1, 1) + (63, 0))[list(MIRRORED)]
    assert (
        np.abs(landmark_map(mirrored, 64)[:, ::-1].astype(int) - landmark_map(points, 64)).max()
        < 90
    )


def test_so_many_samples_are_told_nothing() -> None:
    hole = np.zeros((64, 64), bool)
    hole[30:60, 10:54] = True
    sampling = Sampling(lambda *_: hole, landmark_share=0.5, landmark_spread=0.05)
    image = np.zeros((64, 64, 3), np.uint8)
    samples = [sampling(image, face_points(), 32, np.random.default_rng(n)) for n in range(200)]
    told = [
        one is not None and one.landmarks is not None and one.landmarks.any() for one in samples
    ]
    assert 70 < sum(told) < 130
    bare = sampling(image, None, 32, np.random.default_rng(0))
    assert bare is not None and bare.landmarks is not None and not bare.landmarks.any()


def listen_to_landmarks(network: nn.Module) -> None:
    """Give weights to what starts out by saying nothing."""
    for module in network.modules():
        if isinstance(module, GuideFeatures):
            nn.init.normal_(module.convolution.weight, std=0.05)


def test_a_guide_says_nothing_until_it_has_learned_to() -> None:
    torch.manual_seed(0)
    network = create_model("gated", width=8, depth=1, landmarks=True).eval()
    image, hole = torch.rand(2, 3, 64, 64), torch.zeros(2, 1, 64, 64)
    hole[..., 30:60, 10:50] = 1
    told = torch.rand(2, 3, 64, 64)
    free = network(image, hole).completed
    assert torch.equal(network(image, hole, told).completed, free)
    optimizer = torch.optim.Adam(network.parameters(), 1e-4)
    network(image, hole, told).prediction.square().mean().backward()
    optimizer.step()
    assert (network(image, hole, told).completed - network(image, hole).completed).abs().max() > 0


def test_a_guide_is_added_cell_by_cell() -> None:
    said = GuideFeatures(guide_channels=1, channels=1, ratio=4)
    with torch.no_grad():
        # The lower right quarter of a cell, one cell to the left.
        said.convolution.weight[0, 3, 1, 0] = 0.5
    guide = torch.zeros(1, 1, 8, 12)
    guide[..., 2:4, 2:4] = 1.0
    guide[..., 6:8, 6] = 1.0
    expected = torch.zeros(1, 1, 2, 3)
    expected[..., 0, 1], expected[..., 1, 2] = 5.0, 2.5
    assert torch.equal(said(guide), expected)


def test_landmarks_change_a_fill_and_none_leave_it_free() -> None:
    torch.manual_seed(0)
    network = create_model("gated", width=8, depth=1, landmarks=True).eval()
    listen_to_landmarks(network)
    image, hole = torch.rand(1, 3, 70, 64), torch.zeros(1, 1, 70, 64)
    hole[..., 30:60, 10:50] = 1
    told = torch.zeros(1, 3, 70, 64)
    free = network(image, hole).completed
    assert torch.equal(network(image, hole, told).completed, free)
    told[..., 40:50, 20:40] = 1
    assert not torch.equal(network(image, hole, told).completed, free)
    with pytest.raises(InputError, match=r"takes landmarks \(1, 3, 70, 64\)"):
        network(image, hole, hole)
    with pytest.raises(InputError, match="built without a guide"):
        create_model("gated", width=8, depth=1)(image, hole, told)


def test_a_stage_finds_landmarks_and_not_by_what_the_hole_hides(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    crop = cv2.resize(np.ascontiguousarray(astronaut()[150:520, 160:530]), (128, 128))
    hole = np.zeros((128, 128), bool)
    hole[58:104, 30:98] = True
    (found,) = draw_guides([(crop, hole)], [None], [None], torch.device("cpu"), 3)
    rows, columns = np.nonzero(found[..., 1] > 127)
    # Her mouth.
    assert rows.mean() == pytest.approx(74, abs=5) and columns.mean() == pytest.approx(64, abs=5)
    torch.manual_seed(0)
    network = create_model("gated", width=8, depth=1, landmarks=True)
    listen_to_landmarks(network)
    stage = NetworkInpainter(network, image_size=128, device="cpu", precision="float32")
    told = stage.complete([crop], [hole])[0]
    hidden = crop.copy()
    hidden[hole] = (0, 255, 0)
    assert np.array_equal(stage.complete([hidden], [hole])[0], told)
    monkeypatch.setattr(LandmarkFinder, "load", lambda *_, **__: False)
    assert not draw_guides([(crop, hole)], [None], [None], torch.device("cpu"), 3).any()
    assert not np.array_equal(stage.complete([crop], [hole])[0], told)


def test_training_tells_of_landmarks_as_often_as_the_recipe_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = watch_guides(monkeypatch, GatedUNet)
    recipe = short_recipe(
        tmp_path,
        network={"name": "gated-unet", "width": 4, "depth": 1, "landmarks": True},
        phases=(Phase(steps=2, size=32, batch=4),),
        optimizer=OptimizerSettings(warmup_steps=0),
    )
    fit(recipe.with_changes({"data.landmark_share": 1.0}))
    assert len(told) == 2 and all(one.flatten(1).any(dim=1).all() for _, one in told)
    told.clear()
    train_inpainter(
        recipe.with_changes({"data.landmark_share": 1.0}), tmp_path / "run", device="cpu"
    )
    validated = [guide for image, guide in told if len(image) == 2]
    assert validated and all(guide is not None and guide.any() for guide in validated)
    told.clear()
    fit(recipe)
    assert len(told) == 2 and all(one is None for _, one in told)
