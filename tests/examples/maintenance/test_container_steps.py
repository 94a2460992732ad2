from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tomllib
from importlib.util import find_spec
from pathlib import Path

import pytest

from examples.maintenance import container_steps
from examples.maintenance.container_steps import (
    ROOT,
    ContainerSteps,
    context_files,
    read_dockerfile,
)
from weights.base.errors import ConfigurationError, InputError

DOCKERFILE = ROOT / "Dockerfile"


def test_the_dockerfile_passes_hadolint():
    beside_python = str(Path(sys.executable).parent)
    hadolint = shutil.which("hadolint", path=os.pathsep.join([beside_python, os.environ["PATH"]]))
    if hadolint is None:
        pytest.skip("hadolint is not installed")
    result = subprocess.run(
        [hadolint, "--failure-threshold", "style", str(DOCKERFILE)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stdout


def test_the_image_is_small_and_runs_as_nobody_in_particular():
    instructions = read_dockerfile(DOCKERFILE)
    names = [one.name for one in instructions]
    last = len(names) - 1 - names[::-1].index("FROM")
    assert names.count("FROM") == 2
    assert all("-slim" in one.value for one in instructions if one.name == "FROM")
    assert "RUN" not in names[last:], "the last stage only copies what the first one built"
    final = {one.name: one.value for one in instructions[last:]}
    user, _, group = final["USER"].partition(":")
    assert int(user) > 0
    assert int(group) > 0
    assert "/health" in final["HEALTHCHECK"]
    assert final["ENTRYPOINT"] == '["unmask"]'
    assert not any(one.name == "ADD" for one in instructions)
    assert any("opencv-python-headless" in one.value for one in instructions)
    default = next(one.value for one in instructions if one.value.startswith("TORCH_INDEX="))
    assert default.endswith("/whl/cpu")


def test_the_context_holds_the_packages_and_nothing_else():
    files = context_files(ROOT)
    assert {path.parts[0] for path in files} == {
        "LICENSE",
        "README.md",
        "detector",
        "inpainter",
        "pipeline",
        "pyproject.toml",
        "weights",
    }
    assert not any("__pycache__" in path.parts for path in files)
    assert any(path.suffix == ".safetensors" for path in files)


def test_the_last_pattern_that_speaks_of_a_path_decides(tmp_path):
    for name in ("a/keep.txt", "a/b/drop.log", "a/b/keep.log", "other.txt"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    (tmp_path / ".dockerignore").write_text("# no logs\n*\n!a\n**/*.log\n!a/b/keep.log\n")
    assert [path.as_posix() for path in context_files(tmp_path)] == ["a/b/keep.log", "a/keep.txt"]


def test_a_dry_run_runs_nothing(tmp_path, capsys):
    assert container_steps.main(["--dry-run", "--folder", str(tmp_path / "image")]) == 0
    assert "All steps are fine." in capsys.readouterr().out
    assert not list((tmp_path / "image").rglob("site-packages"))


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("FROM python:3.11-slim\nCOPY missing ./\n", "the context has no 'missing'"),
        ("FROM python:3.11-slim\nCOPY --from=other /a /a\n", "no stage 'other'"),
        ("FROM python:3.11-slim\nRUN ls /opt/unmask\n", "name absolute paths by a variable"),
        ("FROM python:3.11-slim\nRUN if true\n", "the shell does not understand it"),
        ("FROM python:3.11-slim\nUSER root\n", "must not run as root"),
        ("FROM python:3.11-slim\nVOLUME x\n", "does not know the instruction"),
        ("FROM alpine\n", "python:3.*-slim only"),
        ("FROM python:3.11-slim\nCMD unmask serve\n", "JSON list"),
        ("# nothing\n", "no FROM"),
    ],
)
def test_what_is_wrong_in_a_dockerfile_is_one_sentence(tmp_path, text, sentence):
    path = tmp_path / "Dockerfile"
    path.write_text(text)
    steps = ContainerSteps(tmp_path / "image", dry=True)
    with pytest.raises(ConfigurationError) as raised:
        steps.build(read_dockerfile(path))
    assert sentence in str(raised.value)


def test_a_folder_that_holds_something_is_refused(tmp_path):
    (tmp_path / "mine.txt").touch()
    with pytest.raises(InputError, match="new or empty"):
        ContainerSteps(tmp_path, dry=True)
    assert container_steps.main(["--folder", str(tmp_path)]) == 2


def test_the_command_is_a_program_of_the_project_and_its_options_exist(tmp_path):
    stage = ContainerSteps(tmp_path / "image", dry=True).build(read_dockerfile(DOCKERFILE))
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert stage.commands["ENTRYPOINT"][0] in project["scripts"]
    assert stage.commands["CMD"] == ["serve", "--host", "0.0.0.0"]


@pytest.mark.skipif(find_spec("ensurepip") is None, reason="this Python makes no whole venv")
def test_the_steps_work_with_the_libraries_of_this_python(tmp_path, capfd):
    """Makes the image's environment from the context alone, and starts the program in it."""
    steps = ContainerSteps(tmp_path / "image", borrow=True)
    stage = steps.build(read_dockerfile(DOCKERFILE))
    for arguments in (["--version"], ["weights", "verify"], ["serve", "--help"]):
        done = subprocess.run(
            steps.program(stage, arguments),
            cwd=steps.inside(stage.work),
            env=stage.environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr + capfd.readouterr().err
    page = steps.inside("/opt/unmask").rglob("site-packages/pipeline/apps/server/page/index.html")
    assert len(list(page)) == 1
