"""`import unmask`: what it gives, and what it says when something stands in the way."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture
def installed(tmp_path):
    """Run Python in a folder, with unmask's packages on its path as a wheel would put them."""
    packages = tmp_path / "packages"
    packages.mkdir()
    for name in ("pipeline", "detector", "inpainter", "weights"):
        (packages / name).symlink_to(ROOT / name)
    (packages / "unmask").symlink_to(ROOT / "pipeline" / "public")
    work = tmp_path / "work"
    work.mkdir()

    def run(*arguments, **environment):
        return subprocess.run(
            [sys.executable, *arguments],
            cwd=work,
            env={**os.environ, "PYTHONPATH": str(packages), **environment},
            capture_output=True,
            text=True,
            check=False,
        )

    run.folder = work
    return run


def test_setuptools_installs_the_folder_as_unmask(monkeypatch):
    from setuptools import Distribution

    monkeypatch.chdir(ROOT)
    distribution = Distribution({"script_name": "setup.py"})
    distribution.parse_config_files()
    build = distribution.get_command_obj("build_py")
    build.ensure_finalized()
    modules = {(package, module): path for package, module, path in build.find_all_modules()}
    assert Path(modules["unmask", "__init__"]) == Path("pipeline/public/__init__.py")
    assert Path(modules["unmask", "__main__"]) == Path("pipeline/public/__main__.py")
    assert not any(package.startswith("pipeline.public") for package, _ in modules)


def test_the_names_that_everybody_types_first_are_those_of_the_packages(installed):
    done = installed(
        "-c",
        "from unmask import unmask, Pipeline, UnmaskError, MaskRegion, detector, inpainter\n"
        "import pipeline, sys, unmask as package, weights.base.errors\n"
        "print('torch' in sys.modules)\n"
        "print(unmask is pipeline.unmask, Pipeline is pipeline.Pipeline)\n"
        "print(UnmaskError is weights.base.errors.UnmaskError)\n"
        "print(MaskRegion is detector.MaskRegion, detector is sys.modules['detector'])\n"
        "print('gated' in inpainter.list_models(), package.__version__[0].isdigit())\n"
        "names = set(pipeline.__all__) | {'detector', 'inpainter'}\n"
        "print(names == set(package.__all__) <= set(dir(package)))\n"
        "print(all(hasattr(package, name) for name in package.__all__))\n",
    )
    assert done.stderr == ""
    assert done.stdout.split() == ["False", *["True"] * 9]


TYPED = """
from collections.abc import Iterator
from pathlib import Path
from typing import assert_type

import numpy as np
import PIL.Image
from numpy.typing import NDArray

from unmask import MaskRegion, Pipeline, UnmaskResult, unmask
from unmask import FaceFill, Hole, Image, Mask, PictureSource, UnmaskError

Array = NDArray[np.uint8]


def check(array: Array, image: PIL.Image.Image, whole: bool, either: PictureSource) -> None:
    assert_type(unmask(array, device="cpu"), Array)
    assert_type(unmask(b"", mask=array), bytes)
    assert_type(unmask("photo.jpg", inpainter="telea"), PIL.Image.Image)
    assert_type(unmask(Path("photo.jpg")), PIL.Image.Image)
    assert_type(unmask(image, return_result=False), PIL.Image.Image)
    assert_type(unmask(image, return_result=True), UnmaskResult)
    assert_type(unmask(either, return_result=True), UnmaskResult)
    anything = unmask(image, return_result=whole)
    assert_type(anything, Array | bytes | PIL.Image.Image | UnmaskResult)
    pipeline = Pipeline(detector=find)
    assert_type(pipeline(array), Array)
    assert_type(pipeline(b""), bytes)
    assert_type(pipeline("photo.jpg", mask=array), PIL.Image.Image)
    assert_type(pipeline(image), PIL.Image.Image)
    assert_type(pipeline(array, return_result=True), UnmaskResult)
    assert_type(pipeline.run([array]), list[UnmaskResult])
    assert_type(pipeline.run([array], on_error="return"), list[UnmaskResult | Exception])
    assert_type(pipeline.stream([array]), Iterator[UnmaskResult])
    result = unmask(array, return_result=True)
    assert_type(result.regions, list[MaskRegion])
    assert_type(result.faces, tuple[FaceFill, ...])
    hole: Hole = result.hole
    mask: Mask = result.regions[0].mask
    painted: Image = result.image


def find(image: Image) -> Mask:
    raise UnmaskError("nobody here")
"""


