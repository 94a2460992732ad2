"""What is expected of a fill before it is made."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace

import cv2
import numpy as np
import pytest

from examples.astronaut import masked_astronaut
from pipeline import Pipeline
from pipeline.face import Face
from pipeline.outlook import SENTENCES, Outlook, estimate_outlook
from weights.base.errors import InputError, WeightsError
from weights.base.regions import MaskRegion
from weights.catalog import lookup
from weights.landmarks import FoundFace, LandmarkFinder, shared_finder


@pytest.fixture(scope="module")
def finder():
    return LandmarkFinder(device="cpu")


@pytest.fixture(scope="module")
def scene():
    """A face of usual size, light and way of looking, and its drawn mask."""
    return masked_astronaut("surgical", 10)


def outlook(picture, mask, finder, *, detected=True):
    (face,) = Face.each(0, picture, [mask])
    if finder is not None:
        face = replace(face, landmarks=finder.find_near(picture, face.frame))
    if detected:
        face = replace(face, regions=(MaskRegion.from_mask(mask),))
    return estimate_outlook(picture, face)


def test_a_usual_face_raises_no_concern(scene, finder):
    found = outlook(*scene, finder)
    assert found.concerns == ()
    assert 0.7 < found.chance < 0.9


@pytest.mark.parametrize("concern", ["dark", "small", "cut", "partial"])
def test_what_is_hard_is_named_and_likely_to_go_wrong(scene, finder, concern):
    picture, mask = scene
    rows, columns = np.nonzero(mask)
    if concern == "dark":
        picture = (picture * 0.06).astype(np.uint8)
    elif concern == "small":
        size = tuple(round(side * 30 / np.ptp(columns)) for side in picture.shape[1::-1])
        picture = cv2.resize(picture, size, interpolation=cv2.INTER_AREA)
        mask = cv2.resize(mask.astype(np.uint8), size, interpolation=cv2.INTER_NEAREST) > 0
    elif concern == "cut":
        middle = (columns.min() + columns.max()) // 2
        picture, mask = (np.ascontiguousarray(one[:, middle:]) for one in (picture, mask))
    else:
        mask = mask.copy()
        mask[: (rows.min() + rows.max()) // 2 + np.ptp(rows) // 5] = False
    found = outlook(picture, mask, finder)
    assert concern in found.concerns
    if concern != "small":
        # How large a face is hardly tells where its mouth will be.
        assert found.chance < outlook(*scene, finder).chance - 0.1


def test_a_hole_of_the_user_s_own_is_all_that_is_meant(scene, finder):
    picture, mask = scene
    rows = np.nonzero(mask)[0]
    half = mask.copy()
    half[: (rows.min() + rows.max()) // 2 + np.ptp(rows) // 5] = False
    assert "partial" not in outlook(picture, half, finder, detected=False).concerns


class Says:
    """A finder of a face that looks straight ahead, or to the side by `turn`."""

    def __init__(self, face=0.99, turn=0.0):
        self.face, self.turn = face, turn

    def find_near(self, image, frame):
        points = np.tile([frame.x, frame.y], (68, 1))
        points[1], points[15] = points[1] - [20, 0], points[15] + [20, 0]
        points[30, 0] += 20 * np.tan(np.radians(self.turn))
        return FoundFace(points, self.face, 1.0)


@pytest.mark.parametrize(
    ("says", "concern"),
    [(Says(turn=40), "turned"), (Says(turn=-40), "turned"), (Says(0.3), "unclear")],
)
def test_a_face_that_looks_away_is_named(scene, says, concern):
    found = outlook(*scene, says)
    assert concern in found.concerns
    assert found.chance < outlook(*scene, Says()).chance


def test_the_chance_is_that_of_the_fitted_numbers(scene):
    # All points lie in the hole and the picture, the face looks straight ahead in good light.
    assert outlook(*scene, Says()).chance == pytest.approx(
        1 / (1 + np.exp(-0.399 - 0.2 * np.log(99)))
    )


def test_without_landmarks_there_is_no_chance_but_what_is_seen_anyway(scene):
    picture, mask = scene
    assert outlook((picture * 0.06).astype(np.uint8), mask, None) == Outlook(("dark",))


def test_the_pipeline_tells_it_of_each_face(scene):
    picture, mask = scene
    (face,) = Pipeline(inpainter=leave, device="cpu").run([picture], [mask])[0].faces
    assert face.outlook.concerns == ()
    assert "about 8 in 10 are good" in repr(face)
    quiet = Pipeline(inpainter=leave, device="cpu", landmarks=None)
    assert quiet.run([picture], [mask])[0].faces[0].outlook is None
    with pytest.raises(InputError, match="A reference needs landmarks"):
        quiet.run([picture], [mask], [picture])


def leave(crop, hole):
    """An inpainter that may need torch, as far as the pipeline knows."""
    return crop


def test_missing_default_weights_are_no_error_and_chosen_ones_are(scene, tmp_path, monkeypatch):
    picture, mask = scene
    options = {"inpainter": leave, "device": "cpu"}
    monkeypatch.setattr(lookup, "RECORDS", tmp_path)
    shared_finder.cache_clear()
    try:
        (face,) = Pipeline(**options).run([picture], [mask])[0].faces
        assert face.outlook == Outlook()
        with pytest.raises(WeightsError, match="no weight file"):
            mine = str(tmp_path / "mine.safetensors")
            Pipeline(**options, landmarks=mine).run([picture], [mask])
    finally:
        shared_finder.cache_clear()


def test_every_concern_has_a_sentence():
    assert all(sentence.endswith(".") and "\n" not in sentence for sentence in SENTENCES.values())
    assert str(Outlook(("dark", "cut"), 0.42)) == "dark; cut; about 4 in 10 are good"


def test_a_classical_fill_of_the_user_s_own_hole_loads_no_torch():
    program = (
        "import sys\n"
        "import numpy as np\n"
        "from pipeline import Pipeline\n"
        "picture, hole = np.full((64, 64, 3), 9, np.uint8), np.zeros((64, 64), bool)\n"
        "hole[30:60, 20:44] = True\n"
        "(face,) = Pipeline(inpainter='telea').run([picture], [hole])[0].faces\n"
        "print('torch' in sys.modules, face.outlook.concerns, face.outlook.chance)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], check=True, capture_output=True, text=True
    )
    assert done.stdout == "False ('small', 'dark') None\n"
