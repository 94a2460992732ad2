"""Finding pictures in files, folders and globs, and planning where results go."""

import os
from pathlib import Path

import pytest

from pipeline.run.folder import find_files, plan_jobs
from weights.base.errors import InputError


@pytest.fixture
def tree(tmp_path):
    root = tmp_path / "in put"
    for name in (
        "b.jpg", "A.PNG", "notes.txt", ".hidden.jpg", "._b.jpg", "sub/c.webp", "sub/deep/ü d.tif",
        ".git/e.png", "other/b.jpg", "movie.mp4",
    ):  # fmt: skip
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x")
    return root


def relatives(found):
    return [picture.relative.as_posix() for picture in found.files]


def test_a_folder_is_searched_through(tree):
    found = find_files([tree])
    assert relatives(found) == [
        "A.PNG", "b.jpg", "movie.mp4", "other/b.jpg", "sub/c.webp", "sub/deep/ü d.tif",
    ]  # fmt: skip
    assert [file.relative.name for file in found.files if file.video] == ["movie.mp4"]
    assert [path.name for path in found.skipped] == ["notes.txt"]
    assert not found.single
    assert found.unreadable == ()


def test_only_the_folder_itself(tree):
    assert relatives(find_files([tree], recursive=False)) == ["A.PNG", "b.jpg", "movie.mp4"]


def test_a_file_is_taken_whatever_its_suffix(tree):
    found = find_files([tree / "notes.txt"])
    assert (relatives(found), found.single) == (["notes.txt"], True)


def test_files_and_folders_together_count_each_file_once(tree):
    found = find_files([tree, tree / "b.jpg", tree / "b.jpg", str(tree / "sub")])
    assert relatives(found)[:3] == ["A.PNG", "b.jpg", "movie.mp4"]
    assert relatives(found)[6:] == ["c.webp", "deep/ü d.tif"]


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("*.jpg", ["b.jpg"]),
        ("**/*.jpg", ["b.jpg", "other/b.jpg"]),
        ("[A]*", ["A.PNG"]),
        ("sub/**", ["c.webp", "deep/ü d.tif"]),
        ("?.jpg", ["b.jpg"]),
    ],
)
def test_globs_keep_the_tree_below_their_fixed_part(tree, pattern, expected):
    found = find_files([f"{tree}/{pattern}"])
    assert sorted(relatives(found)) == sorted(expected)
    assert not found.single


def test_relative_globs(tree, monkeypatch):
    monkeypatch.chdir(tree)
    assert relatives(find_files(["*/*.jpg"])) == ["other/b.jpg"]


def test_a_file_with_magic_characters_in_its_name_is_a_file(tree):
    (tree / "a[1].jpg").write_bytes(b"x")
    assert relatives(find_files([tree / "a[1].jpg"])) == ["a[1].jpg"]


@pytest.mark.parametrize("paths", [["none"], ["none/*.jpg"], [], [""], ["none.jpg"]])
def test_what_leads_nowhere_is_refused(paths, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    if paths == [""]:
        assert find_files(paths).files == ()  # "" is the folder itself to pathlib
        return
    with pytest.raises(InputError):
        find_files(paths)


def test_links_that_go_round_in_circles_end(tree):
    (tree / "sub" / "up").symlink_to(tree, target_is_directory=True)
    (tree / "self.jpg").symlink_to(tree / "self.jpg")
    found = find_files([tree])
    names = relatives(found)
    assert names.count("sub/c.webp") == 1
    assert "self.jpg" in names  # reading it fails and is reported
    assert len(names) == len(set(names)) == 7


def test_linked_folders_are_followed(tree, tmp_path):
    root = tmp_path / "root"
    root.mkdir()
    (root / "link").symlink_to(tree / "sub", target_is_directory=True)
    assert relatives(find_files([root])) == ["link/c.webp", "link/deep/ü d.tif"]


def test_the_output_folder_is_left_out(tree):
    (tree / "out").mkdir()
    (tree / "out" / "b.jpg").write_bytes(b"x")
    for paths in ([tree], [f"{tree}/**/*.jpg"]):
        assert "out/b.jpg" not in relatives(find_files(paths, leave_out=tree / "out"))


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="this user may read everything")
def test_folders_that_cannot_be_read_are_told(tree):
    (tree / "sub").chmod(0)
    try:
        found = find_files([tree])
        assert found.unreadable[0][0] == tree / "sub"
        assert "b.jpg" in relatives(found)
        with pytest.raises(InputError, match="cannot be read"):
            find_files([tree / "sub"])
    finally:
        (tree / "sub").chmod(0o700)


def test_results_keep_the_tree(tree, tmp_path):
    jobs = plan_jobs(find_files([tree]), tmp_path / "out")
    assert [job.output.relative_to(tmp_path / "out").as_posix() for job in jobs] == [
        "A.PNG", "b.jpg", "movie.mp4", "other/b.jpg", "sub/c.webp", "sub/deep/ü d.tif",
    ]  # fmt: skip
    assert [job.video for job in jobs].index(True) == 2
    assert {job.format for job in jobs} == {None}
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("output", "place", "form"),
    [
        ("result.png", "result.png", "PNG"),
        ("new/result.jpeg", "new/result.jpeg", "JPEG"),
        ("folder", "folder/b.jpg", None),
        ("folder.d", "folder.d/b.jpg", None),
    ],
)
def test_a_single_file_goes_to_a_file_or_a_folder(tree, tmp_path, output, place, form):
    (job,) = plan_jobs(find_files([tree / "b.jpg"]), tmp_path / output)
    assert job.output == tmp_path / place
    assert job.format == form


