from __future__ import annotations

import json
import math
import zlib
from pathlib import Path

import numpy as np
import PIL.Image
import pytest

from inpainter.data.face import Face
from inpainter.evaluation.benchmark_cases import (
    FACE_WIDTHS,
    BenchmarkCases,
    Case,
    HoleChecksum,
    band,
    face_groups,
    lower_face,
)
from inpainter.holes import CentreBox, FreeFormHoles
from tests.faces import canonical_landmarks
from weights.base.errors import ConfigurationError, InputError


def face_points(centre=(60.0, 60.0), radius=35.0):
    """A rough face: jaw on a half circle, the rest inside."""
    angle = np.linspace(np.pi, 0, 17)
    points = np.tile(np.asarray(centre), (68, 1))
    points[:17] += radius * np.stack([np.cos(angle), np.sin(angle)], axis=1)
    points[28] = np.asarray(centre) - (0, radius / 4)
    return points


@pytest.fixture
def faces(tmp_path):
    random = np.random.default_rng(0)
    lines = []
    for number in range(7):
        file = f"set/{number}.png"
        (tmp_path / "set").mkdir(exist_ok=True)
        picture = random.integers(0, 256, (120, 100 + number, 3), np.uint8)
        PIL.Image.fromarray(picture).save(tmp_path / file)
        lines.append(
            {
                "file": file,
                "split": "train" if number == 6 else "val",
                "source": "made",
                "gender": "Female" if number % 2 else "Male",
                "landmarks": face_points().tolist(),
            }
        )
    (tmp_path / "faces.jsonl").write_text("\n".join(json.dumps(line) for line in lines))
    return tmp_path


def checksum(cases):
    digest = HoleChecksum()
    for case in cases:
        digest.add(case)
    return digest.hex()


def test_two_passes_give_the_same_and_another_seed_gives_another(faces):
    cases = BenchmarkCases(faces, FreeFormHoles(), size=64)
    first, second = list(cases), list(cases)
    assert [case.name for case in first] == [case.name for case in second]
    for one, other in zip(first, second, strict=True):
        np.testing.assert_array_equal(one.hole, other.hole)
        np.testing.assert_array_equal(one.image, other.image)
    assert checksum(first) == checksum(BenchmarkCases(faces, FreeFormHoles(), size=64))
    assert checksum(first) != checksum(BenchmarkCases(faces, FreeFormHoles(), size=64, seed=1))


def test_cases_are_the_asked_part_at_the_asked_size_with_their_groups(faces):
    cases = list(BenchmarkCases(faces, CentreBox(), size=48))
    assert len(cases) == 6 and "set/6.png" not in {case.name for case in cases}
    for case in cases:
        assert case.image.shape == (48, 48, 3) and case.hole.shape == (48, 48)
        assert case.groups["source"] == "made" and case.groups["gender"] in ("Female", "Male")
        assert "age" not in case.groups


def test_a_faces_hole_does_not_depend_on_the_other_faces(faces):
    before = {case.name: case.hole for case in BenchmarkCases(faces, FreeFormHoles(), size=48)}
    lines = (faces / "faces.jsonl").read_text().splitlines()
    (faces / "faces.jsonl").write_text("\n".join(reversed(lines[2:])))
    after = {case.name: case.hole for case in BenchmarkCases(faces, FreeFormHoles(), size=48)}
    assert set(after) < set(before)
    for name, hole in after.items():
        np.testing.assert_array_equal(hole, before[name])


def test_a_smaller_count_takes_some_of_the_same_faces(faces):
    some = [case.name for case in BenchmarkCases(faces, CentreBox(), size=32, count=3)]
    every = [case.name for case in BenchmarkCases(faces, CentreBox(), size=32, count=None)]
    assert some == every[:3]


def test_framing_by_the_hole_shows_the_hole_whole(faces):
    for case in BenchmarkCases(faces, CentreBox(0.3), size=64):
        rows = np.flatnonzero(case.hole.any(axis=1))
        assert rows[0] > 0 and rows[-1] < 63
        assert 1.3 < 64 / rows.size < 1.9


def test_framing_by_the_face_draws_the_hole_on_the_crop(faces):
    for case in BenchmarkCases(faces, CentreBox(), size=64, framing="face"):
        np.testing.assert_array_equal(np.flatnonzero(case.hole.any(axis=1)), np.arange(16, 48))


def test_what_lies_past_the_frame_is_not_measured(faces):
    def bottom(landmarks, size, random):
        hole = np.zeros(size, bool)
        hole[-40:, 20:80] = True
        return hole

    for case in BenchmarkCases(faces, bottom, size=64):
        assert case.inside is not None and not case.inside.all()
        assert not case.inside[-1].any() and case.inside[32, 32]
        assert case.measured.any() and case.measured.sum() <= case.hole.sum()


