"""Files on file systems that Arrow reaches."""

import pytest

from weights.base.errors import ExistsError, InputError

pytest.importorskip("pyarrow", reason="Arrow, which comes with the extra `ray`, is not installed")

from pipeline.cluster.places import Place


def remote():
    """A place on a file system in memory, as a bucket is one elsewhere."""
    from pyarrow.fs import FileSystem, _MockFileSystem

    filesystem = _MockFileSystem()
    assert isinstance(filesystem, FileSystem)
    filesystem.create_dir("bucket/photos")
    return Place(filesystem, "bucket/photos")


@pytest.mark.parametrize("kind", ["local", "remote"])
def test_files_are_written_once_and_found(kind, tmp_path):
    place = remote() if kind == "remote" else Place.named(tmp_path)
    assert place.is_local == (kind == "local")
    file = place / "b.png"
    assert not file.exists()
    file.write(b"one")
    (place / ".hidden").write(b"")
    (place / "a.jpg").write(b"")
    assert list(place.files()) == ["a.jpg", "b.png"]
    assert file.exists()
    with pytest.raises(ExistsError, match=r"b\.png exists already"):
        file.write(b"two")
    assert file.read() == b"one"
    file.write(b"two", overwrite=True)
    assert file.read() == b"two"


def test_what_is_not_there_is_one_sentence(tmp_path):
    with pytest.raises(InputError, match=r"none\.png cannot be read: "):
        (Place.named(tmp_path) / "none.png").read()
    with pytest.raises(InputError, match=r"gopher://x cannot be opened: "):
        Place.named("gopher://x")
    assert list((Place.named(tmp_path) / "nowhere").files()) == []


def test_uris_and_paths_name_the_same_file(tmp_path):
    (tmp_path / "a").write_bytes(b"1")
    assert Place.named(f"file://{tmp_path}/a").read() == b"1"
    assert Place.named(tmp_path / "a").read() == b"1"
