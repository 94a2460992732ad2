"""Measuring references on pairs of photos of one person."""

from __future__ import annotations

import json

import numpy as np
import pytest

from pipeline import Pipeline, command_line
from pipeline.evaluation.references import (
    AnnotatedLandmarks,
    _figures,
    measure_references,
    reference_pairs,
)
from tests.faces import write_faces
from tests.pipeline.colour_stages import STAGES
from weights.base.errors import InputError
from weights.landmarks import FaceFrame, covered


@pytest.fixture
def faces(tmp_path):
    """Two people who are there twice, one who is there once, and one of another part."""
    folder = write_faces(tmp_path / "faces", count=6, side=160, width=160, height=160)
    lines = [json.loads(line) for line in (folder / "faces.jsonl").read_text().splitlines()]
    for line, person in zip(lines, "aabbcd", strict=True):
        line |= {"person": person, "split": "val" if person == "d" else "test"}
    (folder / "faces.jsonl").write_text("\n".join(map(json.dumps, lines)))
    return folder


def test_each_photo_is_masked_once_and_the_other_is_its_reference(faces):
    pairs = list(reference_pairs(faces, Pipeline(**STAGES)))
    assert [pair.name for pair in pairs] == [f"face{index}.png" for index in range(4)]
    assert np.array_equal(pairs[0].reference, pairs[1].truth)
    assert np.array_equal(pairs[3].reference_landmarks, pairs[2].landmarks)
    for pair in pairs:
        changed = (pair.masked != pair.truth).any(axis=2)
        assert changed[pair.hole].mean() > 0.9
        # A mask casts a shadow.
        assert changed[~pair.hole].mean() < 0.1
        assert pair.hole[tuple(np.rint(pair.landmarks[57]).astype(int)[::-1])]
    with pytest.raises(InputError, match="appears twice in the split 'val'"):
        list(reference_pairs(faces, Pipeline(**STAGES), split="val"))


def test_annotated_landmarks_are_those_of_the_photo(faces):
    pairs = list(reference_pairs(faces, Pipeline(**STAGES)))
    known = AnnotatedLandmarks(pairs)
    found = known.find(pairs[0].reference)
    assert found is not None
    assert np.array_equal(found.points, pairs[1].landmarks)
    near = known.find_near(covered(pairs[2].masked, pairs[2].hole), FaceFrame(0.0, 0.0, 1.0))
    assert np.array_equal(near.points, pairs[2].landmarks)
    assert known.find(np.zeros((8, 8, 3), np.uint8)) is None


def test_guess_and_reference_are_measured_on_the_same_photos(faces):
    pairs = list(reference_pairs(faces, Pipeline(**STAGES)))
    pipeline = Pipeline(**STAGES, landmarks=AnnotatedLandmarks(pairs))
    measured = measure_references(pairs, pipeline)
    assert measured.figures["photos"] == len(measured.rows) == 4
    assert measured.figures["refused"] == 0
    assert measured.figures["seconds"] > 0.0
    assert measured.figures["guess"]["psnr"] > 0.0
    assert measured.figures["reference"]["psnr"] > 0.0
    assert list(measured.rows[0].cells) == ["masked", "photo", "guess", "reference", "truth"]


def test_a_refused_reference_counts_for_neither(faces):
    pairs = list(reference_pairs(faces, Pipeline(**STAGES)))
    known = AnnotatedLandmarks(pairs)
    known.find = lambda image: None  # type: ignore[method-assign]
    measured = measure_references(pairs, Pipeline(**STAGES, landmarks=known))
    assert measured.figures == {"photos": 0, "refused": 4, "guess": {}, "reference": {}}
    assert "No face is found" in measured.refusals["face0.png"]


def test_the_way_goes_from_the_guess_to_two_true_photos():
    values = {
        "guess.identity": [0.5, 0.5],
        "reference.identity": [0.3, 0.5],
        "identity_floor": [0.2, 0.4],
        "reference.landmark_error": [0.1, np.nan],
    }
    figures = _figures(values, {}, 2, 1)
    assert figures["way"] == pytest.approx((0.5 - 0.4) / (0.5 - 0.3))
    assert figures["reference"]["landmark_error"] == pytest.approx(0.1)
    assert (figures["photos"], figures["refused"]) == (2, 1)


def test_realism_of_fills_that_equal_the_truth_is_perfect():
    pytest.importorskip("sklearn")
    random = np.random.default_rng(0)
    truth = list(random.normal(size=(20, 6)))
    far = [row + 3.0 for row in truth]
    figures = _figures({}, {"truth": truth, "guess": far, "reference": truth}, 20, 0)
    assert figures["reference"]["detectability"] < 0.6
    assert figures["guess"]["detectability"] > 0.95
    assert figures["guess"]["realism_distance"] > figures["reference"]["realism_distance"] + 0.1


def test_the_command_writes_figures_and_pictures(faces, tmp_path, capsys):
    arguments = ["evaluate", "references", str(faces), "--points", "annotated", "--no-realism"]
    with pytest.raises(SystemExit) as left:
        command_line.main([*arguments, "--count", "1", "-o", str(tmp_path / "out")])
    assert left.value.code == 0
    report = json.loads((tmp_path / "out" / "references.json").read_text())
    assert report["figures"]["photos"] == 1
    assert json.loads(capsys.readouterr().out) == report
    assert (tmp_path / "out" / "references.png").stat().st_size > 1000
