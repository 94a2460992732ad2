"""Looking into a folder that files come into."""

import os

import pytest

from pipeline.run.watching import LOOKS, WatchedFolder
from weights.base.errors import InputError


def names(files):
    return [file.relative.as_posix() for file in files]


def test_a_file_is_given_once_it_has_stayed_the_same_and_again_when_it_changed(tmp_path):
    (tmp_path / "sub").mkdir()
    first, second = tmp_path / "b.png", tmp_path / "sub" / "a.png"
    first.write_bytes(b"half")
    second.write_bytes(b"whole")
    watched = WatchedFolder(tmp_path, tmp_path / "out")
    assert [names(watched.look()) for _ in range(LOOKS)] == [[]] * LOOKS
    first.write_bytes(b"half and half")
    assert names(watched.look()) == ["sub/a.png"]
    assert [names(watched.look()) for _ in range(LOOKS)] == [[]] * (LOOKS - 1) + [["b.png"]]
    assert [names(watched.look()) for _ in range(5)] == [[]] * 5
    os.utime(second, ns=(1, 1))
    assert [names(watched.look()) for _ in range(LOOKS + 1)] == [[]] * LOOKS + [["sub/a.png"]]


def test_results_inside_and_folders_of_folders_may_be_left_out(tmp_path):
    for folder in ("out", "sub"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "a.png").write_bytes(b"x")
    for recursive, found in ((True, ["sub/a.png"]), (False, [])):
        watched = WatchedFolder(tmp_path, tmp_path / "out", recursive=recursive)
        assert [names(watched.look()) for _ in range(LOOKS + 1)][-1] == found


def test_files_that_go_are_forgotten(tmp_path):
    watched = WatchedFolder(tmp_path, tmp_path / "out")
    for number in range(3):
        path = tmp_path / f"{number}.png"
        path.write_bytes(b"x")
        watched.look()
        path.unlink()
        assert watched.look() == []
        assert len(watched._known) == 0


@pytest.mark.parametrize("output", [".", "..", "../other/.."])
def test_results_must_not_become_pictures(tmp_path, monkeypatch, output):
    (tmp_path / "in").mkdir()
    (tmp_path / "other").mkdir()
    monkeypatch.chdir(tmp_path / "in")
    with pytest.raises(InputError, match="would be taken for new pictures"):
        WatchedFolder(".", output)
