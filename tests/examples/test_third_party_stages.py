"""The template package, installed without network and tried as its user would."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import PIL.Image
import pytest

ROOT = Path(__file__).parents[2]
TEMPLATE = ROOT / "examples" / "third_party_stages"


def install(source: Path, packages: Path) -> dict[str, str]:
    """The environment in which a package is installed."""
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-index"]
    command += ["--no-build-isolation", "--target", str(packages), str(source)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    path = os.pathsep.join([str(packages), str(ROOT)])
    return {**os.environ, "PYTHONPATH": path, "NO_COLOR": "1"}


def copy_template(folder: Path) -> Path:
    # setuptools builds inside the source folder, which must stay as it is.
    source = folder / "source"
    return shutil.copytree(TEMPLATE, source, ignore=shutil.ignore_patterns("__pycache__"))


@pytest.fixture(scope="module")
def installed(tmp_path_factory) -> dict[str, str]:
    """The environment in which the template is installed."""
    folder = tmp_path_factory.mktemp("third_party")
    return install(copy_template(folder), folder / "packages")


def run(installed, *arguments, cwd=ROOT):
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=cwd,
        env=installed,
        capture_output=True,
        text=True,
        check=False,
    )


def check_own_tests(environment, source, folder):
    # From a folder of its own, so that neither the template's nor unmask's settings apply.
    tests = shutil.copytree(source / "tests", folder / "copy" / "checks")
    shutil.copy(source / "pyproject.toml", folder / "copy")
    done = run(environment, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(tests), cwd=folder)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "passed" in done.stdout
    assert "skipped" not in done.stdout


def test_its_own_tests_pass(installed, tmp_path):
    check_own_tests(installed, TEMPLATE, tmp_path)


@pytest.mark.skipif(os.name != "posix", reason="the README's commands are a shell's")
def test_its_own_tests_pass_once_it_is_renamed_as_its_readme_says(tmp_path):
    source = copy_template(tmp_path)
    readme = (source / "README.md").read_text(encoding="utf-8")
    commands = re.search(r"```sh\n(\s*sed .*?)```", readme, re.DOTALL)[1]
    subprocess.run(commands, shell=True, cwd=source, check=True)
    project = source / "pyproject.toml"
    text = project.read_text(encoding="utf-8")
    assert "example" not in text.replace("unmask-example-stages", "")
    text = text.replace('colour = "', 'paint = "').replace('mirror = "', 'reflect = "')
    project.write_text(text, encoding="utf-8")
    environment = install(source, tmp_path / "packages")
    assert (
        sorted(path.name for path in (tmp_path / "packages").glob("my_stages*"))[0] == "my_stages"
    )
    check_own_tests(environment, source, tmp_path)


def test_the_names_are_listed_and_lead_nowhere_heavy(installed):
    done = run(
        installed,
        "-c",
        "import sys\n"
        "from pipeline import create_stage, stage_names\n"
        "print('colour' in stage_names('detector'), 'mirror' in stage_names('inpainter'))\n"
        "create_stage('detector', 'colour')\n"
        "print('torch' in sys.modules)\n",
    )
    assert done.stdout.split() == ["True", "True", "False"], done.stderr


def test_the_command_line_takes_the_names(installed, tmp_path):
    picture = np.full((96, 128, 3), (200, 160, 140), np.uint8)
    picture[40:80, 40:90] = (135, 180, 215)
    PIL.Image.fromarray(picture).save(tmp_path / "photo.png")
    done = run(
        installed,
        *("-m", "pipeline", "run", "photo.png", "-o", "out.png"),
        *("--detector", "colour", "--inpainter", "mirror", "--device", "cpu"),
        cwd=tmp_path,
    )
    assert done.returncode == 0, done.stderr
    result = np.asarray(PIL.Image.open(tmp_path / "out.png").convert("RGB"))
    assert np.array_equal(result[:30], picture[:30])
    assert np.abs(result[60, 65].astype(int) - (200, 160, 140)).max() < 12


def test_a_name_that_is_taken_is_told_with_both_packages(installed):
    done = run(
        installed,
        "-c",
        "from importlib.metadata import EntryPoint\n"
        "import pipeline.stages.registry as registry\n"
        "registry.BUILT_IN['detector']['colour'] = 'detector:YoloMaskDetector'\n"
        "registry.create_stage('detector', 'colour')\n",
    )
    assert done.returncode == 1
    last = done.stderr.strip().splitlines()[-1]
    assert "Two detectors are named 'colour'" in last
    assert "unmask_example_stages.colour_detector:ColourDetector" in last
