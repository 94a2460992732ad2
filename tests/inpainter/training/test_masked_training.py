"""Networks that look at the mask itself are trained on pictures of masked faces."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import cv2
import numpy as np
import pytest
import torch

from inpainter import create_model
from inpainter.data.faces import DecodedFaces, list_faces
from inpainter.data.pairs import DecodedPairs, list_pairs
from inpainter.data.sampling import Sampling
from inpainter.data.statistics import colour_statistics
from inpainter.data.stream import collate, sample_at
from inpainter.holes import create_holes
from inpainter.training import train_inpainter
from inpainter.training.face_data import create_mask_source
from inpainter.training.module import CompletionTraining
from inpainter.training.network_batch import to_network
from inpainter.training.recipe import AdversarialSettings, DataSettings, Phase
from tests.faces import write_faces
from tests.inpainter.training.short_runs import fit, short_recipe
from weights.base.errors import ConfigurationError, InputError, TrainingError

if TYPE_CHECKING:
    from pathlib import Path

WORN = {"name": "detector.synthesis.worn_masks:WornMasks"}


class GreenMasks:
    """Paints the lower half of a picture green, and calls the lowest quarter a hole as well."""

    def __call__(self, image, landmarks, random):
        masked, hole = image.copy(), np.zeros(image.shape[:2], bool)
        masked[len(image) // 2 :] = (0, 255, 0)
        hole[len(image) // 2 :] = True
        return masked, hole


def write_pairs(folder: Path, count: int = 3, side: int = 64) -> Path:
    """Write pairs as `unmask synthesize` does: green squares on random pictures."""
    random = np.random.default_rng(0)
    for part in ("train", "val"):
        for kind in ("images", "masked", "holes"):
            (folder / "pairs" / part / kind).mkdir(parents=True)
        for index in range(count):
            image = np.full((side, side, 3), random.integers(0, 255, 3), np.uint8)
            masked, hole = image.copy(), np.zeros((side, side), np.uint8)
            masked[20:44, 16:48], hole[20:44, 16:48] = (0, 255, 0), 255
            root = folder / "pairs" / part
            cv2.imwrite(str(root / "images" / f"{index}.png"), image[..., ::-1])
            cv2.imwrite(str(root / "masked" / f"{index}.png"), masked[..., ::-1])
            cv2.imwrite(str(root / "holes" / f"{index}.png"), hole)
    return folder


def sampling(**options) -> Sampling:
    settings = {"colour_jitter": 0.0, "grayscale_probability": 0.0, "rotation": 0.0, **options}
    return Sampling(create_holes("centre-box"), **settings)


def test_the_masked_face_is_framed_and_coloured_as_the_true_one(tmp_path: Path) -> None:
    faces = DecodedFaces(list_faces(write_faces(tmp_path), "train"))
    drawn = sampling(masks=GreenMasks(), colour_jitter=0.3, rotation=10.0)
    for index in range(4):
        sample = sample_at(faces, drawn, 48, seed=1, index=index)
        assert sample.masked is not None
        edge = cv2.dilate(sample.hole.astype(np.uint8), np.ones((5, 5))) > 0
        assert np.array_equal(sample.masked[~edge], sample.image[~edge])
        assert (sample.masked[sample.hole] != sample.image[sample.hole]).any(axis=1).mean() > 0.9
    batch = collate(
        [sample_at(faces, replace(drawn, grayscale_probability=1.0), 48, seed=1, index=0)]
    )
    pictures = to_network(batch, masked=True)
    for grey in (pictures.image, pictures.seen):
        torch.testing.assert_close(grey[:, 0], grey[:, 1])


def test_only_networks_that_see_the_hole_get_the_mask(tmp_path: Path) -> None:
    faces = DecodedFaces(list_faces(write_faces(tmp_path), "train"))
    drawn = sampling(masks=GreenMasks(), other_holes=create_holes("free-form"), other_share=1.0)
    batch = collate([sample_at(faces, drawn, 32, seed=0, index=index) for index in range(2)])
    pictures = to_network(batch, masked=True)
    seen, hole = pictures.seen, pictures.hole
    assert pictures.guide is None
    assert not torch.equal(seen, pictures.image)
    assert torch.equal(seen, pictures.known)
    # The truth does not show in the hole that the network is given.
    inner = -torch.nn.functional.max_pool2d(-hole, 5, 1, 2)
    green = torch.tensor([-1.0, 1.0, -1.0]).view(1, 3, 1, 1)
    assert float(((seen - green).abs() * inner).max()) < 0.02
    pictures = to_network(batch, masked=False)
    assert torch.equal(pictures.seen, pictures.image)


def test_faces_that_take_no_mask_are_passed_over(tmp_path: Path) -> None:
    faces = DecodedFaces(list_faces(write_faces(tmp_path), "train"))

    def never(image, landmarks, random):
        return None

    with pytest.raises(TrainingError, match="no mask can be drawn"):
        sample_at(faces, sampling(masks=never), 32, seed=0, index=0)


@pytest.mark.parametrize("name", ["residual-cnn", "paired-gan"])
def test_training_without_masked_pictures_is_refused(name: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="works on pictures of masked faces"):
        CompletionTraining(short_recipe(tmp_path, network={"name": name}))


def test_a_pair_s_colours_are_learned_from_its_mask(tmp_path: Path) -> None:
    recipe = short_recipe(
        tmp_path,
        network={"name": "residual-cnn"},
        losses=({"name": "mse", "region": "hole", "weight": 1.0},),
        data=DataSettings(pairs=str(write_pairs(tmp_path / "data")), validation_count=2),
        phases=(Phase(steps=12, size=32, batch=4, generator_lr=1e-2),),
    )
    losses = [terms["hole_mse"] for terms in fit(recipe).terms]
    assert sum(losses[-3:]) < 0.8 * sum(losses[:3])


def test_pairs_are_found_by_their_names(tmp_path: Path) -> None:
    folder = write_pairs(tmp_path / "data")
    (folder / "pairs" / "train" / "holes" / "1.png").unlink()
    pairs = list_pairs(folder, "train")
    assert [pair.image.stem for pair in pairs] == ["0", "2"]
    assert pairs == list_pairs(folder / "pairs", "train")
    (folder / "pairs" / "train" / "masked" / "2.png").write_bytes(b"broken")
    decoded = DecodedPairs(list_pairs(folder, "train"))
    assert len(decoded) == 1 and "2.png" in decoded.failed[0]
    sample = sample_at(decoded, sampling(), 32, seed=0, index=5)
    assert sample.masked is not None and 0.1 < sample.hole.mean() < 0.6
    with pytest.raises(InputError, match="unmask synthesize"):
        list_pairs(tmp_path, "train")
    cv2.imwrite(str(folder / "pairs" / "val" / "holes" / "0.png"), np.zeros((8, 8), np.uint8))
    assert "differ in size" in DecodedPairs(list_pairs(folder, "val")).failed[0]


def test_what_synthesize_writes_can_be_trained_on(tmp_path: Path) -> None:
    from pipeline.dataset.builder import build_dataset
    from pipeline.dataset.face_source import gather_faces
    from pipeline.dataset.settings import DatasetSettings

    source = write_faces(tmp_path / "faces", side=160, width=160, height=160)
    found, unusable = gather_faces(source, tmp_path / "data", "annotations")
    settings = DatasetSettings(pairs=1, scenes=0, size=64)
    build_dataset(found, tmp_path / "data", settings, workers=1, unusable=unusable)
    assert len(DecodedPairs(list_pairs(tmp_path / "data", "train"))) == 4


def test_measured_colours_are_the_training_split_s(tmp_path: Path) -> None:
    half = np.zeros((2, 4, 3), np.uint8)
    half[:, 2:] = 255
    found = colour_statistics([half, half])
    assert found == {"mean": [0.0] * 3, "deviation": [1.0] * 3, "mean_colour": [0.5] * 3}
    with pytest.raises(ConfigurationError, match="Did you mean 'deviation'"):
        short_recipe(tmp_path, measured=("deviations",))
    faces = write_faces(tmp_path / "faces")
    recipe = short_recipe(
        tmp_path,
        network={"name": "residual-cnn", "deviation": [0.5, 0.5, 0.5]},
        measured=("mean", "deviation"),
        data=DataSettings(faces=str(faces), masked=WORN, validation_count=2),
    )
    trained = train_inpainter(recipe, tmp_path / "run", device="cpu")
    network = create_model("residual-cnn", pretrained=str(trained.weights))
    images = DecodedFaces(list_faces(faces, "train")).images()
    expected = np.mean([image.reshape(-1, 3).mean(axis=0) for image in images], axis=0)
    np.testing.assert_allclose(network.mean.flatten(), expected / 127.5 - 1.0, atol=1e-3)
    assert network.deviation.flatten().tolist() == [0.5] * 3


def test_the_paired_game_logs_the_mean_scores(tmp_path: Path) -> None:
    recipe = short_recipe(
        tmp_path,
        network={"name": "paired-gan"},
        data=DataSettings(
            faces=str(write_faces(tmp_path / "faces")), masked=GreenMasks(), validation_count=2
        ),
        adversarial=AdversarialSettings(
            {"name": "paired", "channels": [4, 1]}, kind="bce", picture="prediction"
        ),
    )
    module = fit(recipe)
    metrics = module.trainer.callback_metrics
    assert 0.0 < float(metrics["train/real_score"]) < 1.0
    assert 0.0 < float(metrics["train/fake_score"]) < 1.0


def test_mask_sources_by_dotted_path() -> None:
    assert create_mask_source(None) is None
    assert create_mask_source(WORN) is not None
    with pytest.raises(ConfigurationError, match="Did you mean 'growth'"):
        create_mask_source({**WORN, "grwth": 0.1})
