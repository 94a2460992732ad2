from __future__ import annotations

import os
import shutil
import stat
import subprocess
import sys
import threading
from pathlib import Path

import pytest
import torch

from weights.base.atomic import atomic_path
from weights.base.errors import OutputError


def test_a_file_appears_whole_with_the_usual_rights(tmp_path):
    target = tmp_path / "new" / "x.png"
    with atomic_path(target) as temporary:
        assert temporary.suffix == ".png"
        temporary.write_text("whole")
        assert not target.exists()
    assert target.read_text() == "whole"
    usual = tmp_path / "usual"
    usual.touch()
    assert target.stat().st_mode == usual.stat().st_mode
    assert list(target.parent.iterdir()) == [target]


def test_nothing_is_left_when_the_writing_fails(tmp_path):
    with pytest.raises(ZeroDivisionError), atomic_path(tmp_path / "x") as temporary:
        temporary.write_text("half")
        raise ZeroDivisionError
    assert list(tmp_path.iterdir()) == []


def test_nothing_is_overwritten_unless_asked(tmp_path):
    target = tmp_path / "x"
    target.write_text("old")
    with pytest.raises(OutputError, match="exists already"), atomic_path(target):
        pass
    with atomic_path(target, overwrite=True) as temporary:
        temporary.write_text("new")
    assert target.read_text() == "new"


def test_a_file_that_appears_meanwhile_is_kept(tmp_path):
    target = tmp_path / "x"
    with pytest.raises(OutputError, match="exists already"), atomic_path(target) as temporary:
        temporary.write_text("mine")
        target.write_text("theirs")
    assert target.read_text() == "theirs"
    assert list(tmp_path.iterdir()) == [target]


ROOT = Path(__file__).parents[3]
WRITER = """
import sys
from weights.base.atomic import atomic_path
with atomic_path(sys.argv[1]) as temporary:
    temporary.write_text("half")
    print(temporary.name, flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def writer(tmp_path):
    """A process that is in the middle of writing x.png, and the name of its temporary file."""
    command = [sys.executable, "-c", WRITER, str(tmp_path / "x.png")]
    process = subprocess.Popen(
        command, cwd=ROOT, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    yield process, tmp_path / process.stdout.readline().strip()
    process.kill()
    process.communicate()


@pytest.mark.skipif(sys.platform == "win32", reason="without locks nothing is removed")
def test_what_a_killed_process_left_is_removed_by_the_next_write(writer, tmp_path):
    process, left = writer
    process.kill()
    process.wait()
    assert left.read_text() == "half"
    with atomic_path(tmp_path / "x.png") as temporary:
        assert temporary.read_bytes() == b""
        temporary.write_text("whole")
    assert [path.name for path in tmp_path.iterdir()] == ["x.png"]


def test_what_a_living_process_writes_is_left_alone(writer, tmp_path):
    _, theirs = writer
    with atomic_path(tmp_path / "x.png", overwrite=True) as temporary:
        assert temporary != theirs
        temporary.write_text("mine")
    assert theirs.read_text() == "half"
    assert (tmp_path / "x.png").read_text() == "mine"


def test_hidden_files_of_others_are_left_alone(tmp_path):
    kept = [tmp_path / name for name in (".x.png", ".x.original.png", ".x.unmask-part.jpg")]
    for path in kept:
        path.write_text("kept")
    with atomic_path(tmp_path / "x.png") as temporary:
        temporary.write_text("whole")
    assert sorted(tmp_path.iterdir()) == sorted([*kept, tmp_path / "x.png"])


@pytest.mark.skipif(sys.platform == "win32", reason="links need rights there")
def test_a_link_in_the_temporary_file_s_place_is_not_followed(tmp_path):
    (tmp_path / "precious").write_text("kept")
    (tmp_path / ".x.unmask-part.png").symlink_to(tmp_path / "precious")
    with atomic_path(tmp_path / "x.png") as temporary:
        temporary.write_text("whole")
    assert (tmp_path / "precious").read_text() == "kept"
    assert (tmp_path / "x.png").read_text() == "whole"


def test_many_threads_write_one_file_and_each_writes_it_whole(tmp_path):
    target = tmp_path / "x"
    faults = []

    def write(letter):
        try:
            for _ in range(30):
                with atomic_path(target, overwrite=True) as temporary:
                    temporary.write_text(letter * 10_000)
                assert len(set(target.read_text())) == 1
        except Exception as error:
            faults.append(error)

    threads = [threading.Thread(target=write, args=(letter,)) for letter in "abcdef"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert faults == []
    assert list(tmp_path.iterdir()) == [target]


@pytest.mark.parametrize("stem", ["x" * 245, "\u4e2d" * 80])
def test_long_names(tmp_path, stem):
    with atomic_path(tmp_path / f"{stem}.png") as temporary:
        temporary.write_text("whole")
    assert [path.stem for path in tmp_path.iterdir()] == [stem]


@pytest.mark.parametrize("below", ["file/x", "file/deeper/x"])
def test_a_folder_that_cannot_be_is_an_output_error(tmp_path, below):
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match="Cannot write"), atomic_path(tmp_path / below):
        pass


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_read_only_folder_is_an_output_error(tmp_path):
    tmp_path.chmod(0o500)
    with pytest.raises(OutputError, match="Cannot write"), atomic_path(tmp_path / "x"):
        pass


@pytest.mark.skipif(os.name != "posix", reason="modes of POSIX")
def test_a_written_file_has_the_mode_that_the_umask_gives(tmp_path):
    from safetensors.torch import save_file

    former = os.umask(0o027)
    try:
        for overwrite in (False, True):
            with atomic_path(tmp_path / "a.safetensors", overwrite=overwrite) as temporary:
                save_file({"a": torch.zeros(1)}, temporary)
            assert stat.S_IMODE((tmp_path / "a.safetensors").stat().st_mode) == 0o640
    finally:
        os.umask(former)


def test_a_source_that_is_gone_is_not_called_a_target_that_cannot_be_written(tmp_path):
    source = tmp_path / "gone.png"
    with (
        pytest.raises(OutputError, match=r"gone\.png cannot be read or written: No such file"),
        atomic_path(tmp_path / "out.png") as temporary,
    ):
        shutil.copyfile(source, temporary)
    with (
        pytest.raises(OutputError, match=r"Cannot write .*out\.png: No space left"),
        atomic_path(tmp_path / "out.png") as temporary,
    ):
        raise OSError(28, "No space left on device", str(temporary))
    assert list(tmp_path.iterdir()) == []
