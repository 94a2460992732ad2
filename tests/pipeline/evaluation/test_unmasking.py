from __future__ import annotations

import math

import cv2
import numpy as np
import pytest

from detector.data.annotations import AnnotatedMask, AnnotatedPicture
from inpainter.evaluation.benchmark_cases import BenchmarkCases
from inpainter.evaluation.loop import Instruments
from inpainter.holes import CentreBox
from inpainter.metrics import FeatureExtractor
from pipeline.core import Pipeline
from pipeline.evaluation.case_sets import JoinedCases
from pipeline.evaluation.drawn_faces import DrawnFaces, DrawnMaskCases, framed_case
from pipeline.evaluation.unmasking import (
    UnmaskingCase,
    UnmaskingCases,
    evaluate_pipelines,
    measure_unmasking,
    unmasking_rows,
)
from pipeline.result import UnmaskResult
from tests.faces import write_faces
from tests.pipeline.colour_stages import FILL, STAGES, fill_colour, masked_scene
from weights.base.errors import ConfigurationError, InputError


def box(size, x0, y0, x1, y1):
    mask = np.zeros(size, bool)
    mask[y0:y1, x0:x1] = True
    return mask


def result_of(image, hole, fill=None):
    changed = image.copy()
    if fill is not None:
        changed[hole] = fill
    return UnmaskResult(changed, [], hole, (), {"detector": 0.25, "inpainter": 0.5})


SIZE = (60, 80)
MASK = box(SIZE, 20, 20, 40, 40)
IMAGE = np.random.default_rng(0).integers(0, 200, (*SIZE, 3), np.uint8)


class TestOnePicture:
    case = UnmaskingCase("a", IMAGE, (MASK,))

    def test_what_is_left_and_what_is_too_much(self):
        values = measure_unmasking(self.case, result_of(IMAGE, box(SIZE, 24, 20, 50, 40), 9))
        assert values["mask_left"] == values["mask_left_found"] == pytest.approx(0.2)
        assert values["masks_found"] == 1.0 and values["excess"] == pytest.approx(0.5)
        assert values["known_changed"] == 0.0 and values["seconds"] == 0.75
        assert values["seconds_detector"] == 0.25 and math.isnan(values["psnr"])
        assert math.isnan(values["falsely_changed"])

    def test_a_missed_mask(self):
        values = measure_unmasking(self.case, result_of(IMAGE, box(SIZE, 31, 20, 40, 40), 9))
        assert values["masks_found"] == 0.0 and values["mask_left"] == pytest.approx(0.55)
        assert math.isnan(values["mask_left_found"]) and math.isnan(values["excess"])

    def test_changed_known_pixels_are_counted(self):
        result = result_of(IMAGE, MASK, 9)
        result.image[0, :8] ^= 1
        values = measure_unmasking(self.case, result)
        assert values["known_changed"] == pytest.approx(8 / (60 * 80 - 400))

    def test_each_mask_of_a_picture_counts_once(self):
        case = UnmaskingCase("a", IMAGE, (MASK, box(SIZE, 60, 50, 70, 60)))
        values = measure_unmasking(case, result_of(IMAGE, MASK, 9))
        assert values["masks_found"] == 0.5 and values["mask_left"] == 0.5
        assert values["mask_left_found"] == 0.0

    def test_filling_small_masks_and_straps_is_not_too_much(self):
        beside = box(SIZE, 40, 20, 50, 40)
        for given in ({"ignored": beside}, {"straps": beside}):
            case = UnmaskingCase("a", IMAGE, (MASK,), **given)
            values = measure_unmasking(case, result_of(IMAGE, MASK | beside, 9))
            assert values["excess"] == 0.0
        assert values["straps_left"] == 0.0
        values = measure_unmasking(case, result_of(IMAGE, MASK, 9))
        assert values["straps_left"] == 1.0

    def test_pictures_without_masks(self):
        case = UnmaskingCase("a", IMAGE, ())
        nothing = np.zeros(SIZE, bool)
        assert measure_unmasking(case, result_of(IMAGE, nothing))["falsely_changed"] == 0.0
        assert measure_unmasking(case, result_of(IMAGE, MASK, 9))["falsely_changed"] == 1.0
        small = UnmaskingCase("a", IMAGE, (), ignored=MASK)
        assert math.isnan(measure_unmasking(small, result_of(IMAGE, MASK))["falsely_changed"])

    def test_the_truth_is_asked_where_the_mask_was(self):
        truth = np.full_like(IMAGE, 100)
        masked = truth.copy()
        masked[MASK] = 250
        case = UnmaskingCase("a", masked, (MASK,), truth)
        values = measure_unmasking(case, result_of(masked, MASK, 110))
        assert values["psnr_hole"] == pytest.approx(20 * math.log10(25.5))
        assert values["l1_hole"] == pytest.approx(10 / 255)
        missed = measure_unmasking(case, result_of(masked, np.zeros(SIZE, bool)))
        assert missed["l1_hole"] == pytest.approx(150 / 255), "a missed mask is the result"

    def test_a_result_of_another_size_is_refused(self):
        with pytest.raises(InputError, match="instead of"):
            measure_unmasking(self.case, result_of(IMAGE[:30], MASK[:30]))


