from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from detector.data.yolo_dataset import label_file, read_labels, read_yolo_dataset
from tests.detector.blobs import write_blob_dataset
from weights.base.errors import InputError


def test_pictures_are_listed_part_by_part(tmp_path: Path) -> None:
    dataset = read_yolo_dataset(write_blob_dataset(tmp_path, train=3, val=2))
    assert dataset.names == ("mask",)
    assert {part: len(files) for part, files in dataset.pictures.items()} == {"train": 3, "val": 2}
    assert all(file.is_absolute() for file in dataset.pictures["train"])


def test_a_download_entry_is_never_run(tmp_path: Path) -> None:
    data = write_blob_dataset(tmp_path, train=1, val=1)
    trap = tmp_path / "trap"
    data.write_text(data.read_text() + f"download: \"open({str(trap)!r}, 'w')\"\n")
    read_yolo_dataset(data)
    assert not trap.exists()


def test_lists_of_folders_and_of_files_are_taken(tmp_path: Path) -> None:
    data = write_blob_dataset(tmp_path, train=2, val=1)
    (tmp_path / "list.txt").write_text("images/val/0.png\n\n")
    data.write_text(
        "train: [images/train, images/val]\nval: list.txt\nnames: {0: mask, 1: shield}\n"
    )
    dataset = read_yolo_dataset(data)
    assert dataset.names == ("mask", "shield")
    assert len(dataset.pictures["train"]) == 3
    assert dataset.pictures["val"][0].is_file()


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("val: images/val\nnames: [mask]", "lacks the key 'train'"),
        (f"train: {'x' * 5000}\nval: images/val\nnames: [mask]", "cannot be accessed"),
        ("train: nowhere\nval: images/val\nnames: [mask]", "names 'nowhere', but there is no"),
        ("train: labels/val\nval: images/val\nnames: [mask]", "there are no pictures there"),
        ("train: images/train\nval: images/val\nnames: {1: mask}", "names in .* must be a list"),
        ("just text", "must be a mapping"),
        ("a: [", "not valid YAML"),
    ],
)
def test_wrong_descriptions_are_refused(text: str, sentence: str, tmp_path: Path) -> None:
    data = write_blob_dataset(tmp_path, train=1, val=1)
    data.write_text(text)
    with pytest.raises(InputError, match=sentence):
        read_yolo_dataset(data)


def test_labels_lie_beside_the_last_images_folder() -> None:
    assert label_file(Path("/images/set/images/train/a.b.jpg")) == Path(
        "/images/set/labels/train/a.b.txt"
    )


def test_labels_are_read_and_cut_to_the_picture(tmp_path: Path) -> None:
    picture = tmp_path / "images" / "a.jpg"
    assert read_labels(picture, 1).polygons == ()
    path = tmp_path / "labels" / "a.txt"
    path.parent.mkdir()
    path.write_text("0 -0.1 0.2 0.5 0.2 0.5 0.6\n\n1 0 0 1 0 1 1 0 1\n")
    labels = read_labels(picture, 2)
    assert labels.classes.tolist() == [0, 1]
    assert labels.polygons[0][0] == pytest.approx([0.0, 0.2])
    assert labels.boxes == pytest.approx(np.array([[0.25, 0.4, 0.5, 0.4], [0.5, 0.5, 1, 1]]))


@pytest.mark.parametrize(
    "line", ["1 0 0 1 0 1 1", "0 0 0 1 0", "0 0 0 1 0 1 1 0", "0 0 0 1 0 nan 1", "x 0 0 1 0 1 1"]
)
def test_wrong_labels_are_refused(line: str, tmp_path: Path) -> None:
    path = tmp_path / "labels" / "a.txt"
    path.parent.mkdir()
    path.write_text(f"0 0 0 1 0 1 1\n{line}\n")
    with pytest.raises(InputError, match=r"Line 2 of .*a\.txt must be a class number below 1"):
        read_labels(tmp_path / "images" / "a.jpg", 1)


def labelled(tmp_path: Path, content: bytes) -> Path:
    path = tmp_path / "labels" / "a.txt"
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(content)
    return tmp_path / "images" / "a.jpg"


@pytest.mark.parametrize(
    "line", ["0 120 80 300 80 300 260", "0 0.1 0.1 0.5 0.1 0.5 640", "0 -9 0 1 0 1 1"]
)
def test_labels_in_pixels_are_refused_with_file_and_line(tmp_path: Path, line: str) -> None:
    picture = labelled(tmp_path, f"0 0.1 0.1 0.5 0.1 0.5 0.5\n{line}\n".encode())
    with pytest.raises(InputError, match=r"Line 2 of .*a\.txt .*are they pixels\?"):
        read_labels(picture, 1)


def test_a_label_of_which_nothing_is_in_the_picture_has_no_box(tmp_path: Path) -> None:
    picture = labelled(tmp_path, b"0 1.1 0.1 1.2 0.1 1.2 0.5\n0 0.1 0.1 0.5 0.1 0.5 0.5\n")
    labels = read_labels(picture, 1)
    assert len(labels.polygons) == len(labels.classes) == 1
    assert (labels.boxes[:, 2:] > 0).all()


def test_labels_in_other_encodings_are_read_or_refused(tmp_path: Path) -> None:
    text = "0 0.1 0.1 0.5 0.1 0.5 0.5\n"
    for encoding in ("utf-8-sig", "utf-16"):
        assert len(read_labels(labelled(tmp_path, text.encode(encoding)), 1).polygons) == 1
    with pytest.raises(InputError, match=r"labels .*a\.txt: it is not UTF-8 text"):
        read_labels(labelled(tmp_path, b"\xe9" + text.encode()), 1)