def test_a_strict_type_checker_knows_what_comes_back(installed):
    (installed.folder / "typed.py").write_text(TYPED)
    wrong = "from unmask import unmask\nunmask('a.jpg').shape\nunmask(b'').size\nunmask(1)\n"
    wrong += "from unmask import Pipeline\nPipeline(confidence=0.5)\n"
    (installed.folder / "wrong.py").write_text(wrong)
    options = ["--strict", "--follow-imports=silent", "--no-error-summary", "--config-file="]
    places = {"MYPYPATH": str(installed.folder.parent / "packages")}
    done = installed("-m", "mypy", *options, "typed.py", "wrong.py", **places)
    complaints = done.stdout.splitlines()
    assert [line.partition(" error")[0] for line in complaints if ": error" in line] == [
        "wrong.py:2:",
        "wrong.py:3:",
        "wrong.py:4:",
        "wrong.py:6:",
    ], done.stdout + done.stderr


def test_an_unknown_name_is_an_attribute_error(installed):
    done = installed("-c", "import unmask\nprint(hasattr(unmask, 'remove'))")
    assert (done.stdout, done.stderr) == ("False\n", "")


def test_python_m_unmask_is_the_program(installed):
    done = installed("-m", "unmask", "--help")
    assert done.returncode == 0
    assert "Take the face mask off the person in a photo." in done.stdout


@pytest.mark.parametrize(
    ("path", "what"),
    [
        ("pipeline.py", "the file {}/pipeline.py"),
        ("weights/__init__.py", "the package {}/weights"),
    ],
)
@pytest.mark.parametrize("name", ["unmask", "Pipeline", "__version__"])
def test_what_stands_in_the_place_of_a_part_is_named_and_not_run(installed, path, what, name):
    stranger = installed.folder / path
    stranger.parent.mkdir(exist_ok=True)
    stranger.write_text("print('this was run')\n")
    done = installed("-c", f"from unmask import {name}")
    assert (done.returncode, done.stdout) == (1, "")
    last = done.stderr.strip().splitlines()[-1]
    part = Path(path).parts[0].removesuffix(".py")
    assert last == (
        f"ImportError: unmask needs its own package {part!r}, but Python finds "
        f"{what.format(installed.folder)} in its place: rename that, or start Python from another "
        "folder."
    )


def test_a_script_of_the_name_of_a_part_learns_that_it_stands_in_the_way(installed):
    (installed.folder / "pipeline.py").write_text("from unmask import unmask\nprint(unmask)\n")
    done = installed("pipeline.py")
    assert (done.returncode, done.stdout) == (1, "")
    assert f"finds the file {installed.folder / 'pipeline.py'} in its place" in done.stderr
    assert done.stderr.count("ImportError: ") == 1


def test_a_folder_of_weights_that_is_no_package_stands_in_nobodys_way(installed):
    (installed.folder / "weights").mkdir()
    (installed.folder / "weights" / "best.pt").touch()
    done = installed("-c", "from unmask import Pipeline; print(Pipeline.__name__)")
    assert (done.stdout, done.stderr) == ("Pipeline\n", "")


def test_a_part_that_is_missing_is_named(installed):
    (Path(installed.folder).parent / "packages" / "weights").unlink()
    # Without site-packages, where unmask may be installed.
    done = installed("-S", "-c", "import unmask")
    last = done.stderr.strip().splitlines()[-1]
    assert last == "ImportError: unmask's package 'weights' is not installed: reinstall unmask."
