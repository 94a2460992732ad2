"""Folders of faces as CelebA, CelebA-HQ and FFHQ are laid out, and any others."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
import pytest

from inpainter.data.faces import DecodedFaces, list_faces
from inpainter.data.sampling import Sampling
from inpainter.data.stream import sample_at
from inpainter.holes import create_holes
from inpainter.training.pictures import decode_split
from inpainter.training.recipe import DataSettings
from tests.faces import canonical_landmarks, draw_face
from weights.base.errors import InputError

if TYPE_CHECKING:
    from pathlib import Path


def write(folder: Path, *names: str) -> None:
    random = np.random.default_rng(0)
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        cv2.imwrite(str(folder / name), draw_face(random, 48)[0])


def names(folder: Path, split: str | None, seed: int = 0) -> list[str]:
    return [face.path.relative_to(folder).as_posix() for face in list_faces(folder, split, seed)]


@pytest.mark.parametrize(
    ("pictures", "partition", "text"),
    [
        ("img_align_celeba", "list_eval_partition.txt", "{0} 0\n{1} 1\n{2} 2\n"),
        ("Img/img_align_celeba", "Eval/list_eval_partition.txt", "{0} 0\n{1} 1\n{2} 2\n"),
        (
            "img_align_celeba/img_align_celeba",
            "list_eval_partition.csv",
            "image_id,partition\n{0},0\n{1},1\n{2},2\n",
        ),
    ],
)
def test_celeba_keeps_its_parts(tmp_path: Path, pictures: str, partition: str, text: str) -> None:
    files = [f"{number:06d}.jpg" for number in (1, 2, 3)]
    write(tmp_path / pictures, *files)
    (tmp_path / partition).parent.mkdir(exist_ok=True)
    (tmp_path / partition).write_text(text.format(*files), encoding="utf-8")
    for part, file in zip(("train", "val", "test"), files, strict=True):
        assert names(tmp_path, part) == [f"{pictures}/{file}"]
    (tmp_path / partition).write_text("000001.jpg 7\n", encoding="utf-8")
    with pytest.raises(InputError, match=r"Line 1 of .*list_eval_partition"):
        list_faces(tmp_path)
    (tmp_path / partition).write_bytes(b"\xe9 0\n")
    with pytest.raises(InputError, match=r"list_eval_partition.*not UTF-8 text"):
        list_faces(tmp_path)
    (tmp_path / partition).write_text(text.format(*files), encoding="utf-16")
    assert names(tmp_path, "val") == [f"{pictures}/{files[1]}"]


def test_celeba_hq_takes_its_parts_from_celeba(tmp_path: Path) -> None:
    write(tmp_path / "CelebA-HQ-img", "0.jpg", "1.jpg", "2.jpg")
    (tmp_path / "list_eval_partition.txt").write_text(
        "000001.jpg 2\n000005.jpg 0\n000009.jpg 1\n", encoding="utf-8"
    )
    (tmp_path / "CelebA-HQ-to-CelebA-mapping.txt").write_text(
        "idx  orig_idx  orig_file\n0  8  000009.jpg\n1  4  000005.jpg\n2  0  000001.jpg\n",
        encoding="utf-8",
    )
    assert names(tmp_path, "train") == ["CelebA-HQ-img/1.jpg"]
    assert names(tmp_path, "val") == ["CelebA-HQ-img/0.jpg"]
    assert names(tmp_path, "test") == ["CelebA-HQ-img/2.jpg"]
    # Without CelebA's own list beside it, its faces are dealt out.
    (tmp_path / "list_eval_partition.txt").unlink()
    assert len(names(tmp_path, None)) == 3
    assert len(names(tmp_path, "val")) == 1


def test_ffhq_brings_parts_and_landmarks(tmp_path: Path) -> None:
    folder = tmp_path / "thumbnails128x128"
    write(folder, "00000/00000.png", "59000/59999.png", "60000/60000.png")
    assert names(tmp_path, "val") == ["thumbnails128x128/60000/60000.png"]
    assert len(names(tmp_path, "train")) == 2
    points = canonical_landmarks(400.0, (512.0, 480.0))
    entry = {"category": "training", "image": {"face_landmarks": points.tolist()}}
    described = {"0": entry, "60000": {**entry, "category": "validation"}}
    (tmp_path / "ffhq-dataset-v2.json").write_text(json.dumps(described), encoding="utf-8")
    (face,) = list_faces(tmp_path, "train")
    assert face.path.name == "00000.png"
    # Landmarks are told in pixels of 1024.
    assert face.landmarks is not None
    np.testing.assert_allclose(face.landmarks, points / 8)
    assert names(tmp_path, "val") == ["thumbnails128x128/60000/60000.png"]
    (tmp_path / "ffhq-dataset-v2.json").write_text('{"0": {}}', encoding="utf-8")
    with pytest.raises(InputError, match="does not have FFHQ's format"):
        list_faces(tmp_path)
    (tmp_path / "ffhq-dataset-v2.json").write_text("[" * 100_000, encoding="utf-8")
    with pytest.raises(InputError, match="nested too deeply"):
        list_faces(tmp_path)


def test_folders_named_by_their_parts_are_kept(tmp_path: Path) -> None:
    write(tmp_path, "train/female/a.jpg", "val/male/b.jpg", "other/c.jpg")
    assert names(tmp_path, "train") == ["train/female/a.jpg"]
    assert names(tmp_path, "val") == ["val/male/b.jpg"]
    with pytest.raises(InputError, match="no faces of the split 'test'"):
        list_faces(tmp_path, "test")


def test_other_pictures_are_dealt_out_by_the_seed(tmp_path: Path) -> None:
    write(tmp_path, *(f"{group}/{number}.png" for group in "ab" for number in range(20)))
    (tmp_path / "notes.txt").write_text("no picture", encoding="utf-8")
    parts = {part: names(tmp_path, part) for part in ("train", "val", "test")}
    assert all(parts.values()) and len(parts["train"]) >= 34
    assert len({name for found in parts.values() for name in found}) == 40
    assert names(tmp_path, "val") == parts["val"]
    assert names(tmp_path, "val", seed=1) != parts["val"]
    data = DataSettings(faces=str(tmp_path), split_seed=1)
    validated = decode_split(data, "val")
    assert isinstance(validated, DecodedFaces)
    assert [one.path for one in validated.entries] == [
        one.path for one in list_faces(tmp_path, "val", 1)
    ]


def test_further_pictures_move_none_to_another_part(tmp_path: Path) -> None:
    def parts() -> dict[str, str]:
        return {one.path.name: one.split for one in list_faces(tmp_path)}

    for number in range(300):
        (tmp_path / f"{number}.png").touch()
    before = parts()
    assert {part: list(before.values()).count(part) for part in ("val", "test")} == pytest.approx(
        {"val": 15, "test": 15}, abs=10
    )
    for number in range(300, 500):
        (tmp_path / f"{number}.png").touch()
    after = parts()
    assert {name: after[name] for name in before} == before


def annotated(folder: Path, **labels: list[Any]) -> dict[str, str]:
    points = canonical_landmarks(40.0, (24.0, 24.0)).tolist()
    rows = zip(*labels.values(), strict=True)
    lines = [
        {"file": f"{number}.png", "landmarks": points, **dict(zip(labels, row, strict=True))}
        for number, row in enumerate(rows)
    ]
    text = "".join(f"{json.dumps({k: v for k, v in line.items() if v})}\n" for line in lines)
    (folder / "faces.jsonl").write_text(text, encoding="utf-8")
    return {one.path.name: one.split for one in list_faces(folder)}


@pytest.mark.parametrize("key", ["person", "group"])
def test_pictures_of_one_person_are_in_one_part(tmp_path: Path, key: str) -> None:
    people = [f"person {number % 60}" for number in range(240)]
    parts = annotated(tmp_path, **{key: people})
    assert set(parts.values()) == {"train", "val", "test"}
    by_person = {(person, parts[f"{number}.png"]) for number, person in enumerate(people)}
    assert len(by_person) == 60
    further = annotated(tmp_path, **{key: [*people, *(f"new {number}" for number in range(60))]})
    assert {name: further[name] for name in parts} == parts


def test_a_person_is_in_the_part_that_a_line_names(tmp_path: Path) -> None:
    parts = annotated(tmp_path, person=["a", "a", "b", ""], split=["val", "", "", ""])
    assert list(parts.values()) == ["val", "val", "train", "train"]
    with pytest.raises(InputError, match=r"pictures of 'a' in the parts 'val' and 'train'"):
        annotated(tmp_path, person=["a", "a"], split=["val", "train"])


@pytest.mark.parametrize("part", ["trian", "Train", "validation", 1])
def test_a_part_that_there_is_not_is_refused_with_file_and_line(tmp_path: Path, part: Any) -> None:
    with pytest.raises(InputError) as refused:
        annotated(tmp_path, split=["train", part])
    assert str(refused.value).startswith(
        f"Line 2 of {tmp_path / 'faces.jsonl'} is not a valid annotated"
    )
    assert f"Unknown split '{part}'" in str(refused.value)
    assert "Known: test, train, val" in str(refused.value)


def test_folders_without_pictures_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="holds no picture"):
        list_faces(tmp_path)
    with pytest.raises(InputError, match=r"no folder .*faces\.jsonl"):
        list_faces(tmp_path / "nowhere")


def test_holes_that_follow_landmarks_need_them(tmp_path: Path) -> None:
    write(tmp_path, *(f"{number}.png" for number in range(4)))
    faces = DecodedFaces(list_faces(tmp_path, "train"))
    boxes = Sampling(create_holes("random-box"))
    assert sample_at(faces, boxes, 32, seed=0, index=0).image.shape == (32, 32, 3)
    masks = Sampling(create_holes("detector.synthesis.holes:FaceMaskHoles"))
    with pytest.raises(InputError, match=r"lacks the 68 landmarks that these holes need"):
        sample_at(faces, masks, 32, seed=0, index=0)
