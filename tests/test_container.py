"""The Dockerfile, as far as it can be looked at without Docker."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
DOCKERFILE = ROOT / "Dockerfile"


def instructions() -> list[tuple[str, str]]:
    """Name and value of each instruction."""
    lines = DOCKERFILE.read_text(encoding="utf-8").splitlines()
    text = "\n".join(line for line in lines if line and not line.startswith("#"))
    whole = [line.partition(" ") for line in text.replace("\\\n", "").splitlines()]
    return [(name, value.strip()) for name, _, value in whole]


def copied() -> list[str]:
    """What is copied from the context, the project's folder."""
    values = [value for name, value in instructions() if name == "COPY"]
    return [one for value in values if "--from" not in value for one in value.split()[:-1]]


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
    names = [name for name, _ in instructions()]
    last = len(names) - 1 - names[::-1].index("FROM")
    assert names.count("FROM") == 2
    assert all("-slim" in value for name, value in instructions() if name == "FROM")
    assert "RUN" not in names[last:], "the last stage only copies what the first one built"
    user, _, group = dict(instructions()[last:])["USER"].partition(":")
    assert int(user) > 0
    assert int(group) > 0
    assert "ADD" not in names
    values = [value for _, value in instructions()]
    assert any("opencv-python-headless" in value for value in values)
    default = next(value for value in values if value.startswith("TORCH_INDEX="))
    assert default.endswith("/whl/cpu")


def test_the_command_is_a_program_of_the_project():
    final = dict(instructions())
    (program,) = json.loads(final["ENTRYPOINT"])
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert program in project["scripts"]
    assert json.loads(final["CMD"]) == ["serve", "--host", "0.0.0.0"]
    assert "/health" in final["HEALTHCHECK"]


def test_the_context_holds_what_is_copied_and_nothing_else():
    lines = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    rules = [line for line in lines if line and not line.startswith("#")]
    allowed = [rule[1:] for rule in rules if rule.startswith("!")]
    assert rules == ["*", *(f"!{name}" for name in allowed), "**/__pycache__"]
    assert set(allowed) == {re.sub(r"^\./|/$", "", name) for name in copied()}
    assert all((ROOT / name).exists() for name in allowed)


def test_the_program_that_is_installed_from_the_context_is_whole(tmp_path):
    context, site = tmp_path / "context", tmp_path / "site"
    context.mkdir()
    for name in copied():
        if (ROOT / name).is_dir():
            ignored = shutil.ignore_patterns("__pycache__")
            shutil.copytree(ROOT / name, context / name, ignore=ignored)
        else:
            shutil.copy(ROOT / name, context)
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-build-isolation"]
    commands = [
        [*pip, "--target", str(site), str(context)],
        *(
            [sys.executable, "-m", "unmask", *arguments]
            for arguments in (["--version"], ["weights", "verify"], ["serve", "--help"])
        ),
    ]
    for command in commands:
        done = subprocess.run(
            command,
            cwd=tmp_path,
            env={**os.environ, "PYTHONPATH": str(site)},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
    assert (site / "pipeline/apps/server/page/index.html").is_file()
