"""Networks may see a photo of the face, or of one like it: warped to it, and in its light."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch
from torch import nn

from inpainter import NetworkInpainter, create_model
from inpainter.data.donors import Donors
from inpainter.data.faces import DecodedFaces, list_faces
from inpainter.data.other_photo import other_photo
from inpainter.data.reference_map import reference_map
from inpainter.data.sampling import Sampling
from inpainter.data.stream import collate
from inpainter.networks.blocks.guide_features import FaceGuideFeatures, GuideFeatures
from inpainter.training.network_batch import to_network, with_face
from tests.faces import draw_face, write_faces
from weights.base.contracts import FacePhoto

if TYPE_CHECKING:
    from pathlib import Path

SIDE = 160


def some_face(seed: int = 0) -> FacePhoto:
    return FacePhoto(*draw_face(np.random.default_rng(seed), SIDE))


def lower_hole() -> np.ndarray:
    hole = np.zeros((SIDE, SIDE), bool)
    hole[85:140, 45:115] = True
    return hole


def test_a_face_s_own_photo_lies_where_the_face_is_and_nowhere_else() -> None:
    face = some_face()
    drawn = reference_map(face, face.image, lower_hole(), face.points)
    shown = drawn[..., 3] == 255
    assert not drawn[~shown].any()
    inside = np.zeros((SIDE, SIDE), bool)
    x, y = np.rint(face.points[33]).astype(int)
    inside[y - 10 : y + 25, x - 15 : x + 15] = True
    assert shown[inside].all() and not shown[:20].any()
    difference = drawn[inside][:, :3].astype(int) - face.image[inside]
    assert np.abs(difference).mean() < 8.0


def test_a_photo_in_other_light_is_lit_like_the_face() -> None:
    face = some_face()
    dark = FacePhoto((face.image * 0.6).astype(np.uint8), face.points)
    hole = lower_hole()
    drawn = reference_map(dark, face.image, hole, face.points)
    mouth = hole & (drawn[..., 3] == 255)
    before = np.abs(dark.image[mouth].astype(int) - face.image[mouth]).mean()
    after = np.abs(drawn[mouth][:, :3].astype(int) - face.image[mouth]).mean()
    assert after < before / 3.0


def test_another_photo_keeps_the_landmarks_on_the_face() -> None:
    face, random = some_face(), np.random.default_rng(3)
    turned = 0
    for _ in range(20):
        other = other_photo(face, random)
        assert other.image.shape == face.image.shape and other.image.dtype == np.uint8
        # Left of the picture stays left.
        assert other.points[36, 0] < other.points[45, 0]
        at = np.rint(other.points[36:48].mean(axis=0)).astype(int)
        own = np.rint(face.points[36:48].mean(axis=0)).astype(int)
        turned += abs(int(at[0]) - int(SIDE - 1 - own[0])) <= 2
    assert turned > 3


def test_the_likest_donor_is_the_face_itself_and_then_one_of_its_form() -> None:
    faces = [some_face(seed) for seed in range(6)]
    donors = Donors(faces)
    for index, face in enumerate(faces):
        assert donors.nearest(*face) == [index]
        others = donors.nearest(*face, count=5, without=[index])
        assert sorted([*others, index]) == list(range(6))
    wide = FacePhoto(faces[0].image, faces[0].points * (1.02, 1.0))
    far = FacePhoto(faces[0].image, faces[0].points * (1.5, 1.0))
    assert Donors([far, wide]).nearest(*faces[0]) == [1]


def test_samples_get_references_as_often_as_asked() -> None:
    face, hole = some_face(), lower_hole()
    sampling = Sampling(lambda *_: hole, landmark_share=1.0, reference_share=0.5)
    samples = [sampling(*face, 64, np.random.default_rng(seed)) for seed in range(60)]
    shown = [
        one is not None and one.reference is not None and one.reference.any() for one in samples
    ]
    assert 18 < sum(shown) < 42
    plain = Sampling(lambda *_: hole, landmark_share=1.0)(*face, 64, np.random.default_rng(0))
    assert plain is not None and plain.reference is None


def test_a_donor_is_shown_in_the_place_of_the_face_s_own_photo() -> None:
    face, hole = some_face(), lower_hole()
    green = FacePhoto(np.full_like(face.image, (0, 255, 0)), face.points)
    sampling = Sampling(lambda *_: hole, landmark_share=1.0, reference_share=1.0)
    sample = sampling(*face, 64, np.random.default_rng(0), green)
    assert sample is not None and sample.reference is not None
    shown = sample.reference[..., 3] == 255
    red, level = sample.reference[shown][:, 0], sample.reference[shown][:, 1]
    # Matched in light to the skin, it is of one colour everywhere still.
    assert np.ptp(red) < 30 and np.ptp(level) < 60


def test_donors_are_other_faces_of_the_set(tmp_path: Path) -> None:
    faces = DecodedFaces(list_faces(write_faces(tmp_path / "faces", 8, 320), "train"))
    sampling = Sampling(
        lambda *_: np.ones((320, 320), bool),
        landmark_share=1.0,
        reference_share=1.0,
        donor_share=1.0,
    )
    for index in range(len(faces)):
        donor = faces._donor(index, sampling, np.random.default_rng(index))
        assert donor is not None
        assert not np.array_equal(donor.image, faces[index][0])
    own = Sampling(lambda *_: np.ones((320, 320), bool), reference_share=1.0)
    assert faces._donor(0, own, np.random.default_rng(0)) is None


def test_a_batch_s_guide_has_landmarks_then_the_photo_in_the_picture_s_colours() -> None:
    face, hole = some_face(), lower_hole()
    sampling = Sampling(lambda *_: hole, landmark_share=1.0, reference_share=1.0, colour_jitter=0.3)
    batch = collate([sampling(*face, 64, np.random.default_rng(1), face)])  # type: ignore[list-item]
    pictures = with_face(to_network(batch, masked=False), batch)
    guide = pictures.inputs[2]
    assert guide.shape == (1, 7, 64, 64)
    shown = guide[0, 6] > 0.5
    assert not guide[0, 3:6, ~shown].any()
    own = (pictures.image[0, :, shown] + 1.0) / 2.0
    assert float((guide[0, 3:6, shown] - own).abs().mean()) < 0.06


def test_a_photo_changes_a_fill_and_a_black_one_is_not_none() -> None:
    torch.manual_seed(0)
    network = create_model("gated", width=8, depth=1, reference=True).eval()
    image, hole = torch.rand(1, 3, 64, 64), torch.zeros(1, 1, 64, 64)
    hole[..., 30:60, 10:50] = 1
    guide = torch.zeros(1, 7, 64, 64)
    guide[:, 6, 20:60, 10:50] = 1.0
    free = network(image, hole).completed
    assert torch.equal(network(image, hole, guide).completed, free)
    for module in network.modules():
        if isinstance(module, GuideFeatures):
            nn.init.normal_(module.convolution.weight, std=0.05)
    assert not torch.equal(network(image, hole, guide).completed, free)
    features = FaceGuideFeatures(2, ratio=2, reference=True)
    nn.init.ones_(features.reference.convolution.weight)  # type: ignore[union-attr]
    grey = guide.clone()
    grey[:, 3:6, 20:60, 10:50] = 0.5
    inside = features(grey)[0, 0, 15:25, 10:20]
    # Mid-grey says only that something is shown: ten times nine cells of four pixels.
    assert inside.allclose(torch.full_like(inside, 360.0))


def test_a_stage_shows_the_photo_to_the_network() -> None:
    face, hole = some_face(), lower_hole()
    torch.manual_seed(0)
    network = create_model("gated", width=8, depth=1, reference=True)
    for module in network.modules():
        if isinstance(module, GuideFeatures):
            nn.init.normal_(module.convolution.weight, std=0.05)
    stage = NetworkInpainter(network, image_size=SIDE, device="cpu", precision="float32")
    crops, holes, points = [face.image], [hole], [face.points]
    guess = stage.complete_guided(crops, holes, points)[0]
    shown = stage.complete_guided(crops, holes, points, [some_face(1)])[0]
    assert not np.array_equal(shown[hole], guess[hole])
    assert np.array_equal(shown[~hole], face.image[~hole])
    hidden = face.image.copy()
    hidden[hole] = (0, 255, 0)
    assert np.array_equal(stage.complete_guided([hidden], holes, points, [some_face(1)])[0], shown)


@pytest.mark.parametrize("size", [48, 200])
def test_a_photo_fits_whatever_the_sizes(size: int) -> None:
    face = some_face()
    drawn = reference_map(
        face,
        np.full((size, size, 3), 128, np.uint8),
        np.zeros((size, size), bool),
        (face.points + 0.5) * (size / SIDE) - 0.5,
    )
    assert drawn.shape == (size, size, 4)
    share = float((drawn[..., 3] == 255).mean())
    assert share == pytest.approx(0.2, abs=0.1)