@pytest.fixture
def photographs(tmp_path):
    """Two pictures with a mask each, the second missed by the detector; one without any."""
    pictures = []
    for number, patches in enumerate([[(20, 30, 90, 80)], [], []]):
        file = tmp_path / f"{number}.png"
        cv2.imwrite(str(file), masked_scene((120, 160), patches, number)[..., ::-1])
        corners = np.array([[20, 30], [89, 30], [89, 79], [20, 79]], float)
        masks = (AnnotatedMask((corners,)),) if number < 2 else ()
        pictures.append(AnnotatedPicture(file, masks, ("cloth", "child") if number == 0 else ()))
    return UnmaskingCases((), {"photos": pictures})


def pipelines():
    return {
        "mean": Pipeline(**STAGES),
        "flat": Pipeline(**{**STAGES, "inpainter": fill_colour, "blender": "none"}),
    }


def test_photographs_through_whole_pipelines(photographs):
    done = []
    report = evaluate_pipelines(pipelines(), photographs, batch=2, progress=done.append)
    assert report.stage == "pipeline" and report.cases == 3 and done == [2, 3]
    for system in ("mean", "flat"):
        found = report.values(system, "masks_found")
        assert found["photos/0.png"] == 1.0 and found["photos/1.png"] == 0.0
        assert math.isnan(found["photos/2.png"])
        assert report.values(system, "falsely_changed")["photos/2.png"] == 0.0
        assert report.estimate(system, "known_changed").high == 0.0
        assert report.estimate(system, "seconds").mean > 0
    kinds = {(part.kind, part.name) for part in report.parts()}
    assert {("tag", "cloth"), ("tag", "child"), ("set", "photos")} <= kinds
    assert {("masks", "all found"), ("masks", "none found")} <= kinds
    assert ("mask width", "60 to 120 px") in kinds


def test_rows_show_masks_holes_and_results(photographs):
    rows = unmasking_rows(pipelines(), photographs.only(["photos/0.png"]), ["photos/0.png"])
    (row,) = rows.values()
    assert list(row.cells) == ["masked", "masks and holes", "mean", "flat"]
    assert (row.cells["flat"] == FILL).all(axis=2).sum() == 70 * 50
    outlines = row.cells["masks and holes"].reshape(-1, 3).tolist()
    assert [0, 220, 0] in outlines and [255, 0, 0] in outlines


def test_what_is_known_is_not_run_again(photographs):
    kept = []
    whole = evaluate_pipelines(pipelines(), photographs, keep=kept.append)
    assert len(kept) == 6

    class Counting:
        def __init__(self, pipeline):
            self.pipeline, self.pictures = pipeline, 0

        def run(self, images):
            self.pictures += len(images)
            return self.pipeline.run(images)

    counting = {name: Counting(one) for name, one in pipelines().items()}
    rest = evaluate_pipelines(counting, photographs, known=kept[:5])
    assert [one.pictures for one in counting.values()] == [0, 2], "one to load, and one left"
    assert rest.checksum == whole.checksum
    assert rest.values("flat", "mask_left") == pytest.approx(
        whole.values("flat", "mask_left"), nan_ok=True
    )


def test_wrong_pipelines_and_cases(photographs):
    class Silent:
        def run(self, images):
            return []

    with pytest.raises(ConfigurationError, match="at least one pipeline"):
        evaluate_pipelines({}, photographs)
    with pytest.raises(InputError, match="gave 0 results"):
        evaluate_pipelines({"x": Silent()}, photographs)
    with pytest.raises(InputError, match="no case"):
        evaluate_pipelines(pipelines(), [])
    case = UnmaskingCase("a", IMAGE, (MASK,))
    with pytest.raises(InputError, match="occurs twice"):
        evaluate_pipelines(pipelines(), [case, case])


@pytest.fixture
def faces(tmp_path):
    return DrawnFaces(
        write_faces(tmp_path / "faces", 5, side=160, gender="Female"), split=None, count=3
    )