def test_a_folder_with_the_name_of_a_picture_is_a_folder(tree, tmp_path):
    (tmp_path / "odd.png").mkdir()
    (job,) = plan_jobs(find_files([tree / "b.jpg"]), tmp_path / "odd.png")
    assert job.output == tmp_path / "odd.png" / "b.jpg"


def test_one_file_for_many_pictures_is_refused(tree, tmp_path):
    with pytest.raises(InputError, match="names one file"):
        plan_jobs(find_files([tree]), tmp_path / "result.png")
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(InputError, match="need a folder"):
        plan_jobs(find_files([tree]), tmp_path / "file")


def test_two_pictures_with_one_result_are_refused(tree, tmp_path):
    found = find_files([tree / "b.jpg", tree / "other" / "b.jpg"])
    with pytest.raises(InputError, match="would both be written"):
        plan_jobs(found, tmp_path / "out")


@pytest.mark.parametrize("way", ["folder", "file", "hard link", "dots", "link"])
def test_a_result_never_replaces_an_input(tree, tmp_path, way):
    source = tree / "b.jpg"
    if way == "folder":
        paths, output = [tree], tree
    elif way == "file":
        paths, output = [source], source
    elif way == "dots":
        paths, output = [source], tree / "sub" / ".." / "b.jpg"
    else:
        other = tmp_path / "other.jpg"
        other.hardlink_to(source) if way == "hard link" else other.symlink_to(source)
        paths, output = [source], other
    with pytest.raises(InputError, match="would replace the input"):
        plan_jobs(find_files(paths), output)


class TestFormats:
    def test_the_format_becomes_the_suffix_where_the_suffix_says_another(self, tree, tmp_path):
        (tree / "photo.2024").write_bytes(b"x")
        (tree / "d.jpeg").write_bytes(b"x")
        found = find_files([tree, tree / "photo.2024"])
        jobs = plan_jobs(found, tmp_path / "out", format="JPG")
        places = [job.output.relative_to(tmp_path / "out").as_posix() for job in jobs]
        assert places == [
            "A.jpg", "b.jpg", "d.jpeg", "movie.mp4", "other/b.jpg", "sub/c.jpg",
            "sub/deep/ü d.jpg", "photo.2024.jpg",
        ]  # fmt: skip
        assert {job.format for job in jobs if not job.video} == {"JPEG"}

    def test_two_pictures_that_a_format_gives_one_name_are_refused(self, tree, tmp_path):
        (tree / "b.png").write_bytes(b"x")
        with pytest.raises(InputError, match="would both be written"):
            plan_jobs(find_files([tree]), tmp_path / "out", format="webp")

    def test_a_format_that_is_none_is_refused(self, tree, tmp_path):
        with pytest.raises(InputError, match="Unknown format 'docx': use one of jpeg, png"):
            plan_jobs(find_files([tree]), tmp_path / "out", format="docx")

    def test_a_format_and_a_file_that_says_another_are_refused(self, tree, tmp_path):
        with pytest.raises(InputError, match="says another format"):
            plan_jobs(find_files([tree / "b.jpg"]), tmp_path / "out.png", format="webp")
        (job,) = plan_jobs(find_files([tree / "b.jpg"]), tmp_path / "out.png", format="png")
        assert (job.output.name, job.format) == ("out.png", "PNG")

    @pytest.mark.parametrize(("source", "output"), [("b.jpg", "o.mp4"), ("movie.mp4", "o.png")])
    def test_a_picture_is_no_video(self, tree, tmp_path, source, output):
        with pytest.raises(InputError, match="suffix"):
            plan_jobs(find_files([tree / source]), tmp_path / output)

    def test_a_single_video_goes_to_a_file(self, tree, tmp_path):
        (job,) = plan_jobs(find_files([tree / "movie.mp4"]), tmp_path / "new.mkv")
        assert (job.output.name, job.format, job.video) == ("new.mkv", None, True)


class TestMasks:
    def test_one_mask_for_one_picture(self, tree, tmp_path):
        mask = tmp_path / "mask.png"
        mask.write_bytes(b"x")
        (job,) = plan_jobs(find_files([tree / "b.jpg"]), tmp_path / "out", mask=mask)
        assert job.mask == mask

    def test_one_mask_for_many_pictures_is_refused(self, tree, tmp_path):
        mask = tmp_path / "mask.png"
        mask.write_bytes(b"x")
        (tree / "movie.mp4").unlink()
        with pytest.raises(InputError, match="there are 5 pictures"):
            plan_jobs(find_files([tree]), tmp_path / "out", mask=mask)

    def test_a_folder_of_masks_goes_by_name_then_by_stem(self, tree, tmp_path):
        masks = tmp_path / "masks"
        for name in ("b.jpg", "b.png", "A.bmp", "A.txt", "sub/c.png", "sub/deep/ü d.gif"):
            (masks / name).parent.mkdir(parents=True, exist_ok=True)
            (masks / name).write_bytes(b"x")
        (tree / "movie.mp4").unlink()
        jobs = plan_jobs(find_files([tree]), tmp_path / "out", mask=masks)
        assert [job.mask.relative_to(masks).as_posix() for job in jobs] == [
            "A.bmp", "b.jpg", "other/b.jpg", "sub/c.png", "sub/deep/ü d.gif",
        ]  # fmt: skip
        assert not jobs[2].mask.exists()  # reading it fails for this picture alone

    def test_a_mask_that_is_not_there_is_refused(self, tree, tmp_path):
        with pytest.raises(InputError, match="no mask file or folder"):
            plan_jobs(find_files([tree]), tmp_path / "out", mask=Path("none.png"))
