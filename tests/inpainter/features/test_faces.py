"""Dlib's face network in torch, and what is built on it."""

from __future__ import annotations

import importlib.util

import numpy as np
import pytest
import torch
from skimage.data import astronaut

import inpainter.features.faces as face_features
from inpainter.features.faces import LEVELS, FaceFeatures
from weights.base.errors import MissingDependencyError, WeightsError
from weights.catalog.dlib_models import find_dlib_model

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
        theirs = dlib.face_recognition_model_v1(str(find_dlib_model(face_features._FILE)))
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
