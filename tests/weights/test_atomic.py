from __future__ import annotations

import os

import pytest

from weights.atomic import atomic_path
from weights.errors import OutputError


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
