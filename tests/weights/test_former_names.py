from __future__ import annotations

import importlib
import importlib.util
import subprocess
import sys
from pathlib import Path

import pytest

from weights.former_names import FORMER_NAMES

ROOT = Path(__file__).parents[2]


def by_former_name(name: str):
    sys.modules.pop(name, None)
    with pytest.warns(DeprecationWarning, match=f"{name} is now"):
        return importlib.import_module(name)


@pytest.mark.parametrize(("former", "present"), FORMER_NAMES.items())
def test_a_former_name_gives_the_module_itself_and_warns(former, present):
    module = importlib.import_module(present)
    assert by_former_name(former) is module
    assert module.__name__ == module.__spec__.name == present


@pytest.mark.parametrize("former", FORMER_NAMES)
def test_nothing_lies_under_a_former_name(former):
    path = ROOT.joinpath(*former.split("."))
    assert not path.with_suffix(".py").exists()
    assert not list(path.glob("*.py"))


def test_what_a_former_package_holds_is_found():
    from weights.images import writing

    assert by_former_name("pipeline.pictures.writing") is writing


def test_an_unknown_module_stays_unknown():
    with pytest.raises(ModuleNotFoundError, match=r"weights\.eror"):
        importlib.import_module("weights.eror")


@pytest.mark.parametrize("package", ["weights", "detector", "inpainter", "pipeline"])
def test_every_package_keeps_its_former_names_in_a_new_process(package):
    former, present = next(
        pair for pair in FORMER_NAMES.items() if pair[0].startswith(package + ".")
    )
    code = f"import {former} as one, {present} as other\nassert one is other"
    command = [sys.executable, "-W", "default", "-c", code]
    result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
    assert f"<string>:1: DeprecationWarning: The module {former} is now {present}" in result.stderr
