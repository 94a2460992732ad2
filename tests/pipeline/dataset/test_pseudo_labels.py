"""Pseudo-labels: what annotators and detector agree on is kept, and nothing doubtful is shown."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import cv2
import numpy as np
import pytest
import typer
from typer.testing import CliRunner

from detector.data.face_boxes import FaceBox, read_face_boxes
from pipeline.commands.pseudo_label import pseudo_label
from pipeline.dataset.face_agreement import AgreementRules, judge_faces
from pipeline.dataset.pseudo_labels import (
    SHEET_NAME,
    SUMMARY_NAME,
    add_pseudo_labels,
    blurred,
    clear_window,
)
from tests.pipeline.dataset.written_labels import read_outlines
from weights.base.errors import InputError
from weights.base.regions import MaskRegion

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

SIZE = (120, 160)
MASK_COLOUR = (30, 160, 220)
LEFT, RIGHT = (20.0, 30.0, 60.0, 80.0), (100.0, 30.0, 140.0, 80.0)


def mask_on(box: Sequence[float], size: tuple[int, int] = SIZE) -> np.ndarray:
    """The lower half of a face's box, a little narrower than it."""
    mask = np.zeros(size, bool)
    x0, y0, x1, y1 = (round(value) for value in box)
    mask[(y0 + y1) // 2 : y1, x0 + 2 : x1 - 2] = True
    return mask


def face(box: Sequence[float], label: str = "with_mask") -> FaceBox:
    return FaceBox(tuple(box), label)  # type: ignore[arg-type]


class ColourDetector:
    """Finds what has the masks' colour; the brighter its red, the less sure it is."""

    def detect(self, images: Sequence[np.ndarray]) -> list[list[MaskRegion]]:
        found = []
        for image in images:
            alike = (np.abs(image[..., 1:].astype(int) - MASK_COLOUR[1:]) < 20).all(axis=2)
            count, numbered = cv2.connectedComponents(alike.astype(np.uint8))
            regions = []
            for number in range(1, count):
                mask = numbered == number
                if mask.sum() >= 30:
                    score = 1.0 - float(np.median(image[..., 0][mask])) / 255.0
                    regions.append(MaskRegion.from_mask(mask, score))
            found.append(regions)
        return found


def scene(masked: Sequence[Sequence[float]], seed: int = 0, red: int = 30) -> np.ndarray:
    coarse = np.random.default_rng(seed).integers(150, 250, (6, 8, 3)).astype(np.uint8)
    coarse[..., 1:] = coarse[..., :1]
    image = cv2.resize(coarse, SIZE[::-1], interpolation=cv2.INTER_CUBIC)
    for box in masked:
        image[mask_on(box)] = (red, *MASK_COLOUR[1:])
    return np.asarray(image, np.uint8)


@pytest.fixture
def detection(tmp_path: Path) -> Path:
    for kind in ("images", "labels"):
        (tmp_path / "set" / "detection" / kind / "train").mkdir(parents=True)
    return tmp_path / "set" / "detection"


def write_set(
    folder: Path, pictures: dict[str, tuple[np.ndarray, Sequence[tuple[Sequence[float], str]]]]
) -> Path:
    lines = []
    for name, (image, faces) in pictures.items():
        cv2.imwrite(str(folder / f"{name}.png"), image[..., ::-1])
        boxes = [{"label": label, "xyxy": list(box)} for box, label in faces]
        lines.append({"file": f"{name}.png", "face_boxes": boxes})
    file = folder / "pool.jsonl"
    file.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    return file


def stored(detection: Path) -> dict[str, tuple[np.ndarray, list[np.ndarray]]]:
    made = {}
    for file in sorted((detection / "images" / "train").iterdir()):
        image = np.asarray(cv2.imread(str(file)))[..., ::-1]
        made[file.stem] = (image, read_outlines(file, *image.shape[1::-1]))
    return made


def test_a_plausible_region_found_twice_is_the_mask_of_its_face() -> None:
    region = MaskRegion.from_mask(mask_on(LEFT), 0.8)
    verdict = judge_faces([face(LEFT)], [region], [region], AgreementRules())
    assert verdict.faces[0].agrees
    assert verdict.faces[0].region == 0
    assert verdict.strays == ()


@pytest.mark.parametrize(
    ("region", "label", "reason"),
    [
        (MaskRegion.from_mask(mask_on(LEFT), 0.4), "with_mask", "low score"),
        (MaskRegion.from_mask(mask_on((30, 60, 46, 76)), 0.9), "with_mask", "too small"),
        (MaskRegion.from_mask(mask_on((20, -20, 60, 80)), 0.9), "with_mask", "too large"),
        (MaskRegion.from_mask(mask_on((20, 2, 60, 58)), 0.9), "with_mask", "too high"),
        (MaskRegion.from_mask(mask_on((40, 30, 80, 80)), 0.9), "with_mask", "not inside"),
        (MaskRegion.from_mask(mask_on(RIGHT), 0.9), "with_mask", "not found"),
        (MaskRegion.from_mask(mask_on(LEFT), 0.9), "without_mask", "mask on a bare face"),
        (MaskRegion.from_mask(mask_on((26, 56, 50, 76)), 0.9), "incorrect", ""),
    ],
)
def test_every_kind_of_doubt_is_named(region: MaskRegion, label: str, reason: str) -> None:
    verdict = judge_faces([face(LEFT, label)], [region], [region], AgreementRules())
    assert verdict.faces[0].reason == reason
    assert (verdict.faces[0].region is None) == bool(reason)


def test_two_regions_or_one_that_the_mirror_image_lacks_are_no_agreement() -> None:
    whole, half = mask_on(LEFT), mask_on(LEFT)
    half[:, 36:] = False
    regions = [MaskRegion.from_mask(mask, 0.9) for mask in (whole, half)]
    rules = AgreementRules()
    assert judge_faces([face(LEFT)], regions, regions, rules).faces[0].reason == "several masks"
    for mirrored in ([], regions[1:]):
        verdict = judge_faces([face(LEFT)], regions[:1], mirrored, rules)
        assert verdict.faces[0].reason == "not found again"


def test_of_overlapping_faces_the_nearer_mouth_has_the_mask() -> None:
    near, behind = face((20, 30, 60, 80)), face((24, 10, 74, 100))
    region = MaskRegion.from_mask(mask_on(near.box), 0.9)
    verdict = judge_faces([behind, near], [region], [region], AgreementRules())
    assert [one.region for one in verdict.faces] == [None, 0]


def test_pictures_are_kept_whole_in_parts_or_not_at_all(tmp_path: Path, detection: Path) -> None:
    worn, bare = "with_mask", "without_mask"
    small = (80.0, 90.0, 90.0, 102.0)
    pool = write_set(
        tmp_path,
        {
            "both": (scene([LEFT, RIGHT], 1), [(LEFT, worn), (RIGHT, worn)]),
            "bare": (scene([], 2), [(LEFT, bare)]),
            "missed": (scene([LEFT], 3), [(LEFT, worn), (RIGHT, worn)]),
            "stray": (scene([LEFT, RIGHT], 4), [(LEFT, worn)]),
            "unsure": (scene([LEFT], 5, red=170), [(LEFT, worn)]),
            "crowd": (scene([LEFT], 6), [(LEFT, worn), (small, worn)]),
        },
    )
    (tmp_path / "broken.png").write_bytes(b"none")
    with pool.open("a") as file:
        faces = [{"label": worn, "xyxy": LEFT}]
        file.write(json.dumps({"file": "broken.png", "face_boxes": faces}) + "\n")
    done: list[tuple[int, int]] = []
    summary = add_pseudo_labels(
        pool,
        detection,
        ColourDetector(),
        described={"detector": "by colour"},
        progress=lambda *at: done.append(at),
    )
    assert (summary.whole, summary.partly) == (["both", "bare", "crowd"], ["missed", "stray"])
    assert (summary.refused, summary.unreadable) == (["unsure"], ["broken"])
    assert summary.reasons == {"not found": 2, "stray": 1, "low score": 1}
    assert done[-1] == (7, 7)
    made = stored(detection)
    assert {name: len(outlines) for name, (_, outlines) in made.items()} == {
        "pseudo-both": 2,
        "pseudo-bare": 0,
        "pseudo-missed-0": 1,
        "pseudo-stray-0": 1,
        "pseudo-crowd": 1,
    }
    assert made["pseudo-both"][0].shape[:2] == SIZE
    for name in ("pseudo-both", "pseudo-missed-0", "pseudo-stray-0"):
        image, outlines = made[name]
        drawn = np.zeros(image.shape[:2], np.uint8)
        for outline in outlines:
            cv2.fillPoly(drawn, [np.rint(outline).astype(np.int32)], 1)
        coloured = (np.abs(image.astype(int) - MASK_COLOUR) < 40).all(axis=2)
        assert (drawn.astype(bool) & coloured).sum() > 0.93 * (drawn.astype(bool) | coloured).sum()
    # Nothing of the doubtful face may be seen in the part that is cut out.
    assert made["pseudo-missed-0"][0].shape[1] <= RIGHT[0]
    kept = json.loads((detection / SUMMARY_NAME).read_text())
    assert kept["detector"] == "by colour"
    assert kept["refused"] == ["unsure"]
    assert cv2.imread(str(detection / SHEET_NAME)).shape[0] >= 208


def test_another_round_replaces_the_one_before(tmp_path: Path, detection: Path) -> None:
    faces = [(LEFT, "with_mask"), (RIGHT, "with_mask")]
    own = detection / "images" / "train" / "scene_000001.jpg"
    own.write_bytes(b"mine")
    pool = write_set(tmp_path, {"a": (scene([LEFT], 1), faces), "b": (scene([LEFT], 2), faces)})
    add_pseudo_labels(pool, detection, ColourDetector())
    before = {path: path.read_bytes() for path in detection.rglob("pseudo-*")}
    assert {path.stem for path in before} == {"pseudo-a-0", "pseudo-b-0"}
    again = add_pseudo_labels(pool, detection, ColourDetector())
    assert again.removed == 0
    assert {path: path.read_bytes() for path in detection.rglob("pseudo-*")} == before
    pool = write_set(tmp_path, {"a": (scene([LEFT, RIGHT], 1), faces)})
    summary = add_pseudo_labels(pool, detection, ColourDetector())
    assert summary.removed == 2
    assert {path.stem for path in detection.rglob("pseudo-*")} == {"pseudo-a"}
    assert own.read_bytes() == b"mine"


@pytest.mark.parametrize("mirrored", [False, True])
def test_what_resembles_a_measuring_picture_is_left_out(
    mirrored: bool, tmp_path: Path, detection: Path
) -> None:
    image = scene([LEFT], 1)
    pool = write_set(tmp_path, {"a": (image, [(LEFT, "with_mask")])})
    shown = cv2.resize(image[:, ::-1] if mirrored else image, (300, 230))
    cv2.imwrite(str(tmp_path / "measured.jpg"), shown[..., ::-1])
    measuring = [tmp_path / "measured.jpg"]
    summary = add_pseudo_labels(pool, detection, ColourDetector(), measuring=measuring)
    assert summary.near_duplicates == ["a"]
    assert stored(detection) == {}


def test_a_window_is_cut_back_from_what_is_doubtful() -> None:
    around = (100.0, 100.0, 140.0, 150.0)
    assert clear_window(around, [], (400, 400)) == (25, 25, 215, 225)
    left, top, right, bottom = clear_window(around, [(170.0, 90.0, 200.0, 130.0)], (400, 400))
    assert (left, top, right, bottom) == (25, 25, 170, 225)
    assert clear_window(around, [(141.0, 100.0, 160.0, 150.0)], (400, 400)) is None
    walls = [(0.0, 0.0, 90.0, 400.0), (150.0, 0.0, 400.0, 400.0)]
    assert clear_window(around, walls, (400, 400)) is None


def test_blurring_hides_a_box_and_nothing_else() -> None:
    image = np.random.default_rng(0).integers(0, 255, (40, 50, 3)).astype(np.uint8)
    result = blurred(image, (10.0, 5.0, 30.0, 25.0))
    assert result[5:25, 10:30].std() < 0.2 * image[5:25, 10:30].std()
    changed = (result != image).any(axis=2)
    changed[5:25, 10:30] = False
    assert not changed.any()
    assert (blurred(image, (60.0, 60.0, 70.0, 70.0)) == image).all()


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        ('{"file": "a.png", "face_boxes": [{"label": "masked", "xyxy": [0, 0, 1, 1]}]}', "masked"),
        ('{"file": "a.png", "face_boxes": [{"label": "with_mask", "xyxy": [0, 0, 0, 1]}]}', "x0 <"),
        ('{"file": "a.png", "polygons": [{"points": [[0, 0]]}]}', "but no outlines"),
        ("{", "Line 1"),
    ],
)
def test_malformed_annotations_are_refused(line: str, sentence: str, tmp_path: Path) -> None:
    (tmp_path / "pool.jsonl").write_text(line + "\n")
    with pytest.raises(InputError, match=sentence):
        read_face_boxes(tmp_path / "pool.jsonl")


