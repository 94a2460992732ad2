"""Turned heads are written beside the faces that they were made of."""

from __future__ import annotations

import json
import sys
from types import ModuleType, SimpleNamespace
from typing import TYPE_CHECKING

import numpy as np
import pytest

from detector.data.annotations import read_annotations
from detector.synthesis import draw_mask
from examples.maintenance.turned_heads import main
from inpainter.data.faces import list_faces
from tests.faces import canonical_landmarks
from tests.inpainter.data.test_head_turning import CENTRE, WIDTH, half_head, landmarks_of, photo
from weights.images import write_picture

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def faces(tmp_path: Path) -> Path:
    folder = tmp_path / "faces"
    points = landmarks_of(half_head()).tolist()
    for name in ("a", "b"):
        write_picture(folder / f"{name}.png", photo())
    lines = [
        {"file": "a.png", "split": "train", "landmarks": points, "person": "p1"},
        {"file": "b.png", "split": "val", "landmarks": points},
    ]
    (folder / "faces.jsonl").write_text("\n".join(map(json.dumps, lines)), encoding="utf-8")
    return folder


def test_turned_heads_join_all_faces(faces: Path, tmp_path: Path) -> None:
    np.savez(tmp_path / "meshes.npz", **{"a.png": half_head()})  # type: ignore[arg-type]
    output = tmp_path / "both"
    assert main(["turn", str(faces), str(tmp_path / "meshes.npz"), str(output)]) == 0
    found = {face.path.relative_to(output).as_posix(): face for face in list_faces(output)}
    assert set(found) == {"a.png", "b.png", "turned/a.jpg"}
    turned = found["turned/a.jpg"]
    assert (turned.split, turned.labels["person"]) == ("train", "p1")
    assert (output / "b.png").read_bytes() == (faces / "b.png").read_bytes()
    moved = turned.landmarks[30] - found["a.png"].landmarks[30]  # type: ignore[index]
    assert abs(moved[0]) > 5.0 and abs(moved[1]) < 0.5
    assert np.abs(turned.read().astype(int) - photo()).max() > 20


def test_masks_turn_with_the_heads_that_wear_them(tmp_path: Path) -> None:
    faces = tmp_path / "faces"
    points = canonical_landmarks(2 * WIDTH, (CENTRE[0], CENTRE[1]))
    write_picture(faces / "a.png", photo())
    line = {"file": "a.png", "split": "train", "landmarks": points.tolist()}
    (faces / "faces.jsonl").write_text(json.dumps(line), encoding="utf-8")
    np.savez(tmp_path / "meshes.npz", **{"a.png": half_head()})  # type: ignore[arg-type]
    output = tmp_path / "masked"
    assert main(["mask", str(faces), str(tmp_path / "meshes.npz"), str(output)]) == 0
    (picture,) = read_annotations(output / "masked.jsonl")
    (mask,) = picture.masks
    image = picture.load()
    body = mask.draw(image.shape[:2])
    # The photo is so smooth that the head's turn alone changes it little.
    changed = np.abs(image.astype(int) - photo()).max(axis=-1) > 25
    assert changed[body].mean() > 0.95
    assert changed[~body].mean() < 0.02
    before = draw_mask(photo(), points, np.random.default_rng(7)).mask
    assert 0.5 < (body & before).sum() / (body | before).sum() < 0.92


@pytest.mark.parametrize("step", ["turn", "mask"])
def test_a_folder_that_is_there_is_left_alone(
    step: str, faces: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    np.savez(tmp_path / "meshes.npz")
    assert main([step, str(faces), str(tmp_path / "meshes.npz"), str(faces)]) == 2
    assert "is there already" in capsys.readouterr().err


def test_meshes_without_mediapipe_say_what_to_install(
    faces: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setitem(sys.modules, "mediapipe", None)
    assert main(["meshes", str(faces), str(tmp_path / "meshes.npz")]) == 2
    assert "pip install mediapipe" in capsys.readouterr().err


def test_meshes_are_those_of_the_photo_without_the_margin_that_helps_to_find_them(
    faces: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = []

    class FaceMesh:
        def __init__(self, **_: object) -> None: ...

        def process(self, image: np.ndarray) -> SimpleNamespace:
            seen.append(image.shape)
            point = SimpleNamespace(x=0.5, y=0.25, z=0.1)
            return SimpleNamespace(multi_face_landmarks=[SimpleNamespace(landmark=[point])])

    # As the wheel has it: `mediapipe.solutions` is an attribute, and no module to import from.
    for name in ("mediapipe", "mediapipe.python", "mediapipe.python.solutions"):
        monkeypatch.setitem(sys.modules, name, ModuleType(name))
    module = ModuleType("mediapipe.python.solutions.face_mesh")
    module.FaceMesh = FaceMesh  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, module.__name__, module)
    arguments = ["meshes", str(faces), str(tmp_path / "meshes.npz"), "--least-yaw", "0"]
    assert main(arguments) == 0
    height, width = photo().shape[:2]
    margin = max(height, width) // 4
    assert seen == [(height + 2 * margin, width + 2 * margin, 3)]
    with np.load(tmp_path / "meshes.npz") as archive:
        assert archive.files == ["a.png"]
        expected = (0.5 * width, 0.25 * height - 0.5 * margin, 0.1 * (width + 2 * margin))
        assert archive["a.png"] == pytest.approx(np.array([expected]), abs=1e-3)