def test_drawn_faces_are_the_same_on_each_pass_and_know_their_masks(faces):
    first, second = list(faces), list(faces)
    assert 2 <= len(first) <= 3
    for one, other in zip(first, second, strict=True):
        np.testing.assert_array_equal(one.masked, other.masked)
        assert one.groups["gender"] == "Female" and one.groups["worn"]
        assert one.groups["mask kind"] and one.groups["face size"]
        assert (one.masked[one.mask] != one.image[one.mask]).any()
    (alone,) = faces.only([first[1].name])
    np.testing.assert_array_equal(alone.masked, first[1].masked)
    with pytest.raises(ConfigurationError, match="count"):
        DrawnFaces(faces.root, count=0)


def test_drawn_faces_go_through_pipelines_beside_their_truth(faces):
    drawn = list(faces)
    exact = {face.masked.tobytes(): face.mask for face in drawn}

    def knowing(image):
        return exact[image.tobytes()]

    truths = {face.masked.tobytes(): face.image for face in drawn}

    class Perfect:
        def __init__(self):
            self.inner = Pipeline(**{**STAGES, "detector": knowing})

        def run(self, images):
            answers = self.inner.run(images)
            for image, answer in zip(images, answers, strict=True):
                answer.image[answer.hole] = truths[image.tobytes()][answer.hole]
            return answers

    sizes = set()

    def inside(pictures, holes):
        sizes.update(hole.shape for hole in holes)
        pixels = [picture[hole] for picture, hole in zip(pictures, holes, strict=True)]
        return np.array([one.mean(axis=0) for one in pixels], np.float32)

    features = FeatureExtractor(lambda pictures: pictures.float().mean(dim=(2, 3)), "cpu")
    report = evaluate_pipelines(
        {"perfect": Perfect(), "mean": Pipeline(**{**STAGES, "detector": knowing})},
        UnmaskingCases([faces]),
        instruments=Instruments(features=features, realism=inside),
    )
    for result in report.results:
        filled, true = result.hole_features
        # Resizing draws in a little of the straps, which are in no hole.
        assert (np.abs(filled - true).max() < 5) == (result.system == "perfect")
    assert sizes == {(256, 256)}, "framed as set features are"
    assert all(math.isinf(v) for v in report.values("perfect", "psnr_hole").values())
    similar = [report.estimate(system, "ssim_hole").mean for system in ("perfect", "mean")]
    assert similar[0] > similar[1] + 0.05
    assert report.sets["perfect"]["frechet"] < report.sets["mean"]["frechet"]
    assert report.estimate("mean", "mask_left").mean == 0.0
    kinds = {part.kind for part in report.parts()}
    assert {"hole area", "mask kind", "worn", "gender", "face size", "masks"} <= kinds
    names = report.ranked("ssim_hole")[:1]
    (row,) = unmasking_rows(
        {"mean": Perfect()}, UnmaskingCases([faces]).only(names), names
    ).values()
    assert list(row.cells) == ["true", "masked", "masks and holes", "mean"]


def test_holes_of_drawn_masks_as_completion_cases(faces):
    class Exact:
        def refine(self, image, regions):
            return [region.mask for region in regions]

    cases = JoinedCases({"drawn": DrawnMaskCases(faces, Exact(), size=64)})
    every = list(cases)
    assert len(every) == len(list(faces))
    for case in every:
        assert case.image.shape == (64, 64, 3) and case.measured.any()
        assert case.groups["holes"] == "drawn" and case.name.endswith(" [drawn]")
    (alone,) = cases.only([every[0].name])
    np.testing.assert_array_equal(alone.hole, every[0].hole)


def test_kinds_measured_together_have_names_and_groups_of_their_own(tmp_path):
    plain = BenchmarkCases(write_faces(tmp_path, 3), CentreBox(), split=None, size=48)
    cases = JoinedCases({"box": plain})
    names = [case.name for case in cases]
    assert all(name.endswith(" [box]") for name in names)
    assert all(case.groups["holes"] == "box" for case in cases)
    for one, other in zip(cases, plain, strict=True):
        np.testing.assert_array_equal(one.hole, other.hole)


def test_a_framed_case_knows_what_lies_past_the_frame():
    inside = framed_case("a", IMAGE, box(SIZE, 30, 20, 40, 30), {})
    assert inside.inside is None
    corner = framed_case("a", IMAGE, box(SIZE, 0, 40, 30, 60), {}, 32)
    assert corner.image.shape == (32, 32, 3)
    assert not corner.inside.all() and corner.measured.any()