def test_wrong_rules_and_folders_are_refused(tmp_path: Path) -> None:
    pool = write_set(tmp_path, {"a": (scene([LEFT]), [(LEFT, "with_mask")])})
    with pytest.raises(InputError, match="not a detection data set"):
        add_pseudo_labels(pool, tmp_path / "nowhere", ColourDetector())
    with pytest.raises(InputError, match="rising"):
        AgreementRules(cover=(0.5, 0.2))
    with pytest.raises(InputError, match="score must be"):
        AgreementRules(score=0.0)


def test_the_command_takes_any_detector(tmp_path: Path, detection: Path) -> None:
    program = typer.Typer()
    program.command()(pseudo_label)
    pool = write_set(tmp_path, {"a": (scene([LEFT], 1), [(LEFT, "with_mask")])})
    dotted = f"{ColourDetector.__module__}:{ColourDetector.__name__}"
    arguments = [str(pool), str(detection.parent), "--detector", dotted, "--quiet"]
    result = CliRunner().invoke(program, arguments, catch_exceptions=False)
    assert result.exit_code == 0
    assert "1 used whole" in result.output
    assert json.loads((detection / SUMMARY_NAME).read_text())["detector"] == dotted


def test_the_command_looks_for_measuring_pictures_in_folders_too(
    tmp_path: Path, detection: Path
) -> None:
    program = typer.Typer()
    program.command()(pseudo_label)
    image = scene([LEFT], 1)
    pool = write_set(tmp_path, {"a": (image, [(LEFT, "with_mask")])})
    (tmp_path / "measuring" / "images").mkdir(parents=True)
    cv2.imwrite(str(tmp_path / "measuring" / "images" / "b.jpg"), image[..., ::-1])
    dotted = f"{ColourDetector.__module__}:{ColourDetector.__name__}"
    arguments = [str(pool), str(detection.parent), "--detector", dotted, "--quiet"]
    arguments += ["--measuring", str(tmp_path / "measuring")]
    result = CliRunner().invoke(program, arguments, catch_exceptions=False)
    assert result.exit_code == 0
    assert "1 that resemble a measuring picture" in " ".join(result.output.split())
