"""Dlib's face network in torch, and what is built on it."""

from __future__ import annotations

import importlib.util

import numpy as np
import pytest
import torch
from skimage.data import astronaut

import inpainter.face_features as face_features
from inpainter.discriminators.projected import ProjectedDiscriminator, stack_scores
from inpainter.face_features import LEVELS, FaceFeatures
from inpainter.losses import FacePerceptualLoss
from inpainter.registry import create_discriminator
from weights.errors import ConfigurationError, MissingDependencyError, WeightsError

needs_model = pytest.mark.skipif(
    importlib.util.find_spec("face_recognition_models") is None,
    reason="the extra landmarks is not installed",
)


def astronaut_face() -> np.ndarray:
    return np.ascontiguousarray(astronaut()[30:180, 150:300])


def as_tensor(image: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(image).permute(2, 0, 1)[None].float() / 127.5 - 1.0


def lower_half_hole(side: int) -> torch.Tensor:
    hole = torch.zeros(1, 1, side, side)
    hole[:, :, side // 2 :] = 1.0
    return hole


@needs_model
class TestFaceFeatures:
    def test_the_descriptor_equals_dlibs_own(self):
        dlib = pytest.importorskip("dlib")
        theirs = dlib.face_recognition_model_v1(str(face_features._find_weights()))
        wanted = np.array(theirs.compute_face_descriptor(astronaut_face()))
        with torch.no_grad():
            ours = FaceFeatures().embed(as_tensor(astronaut_face()))[0].numpy()
        assert np.abs(ours - wanted).max() < 1e-5

    def test_maps_halve_level_by_level(self):
        maps = FaceFeatures()(torch.zeros(2, 3, 128, 128))
        assert [one.shape[1] for one in maps] == list(LEVELS)
        sides = [one.shape[2] for one in maps]
        assert sides == sorted(sides, reverse=True) and sides[0] == 61

    def test_size_brings_any_picture_to_one_size(self):
        features = FaceFeatures(size=128)
        assert (
            features(torch.zeros(1, 3, 96, 96))[0].shape
            == features(torch.zeros(1, 3, 200, 200))[0].shape
        )

    def test_nothing_is_learnt_or_saved(self):
        features = FaceFeatures().requires_grad_(True)
        assert not list(features.parameters())
        assert not features.state_dict()


class TestBadFiles:
    def test_a_missing_package_names_the_extra(self, monkeypatch):
        monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)
        with pytest.raises(MissingDependencyError, match=r"unmask\[landmarks\]"):
            FaceFeatures()

    def test_a_missing_file_is_named(self, tmp_path):
        with pytest.raises(WeightsError, match=r"none\.dat"):
            FaceFeatures(weights=tmp_path / "none.dat")

    @pytest.mark.parametrize("content", [b"", b"no network", b"\x05con_4\x01\x02\x01\x09"])
    def test_another_file_is_refused(self, tmp_path, content):
        (tmp_path / "other.dat").write_bytes(content)
        with pytest.raises(WeightsError, match="is not dlib's face recognition network"):
            FaceFeatures(weights=tmp_path / "other.dat")


@needs_model
class TestFacePerceptualLoss:
    def test_only_the_hole_counts(self):
        face = as_tensor(astronaut_face())
        hole = lower_half_hole(150)
        loss = FacePerceptualLoss()
        changed_outside = torch.where(hole > 0.5, face, -face)
        assert loss(changed_outside, face, hole) < 1e-5
        blurred = torch.nn.functional.avg_pool2d(face, 15, 1, 7)
        blurred_much = torch.nn.functional.avg_pool2d(face, 41, 1, 20)
        assert 0.01 < loss(blurred, face, hole) < loss(blurred_much, face, hole)

    def test_following_it_downhill_brings_the_face_back(self):
        face = as_tensor(astronaut_face())
        hole = lower_half_hole(150)
        loss = FacePerceptualLoss()
        guess = torch.where(hole > 0.5, 0.0, face).requires_grad_()
        optimizer = torch.optim.Adam([guess], 0.05)
        before = loss(guess, face, hole).item()
        for _ in range(8):
            optimizer.zero_grad()
            loss(guess, face, hole).backward()
            optimizer.step()
        assert loss(guess, face, hole).item() < 0.8 * before

    @pytest.mark.parametrize("shares", [(1.0,), (0.0,) * 5, (1.0, 1.0, 1.0, 1.0, -1.0)])
    def test_bad_level_weights_are_refused(self, shares):
        with pytest.raises(ConfigurationError, match="level_weights"):
            FacePerceptualLoss(shares)


@needs_model
class TestProjectedDiscriminator:
    def test_it_learns_to_tell_a_smeared_face_from_a_true_one_in_a_few_steps(self):
        torch.manual_seed(0)
        face = as_tensor(astronaut_face())
        hole = lower_half_hole(150)
        smeared = torch.where(hole > 0.5, torch.nn.functional.avg_pool2d(face, 31, 1, 15), face)
        discriminator = ProjectedDiscriminator(width=32)
        optimizer = torch.optim.Adam(discriminator.parameters(), 2e-3)
        for _ in range(12):
            (scores,) = discriminator(torch.cat([face, smeared]), torch.cat([hole, hole]))
            real, fake = scores.chunk(2)
            loss = torch.relu(1 - real).mean() + torch.relu(1 + fake).mean()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        assert real.mean() > fake.mean() + 0.2

    def test_each_level_gets_a_channel_and_the_same_share(self):
        discriminator = ProjectedDiscriminator(width=16, levels=(1, 3))
        (scores,) = discriminator(torch.zeros(2, 3, 128, 128), torch.zeros(2, 1, 128, 128))
        finest = FaceFeatures()(torch.zeros(1, 3, 128, 128))[1].shape[2]
        assert scores.shape == (2, 2, finest, finest)

    def test_stacking_keeps_a_map_that_divides_the_largest(self):
        coarse = torch.tensor([[[[1.0, 2.0], [3.0, 4.0]]]])
        stacked = stack_scores([torch.zeros(1, 1, 4, 4), coarse])
        assert stacked.shape == (1, 2, 4, 4)
        assert stacked[0, 1].mean() == coarse.mean()

    @pytest.mark.parametrize("levels", [(), (5,), (-1, 0)])
    def test_unknown_levels_are_refused(self, levels):
        with pytest.raises(ConfigurationError, match="levels"):
            ProjectedDiscriminator(levels=levels)


@needs_model
class TestEnsemble:
    def test_members_count_alike(self):
        ensemble = create_discriminator(
            "ensemble",
            members=[
                {"name": "projected", "width": 16, "levels": [1, 2]},
                {"name": "sn-patchgan", "channels": [8, 8, 4]},
            ],
        )
        ensemble.eval()
        *features, scores = ensemble(torch.zeros(2, 3, 128, 128), torch.zeros(2, 1, 128, 128))
        assert len(features) == 2
        judged = torch.zeros(2, 3, 128, 128), torch.zeros(2, 1, 128, 128)
        alone = [member(*judged)[-1] for member in ensemble.members]
        assert scores.shape[1] == 4
        means = [one.mean() for one in alone]
        assert scores.mean().item() == pytest.approx(torch.stack(means).mean().item(), abs=1e-3)


def test_an_empty_ensemble_is_refused():
    with pytest.raises(ConfigurationError, match="at least one member"):
        create_discriminator("ensemble", members=[])
