import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from typer.testing import CliRunner

from pipeline.dataset import DatasetSettings, SourceFace, annotated_faces, build_dataset
from pipeline.dataset.checks import check_drawn_mask, mask_place
from pipeline.dataset.face_pictures import FacePictures
from pipeline.dataset.labels import polygon_area
from pipeline.dataset.manifest import read_lines
from pipeline.dataset.pairs import make_pair
from pipeline.dataset.scenes import SceneComposer, SceneOptions
from pipeline.refiners.unchanged import UnchangedRefiner
from tests.faces import canonical_landmarks, draw_face
from tests.pipeline.dataset.written_labels import read_outlines
from weights.base.errors import ConfigurationError, InputError, UnmaskError
from weights.images.decoding import read_pixels

SIDE = 160


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Eight faces with faces.jsonl: one turned away, one file damaged; val and train annotated."""
    root = tmp_path_factory.mktemp("faces")
    random = np.random.default_rng(7)
    lines = []
    for index in range(10):
        image, points = draw_face(random, SIDE)
        name = f"{'ab'[index % 2]}/face{index}.png"
        (root / name).parent.mkdir(exist_ok=True)
        cv2.imwrite(str(root / name), image[:, :, ::-1])
        if index == 8:
            points[:, 0] = points[:, 0].mean() + 0.02 * (points[:, 0] - points[:, 0].mean())
        if index == 9:
            (root / name).write_bytes(b"not a picture")
        split = "val" if index in (2, 3) else "train"
        entry = {"file": name, "landmarks": points.round(1).tolist(), "split": split}
        lines.append(json.dumps({**entry, "width": SIDE, "height": SIDE}))
    (root / "faces.jsonl").write_text("\n".join(lines) + "\n")
    return root


@pytest.fixture(scope="module")
def faces(folder: Path) -> list[SourceFace]:
    return annotated_faces(folder)


SETTINGS = DatasetSettings(seed=3, pairs=1, scenes=8, size=64, scene_size=160)


@pytest.fixture(scope="module")
def built(faces: list[SourceFace], tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("built") / "set"
    build_dataset(faces, out, SETTINGS, workers=1)
    return out


def contents(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def test_annotated_faces_are_named_relative_to_their_folder(faces: list[SourceFace]) -> None:
    assert [face.name for face in faces][:2] == ["a/face0.png", "b/face1.png"]
    assert all(face.file.is_absolute() and face.landmarks.shape == (68, 2) for face in faces)


def test_annotated_faces_needs_an_annotation(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"faces\.jsonl"):
        annotated_faces(tmp_path)


def test_pairs_have_equal_names_and_differ_within_the_hole_alone(built: Path) -> None:
    pairs = [line for line in read_lines(built / "manifest.jsonl") if line["kind"] == "pair"]
    assert len(pairs) == 8
    for line in pairs:
        image, masked = (
            read_pixels(built / line["files"][name]).astype(int) for name in ("image", "masked")
        )
        hole = cv2.imread(str(built / line["files"]["hole"]), cv2.IMREAD_UNCHANGED)
        assert image.shape == masked.shape == (64, 64, 3) and hole.shape == (64, 64)
        assert set(np.unique(hole)) == {0, 255}
        assert len({Path(path).stem for path in line["files"].values()}) == 1
        changed = np.abs(image - masked).max(axis=2) > 40
        assert changed[hole > 0].mean() > 0.2
        outside = (cv2.dilate(hole, np.ones((5, 5), np.uint8)) == 0) & changed
        assert outside.mean() < 0.05


def test_no_face_is_in_two_parts_and_annotated_parts_are_kept(built: Path) -> None:
    parts: dict[str, set[str]] = {}
    for line in read_lines(built / "manifest.jsonl"):
        for source in line["sources"]:
            parts.setdefault(source, set()).add(line["part"])
    assert all(len(found) == 1 for found in parts.values())
    held_out = {source for source, found in parts.items() if found != {"train"}}
    assert held_out == {"a/face2.png", "b/face3.png"}


def test_labels_agree_with_the_manifest(built: Path) -> None:
    scenes = [line for line in read_lines(built / "manifest.jsonl") if line["kind"] == "scene"]
    assert len(scenes) == 8 and {line["part"] for line in scenes} == {"train", "val", "test"}
    total = 0
    for line in scenes:
        image = read_pixels(built / line["files"]["image"])
        height, width = image.shape[:2]
        assert [width, height] == line["size"] and max(width, height) == 160
        assert (built / line["files"]["label"]).is_file()
        polygons = read_outlines(built / line["files"]["image"], width, height)
        assert len(polygons) == len(line["polygons"])
        for found, noted in zip(polygons, line["polygons"], strict=True):
            np.testing.assert_allclose(found, noted, atol=0.02)
            assert np.ptp(found[:, 0]) >= 5.9
        total += len(polygons)
    assert total >= 4
    assert (built / "detection" / "data.yaml").read_text().splitlines() == [
        "train: images/train",
        "val: images/val",
        "test: images/test",
        "names:",
        "  0: mask",
    ]


def test_rejects_name_face_and_reason(built: Path) -> None:
    rejects = [line for line in read_lines(built / "rejects.jsonl") if line["final"]]
    reasons = {line["file"]: line["reason"] for line in rejects}
    assert set(reasons) == {"a/face8.png", "b/face9.png"}
    assert reasons["b/face9.png"] == "unreadable"
    assert reasons["a/face8.png"] != "unreadable"


def test_contact_sheet_and_pictures_say_what_they_are(built: Path) -> None:
    assert read_pixels(built / "contact_sheet.jpg").shape[0] > 200
    for path in (built / "detection" / "images").rglob("*.jpg"):
        assert b"drawn by a program, not photographed" in path.read_bytes()


def test_running_again_makes_nothing_and_restores_what_was_lost(
    faces: list[SourceFace], built: Path, tmp_path: Path
) -> None:
    out = tmp_path / "set"
    shutil.copytree(built, out)
    before = contents(out)
    assert build_dataset(faces, out, SETTINGS, workers=1).made == 0
    assert contents(out) == before
    lost = read_lines(out / "manifest.jsonl")[::3]
    for line in lost:
        (out / next(iter(line["files"].values()))).unlink()
    with (out / "manifest.jsonl").open("a") as file:
        file.write('{"cut off')
    told: list[tuple[int, int]] = []
    summary = build_dataset(
        faces, out, SETTINGS, workers=1, progress=lambda *numbers: told.append(numbers)
    )
    assert summary.made == len(lost)
    assert told[0] == (18 - len(lost), 18) and told[-1] == (18, 18)
    assert contents(out) == before


@pytest.mark.parametrize(
    "damage",
    [
        lambda content: content[: len(content) // 2],
        lambda content: b"",
        lambda content: b'{"name": "x"}\n[]\n3\n' + content,
        lambda content: content.replace(b'"kind"', b'"kin"'),
        lambda content: content.replace(b'"files": {', b'"files": [], "were": {'),
        lambda content: b"\xff" + content[:-40],
    ],
)
def test_a_damaged_manifest_is_made_whole(
    built: Path, faces: list[SourceFace], tmp_path: Path, damage: Callable[[bytes], bytes]
) -> None:
    shutil.copytree(built, tmp_path / "set")
    for name in ("manifest.jsonl", "rejects.jsonl"):
        file = tmp_path / "set" / name
        file.write_bytes(damage(file.read_bytes()))
    build_dataset(faces, tmp_path / "set", SETTINGS, workers=1)
    made, expected = contents(tmp_path / "set"), contents(built)
    whole = {json.loads(line)["name"] for line in expected["manifest.jsonl"].splitlines()}
    # What was told of an item is told anew where it is made anew; one that is whole is not.
    made_rejects, rejects = (
        [
            item
            for line in one.pop("rejects.jsonl").splitlines()
            if (item := json.loads(line)["item"]) not in whole
        ]
        for one in (made, expected)
    )
    assert made == expected and made_rejects == rejects


def test_processes_make_the_same_bytes(
    faces: list[SourceFace], built: Path, tmp_path: Path
) -> None:
    out = tmp_path / "set"
    build_dataset(faces, out, SETTINGS, workers=2)
    assert contents(out) == contents(built)


def test_a_set_can_grow_but_not_change(
    faces: list[SourceFace], built: Path, tmp_path: Path
) -> None:
    out = tmp_path / "set"
    shutil.copytree(built, out)
    before = contents(out)
    summary = build_dataset(faces, out, replace(SETTINGS, scenes=10), workers=1)
    assert summary.made == 2
    after = contents(out)
    assert all(after[name] == before[name] for name in before if name.startswith("detection/im"))
    with pytest.raises(ConfigurationError, match="seed"):
        build_dataset(faces, out, replace(SETTINGS, seed=4), workers=1)


def test_without_faces_there_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no face"):
        build_dataset([], tmp_path / "set", SETTINGS)
    assert not (tmp_path / "set").exists()


def test_pair_of_whole_picture_keeps_the_true_face(faces: list[SourceFace]) -> None:
    image = read_pixels(faces[0].file)
    pair = make_pair(image, faces[0].landmarks, np.random.default_rng(0), UnchangedRefiner())
    assert pair.image is image and pair.masked.shape == image.shape
    area = sum(polygon_area(polygon) for polygon in pair.polygons)
    assert pair.hole.sum() == pytest.approx(area, rel=0.1)


def test_checks_refuse_masks_off_the_face() -> None:
    points = canonical_landmarks(80.0, (80.0, 70.0))
    good = np.zeros((160, 160), bool)
    good[85:125, 45:115] = True
    place = check_drawn_mask(good, points, "full")
    assert 0.3 < place.share < 1.0 and 0.3 < place.height < 0.9 and place.side < 0.05
    for shift, worn in (((0, 40), "full"), ((-60, 0), "full"), ((0, 0), "chin")):
        moved = np.roll(good, shift, axis=(0, 1))
        with pytest.raises(UnmaskError):
            check_drawn_mask(moved, points, worn)
    assert mask_place(np.zeros((9, 9), bool), points).share == 0.0


def test_scenes_show_masks_where_the_labels_say(faces: list[SourceFace]) -> None:
    usable = faces[:8]
    composer = SceneComposer(usable, [], SceneOptions(size=192, maskless=0.0))
    layouts, labelled = set(), 0
    for seed in range(24):
        scene = composer.compose(np.random.default_rng(seed))
        layouts.add(scene.layout)
        labelled += len(scene.outlines)
        assert len(scene.masks) == len(scene.outlines)
        height, width = scene.image.shape[:2]
        assert max(height, width) == 192
        for outline in (outline for outlines in scene.outlines for outline in outlines):
            assert outline.min() >= -0.5
            assert outline[:, 0].max() <= width - 0.5 and outline[:, 1].max() <= height - 0.5
    assert layouts == {"portrait", "crowd", "grid"} and labelled > 24


def test_maskless_scenes_have_no_labels_and_show_negatives(
    faces: list[SourceFace], tmp_path: Path
) -> None:
    negative = tmp_path / "negative.png"
    cv2.imwrite(str(negative), np.full((50, 70, 3), 99, np.uint8))
    composer = SceneComposer(faces[:8], [negative], SceneOptions(size=160, maskless=1.0))
    layouts: list[str] = []
    for seed in range(16):
        scene = composer.compose(np.random.default_rng(seed))
        assert scene.outlines == [] and scene.masks == []
        layouts.append(scene.layout)
    assert "empty" in layouts and len(set(layouts)) > 1


def test_face_pictures_keeps_within_its_limit(faces: list[SourceFace]) -> None:
    size = SIDE * SIDE * 3
    pictures = FacePictures(limit_bytes=2 * size)
    first = pictures(faces[0].file)
    assert pictures(faces[0].file) is first
    pictures(faces[1].file)
    pictures(faces[2].file)
    assert pictures(faces[0].file) is not first
    with pytest.raises(InputError, match="decoded"):
        pictures(faces[9].file)
    with pytest.raises(InputError, match="Cannot read"):
        pictures(faces[0].file.with_name("none.png"))


def test_command_builds_and_says_where(folder: Path, tmp_path: Path) -> None:
    from pipeline.command_line import app

    out = tmp_path / "set"
    arguments = ["synthesize", str(folder), str(out), "--pairs", "0", "--scenes", "4"]
    arguments += ["--scene-size", "96", "--workers", "1", "--quiet"]
    result = CliRunner().invoke(app, arguments)
    assert result.exit_code == 0, result.output
    assert "scenes: train" in result.output and "data.yaml" in result.output
    assert not (out / "pairs").exists()
    assert (out / "settings.json").is_file()
