"""Finding dlib's model files."""

from __future__ import annotations

import importlib.util
from importlib.machinery import ModuleSpec

from weights.catalog.dlib_models import find_dlib_model


def test_a_model_is_found_in_the_package_without_importing_it(tmp_path, monkeypatch):
    package = ModuleSpec("face_recognition_models", None, is_package=True)
    package.submodule_search_locations = [str(tmp_path / "nothing"), str(tmp_path)]
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: package)
    (tmp_path / "models").mkdir()
    (tmp_path / "models" / "one.dat").write_bytes(b"")
    assert find_dlib_model("one.dat") == tmp_path / "models" / "one.dat"
    assert find_dlib_model("two.dat") is None


def test_nothing_is_found_without_the_package(monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)
    assert find_dlib_model("one.dat") is None
