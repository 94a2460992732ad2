"""The examples in docstrings run, and give what they say."""

from __future__ import annotations

import doctest
import importlib
import inspect

import pytest

from tests.test_project import PACKAGES, ROOT, sources

WITH_EXAMPLES = [
    path for package in PACKAGES for path in sources(package) if "    >>> " in path.read_text()
]
NEED_DATA = {"evaluate_inpainter", "train_inpainter"}


@pytest.mark.parametrize("path", WITH_EXAMPLES, ids=lambda path: str(path.relative_to(ROOT)))
def test_examples_run(path, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    module = importlib.import_module(".".join(path.relative_to(ROOT).with_suffix("").parts))
    results = doctest.testmod(module)
    assert results.attempted > 0
    assert results.failed == 0


@pytest.mark.parametrize("package", ["pipeline", "inpainter"])
def test_public_functions_have_examples(package):
    names = importlib.import_module(package)
    for name in set(names.__all__) - NEED_DATA:
        value = getattr(names, name)
        assert not inspect.isfunction(value) or ">>> " in (value.__doc__ or ""), name
