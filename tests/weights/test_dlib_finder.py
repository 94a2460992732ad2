from __future__ import annotations

import importlib.util
import sys

import numpy as np
import pytest
from skimage.data import astronaut

from tests.detector.synthesis.faces import astronaut_face
from weights.base.errors import InputError, MissingDependencyError
from weights.landmarks.dlib_finder import DlibLandmarkFinder


def test_missing_dlib_names_the_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "dlib", None)
    with pytest.raises(MissingDependencyError, match=r"unmask\[landmarks\]"):
        DlibLandmarkFinder()


def test_missing_model_names_the_extra(monkeypatch):
    pytest.importorskip("dlib")
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(MissingDependencyError, match=r"unmask\[landmarks\]"):
        DlibLandmarkFinder()


def test_finds_the_astronaut():
    pytest.importorskip("dlib")
    finder = DlibLandmarkFinder(upsample=0)
    found = finder.find(astronaut())
    assert len(found) == 1
    _, landmarks = astronaut_face()
    assert np.abs(found[0] - (landmarks + np.array([125, 20]))).max() < 6
    assert np.array_equal(finder.find_largest(astronaut()), found[0])
    assert finder.find(np.zeros((64, 64, 3), np.uint8)) == []
    assert finder.find_largest(np.zeros((64, 64, 3), np.uint8)) is None
    with pytest.raises(InputError):
        finder.find(np.zeros((64, 64), np.uint8))
