"""What differs on Windows and macOS, imitated: there is neither to run on."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from inpainter.importing import unpickling
from tests.pipeline.colour_stages import masked_scene
from weights.base.atomic import atomic_path
from weights.base.errors import ExistsError
from weights.catalog.lookup import named_homes
from weights.images import read_picture, write_picture

ROOT = Path(__file__).parents[1]
STAGES = [
    f"--{kind}=tests.pipeline.colour_stages:{name}"
    for kind, name in (
        ("detector", "find_colour"),
        ("refiner", "exact_holes"),
        ("inpainter", "fill_colour"),
    )
]

WINDOWS = """
import os, sys
import cv2, numpy, PIL.Image, rich.console, rich.progress, rich.table, torch, typer.main, yaml
import pipeline.commands.run
def no_link(*_): raise OSError("no links here")
os.link = no_link
del os.sched_getaffinity, os.sysconf
sys.modules["fcntl"] = sys.modules["resource"] = None
sys.platform = "win32"
from pipeline.command_line import main
main(sys.argv[1:])
"""
"""Python as on Windows, once libraries that ask for the system are loaded: without what only POSIX
has, and without links, as on many a drive."""


def run(folder: Path, *command: str, **environment: str) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        [sys.executable, *command],
        cwd=folder,
        capture_output=True,
        check=False,
        env={**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1", **environment},
    )


def photo(path: Path) -> Path:
    return write_picture(path, masked_scene((60, 80), [(20, 30, 40, 50)]))


def test_a_folder_is_worked_through_without_what_only_posix_has(tmp_path: Path) -> None:
    photo(tmp_path / "in" / "sub" / "a.png")
    call = ["run", "in", "-o", "out", "--device=cpu", "--save-mask", *STAGES]
    for status in (b"done", b"skipped"):
        done = run(tmp_path, "-c", WINDOWS, *call)
        assert (done.returncode, done.stderr) == (0, b"")
        assert done.stdout.startswith(status)
    written = sorted(path.name for path in (tmp_path / "out" / "sub").iterdir())
    assert written == ["a.png", "a.png.hole.png"]
    was, now = (read_picture(tmp_path / one / "sub" / "a.png").pixels for one in ("in", "out"))
    assert (was != now).any()


@pytest.mark.parametrize("encoding", ["cp1252", "cp437"])
def test_a_name_that_standard_output_cannot_hold_is_escaped(tmp_path: Path, encoding: str) -> None:
    photo(tmp_path / "名 ü.png")
    call = ["-m", "pipeline", "run", ".", "-o", "out", "--dry-run", *STAGES]
    done = run(tmp_path, *call, PYTHONIOENCODING=f"{encoding}:strict")
    assert (done.returncode, done.stderr) == (0, b"")
    assert done.stdout.startswith(rb"\u540d " + "ü.png".encode(encoding))


def test_a_file_is_written_whole_and_kept_where_there_are_no_locks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "platform", "win32")
    monkeypatch.setitem(sys.modules, "fcntl", None)
    target = tmp_path / "a.txt"
    with atomic_path(target) as temporary:
        # Windows renames no file that is open.
        assert temporary not in {Path(f"/proc/self/fd/{one}").resolve() for one in range(64)}
        temporary.write_text("first")
    with pytest.raises(ExistsError), atomic_path(target) as temporary:
        temporary.write_text("second")
    assert [path.read_text() for path in tmp_path.iterdir()] == ["first"]


def test_folders_of_weights_are_separated_as_the_system_does(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(os, "pathsep", ";")
    monkeypatch.setenv("UNMASK_HOME", r"C:\weights;D:\more")
    assert [str(folder) for folder in named_homes()] == [r"C:\weights", r"D:\more"]


@pytest.mark.parametrize("system", ["darwin", "win32"])
def test_memory_is_limited_only_where_the_system_sees_to_it(
    monkeypatch: pytest.MonkeyPatch, system: str
) -> None:
    monkeypatch.setattr(sys, "platform", system)
    # macOS would refuse the limit, Windows has no such module.
    monkeypatch.setitem(sys.modules, "resource", None)
    unpickling.limit_memory(1 << 20)
    assert np.zeros(1 << 22, np.uint8).nbytes == 1 << 22