@pytest.mark.parametrize(("size", "last_row"), [((60, 200), 59), ((200, 60), 64)])
def test_what_is_inside_goes_by_the_picture_s_height_and_width(tmp_path, size, last_row):
    PIL.Image.fromarray(np.zeros((*size, 3), np.uint8)).save(tmp_path / "a.png")
    (tmp_path / "faces.jsonl").write_text(json.dumps({"file": "a.png", "split": "val"}))

    def hole_of(landmarks, size, random):
        hole = np.zeros(size, bool)
        hole[20:60, 5:45] = True
        return hole

    # A hole of 40 pixels makes a square of 64 from (-7, 1).
    (case,) = BenchmarkCases(tmp_path, hole_of, size=64)
    expected = np.zeros((64, 64), bool)
    expected[:last_row, 7:] = True
    np.testing.assert_array_equal(case.inside, expected)


def test_faces_and_holes_follow_from_the_seed_and_the_name(faces):
    drawn = []

    def numbered(landmarks, size, random):
        drawn.append(int(random.integers(1 << 30)))
        return CentreBox()(landmarks, size, random)

    orders = []
    for seed in (0, 1):
        drawn.clear()
        names = [case.name for case in BenchmarkCases(faces, numbered, size=32, seed=seed)]
        for name, number in zip(names, drawn, strict=True):
            entropy = (seed, zlib.crc32(f"{seed}/hole/{name}".encode()))
            assert number == np.random.default_rng(entropy).integers(1 << 30)
        orders.append([int(name[4]) for name in names])
    assert orders == [[1, 0, 2, 3, 4, 5], [4, 5, 1, 0, 2, 3]]


def test_faces_without_a_hole_are_left_out(faces):
    def empty(landmarks, size, random):
        return np.zeros(size, bool)

    assert list(BenchmarkCases(faces, empty, size=32)) == []


def test_lower_face_is_the_hull_of_jaw_and_nose():
    mask = lower_face(face_points(), (120, 120))
    assert mask[85, 60] and mask[55, 60] and not mask[40, 60] and not mask[100, 60]
    assert lower_face(None, (8, 8)).sum() == 16
    assert lower_face(face_points((-500.0, -500.0)), (8, 8)).any()


def test_the_checksum_sees_names_holes_and_order():
    image = np.zeros((16, 16, 3), np.uint8)
    hole = np.zeros((16, 16), bool)
    hole[4:9, 4:9] = True
    other = hole.copy()
    other[0, 0] = True
    one, two, three = Case("a", image, hole), Case("b", image, hole), Case("a", image, other)
    sums = {checksum(cases) for cases in ([one], [two], [three], [one, two], [two, one])}
    assert len(sums) == 5
    assert checksum([one]) == checksum([Case("a", image + 1, hole)])


def test_wrong_cases_and_options_are_refused(faces):
    with pytest.raises(ConfigurationError, match="framing"):
        BenchmarkCases(faces, CentreBox(), framing="eyes")
    with pytest.raises(ConfigurationError, match="count"):
        BenchmarkCases(faces, CentreBox(), count=0)
    with pytest.raises(InputError, match="no faces of the split"):
        BenchmarkCases(faces, CentreBox(), split="test")
    with pytest.raises(InputError, match="hole of case x"):
        Case("x", np.zeros((16, 16, 3), np.uint8), np.zeros((8, 8), bool))


def test_the_size_of_the_face_is_a_group(faces):
    for case in BenchmarkCases(faces, CentreBox(), size=48):
        assert case.groups["face size"] == "60 to 90 px"
    assert [band(width, FACE_WIDTHS, "px") for width in (10, 59.9, 60, 500)] == [
        "0 to 60 px",
        "0 to 60 px",
        "60 to 90 px",
        "480 px and more",
    ]


def test_how_far_a_face_is_turned_is_a_group(faces):
    assert {case.groups["yaw"] for case in BenchmarkCases(faces, CentreBox(), size=48)} == {
        "0 to 15 degrees"
    }
    frontal = canonical_landmarks(60, (60, 50))
    turned = frontal.copy()
    turned[30, 0] += math.tan(math.radians(20)) * (frontal[15, 0] - frontal[1, 0]) / 2

    def group(landmarks, **labels):
        return face_groups(Face(Path("a.jpg"), landmarks, "val", labels)).get("yaw")

    assert group(turned) == "15 to 30 degrees"
    assert group(turned, yaw=-41.5) == "30 degrees and more", "a label is better than a guess"
    assert group(None) is None and group(None, yaw=3) == "0 to 15 degrees"


def test_some_cases_are_drawn_alone(faces):
    cases = BenchmarkCases(faces, FreeFormHoles(), size=48)
    every = list(cases)
    (one,) = cases.only([every[3].name, "no such face"])
    np.testing.assert_array_equal(one.hole, every[3].hole)
