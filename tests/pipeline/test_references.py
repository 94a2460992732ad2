"""Filling from a reference photo: what fits, how it is warped, lit and fused, and what is said."""

from __future__ import annotations

import io
from pathlib import Path

import cv2
import numpy as np
import PIL.Image
import pytest

from inpainter.data.reference_map import match_light, warp_face
from pipeline import Pipeline, unmask
from pipeline.references.faces import (
    UnfitReferenceError,
    best_reference,
    check_fit,
    check_reference,
)
from pipeline.references.filling import read_references
from pipeline.references.fusing import fuse_reference
from pipeline.run.batch import unmask_files
from pipeline.run.folder import Job, find_files, plan_jobs, references_in
from tests.faces import canonical_landmarks
from tests.pipeline.colour_stages import MASK, STAGES
from weights.base.contracts import FacePhoto
from weights.base.errors import InputError
from weights.images.mark import NOTICE, NOTICE_OF_REFERENCE
from weights.images.mark_reader import read_mark
from weights.landmarks import FoundFace

SIDE = 200
JAW = 90.0
POINTS = canonical_landmarks(JAW, (100.0, 85.0))


def portrait(light=1.0, shift=0.0):
    """A face with a smooth skin and a mouth, always at `POINTS`."""
    down, across = np.mgrid[0:SIDE, 0:SIDE] / SIDE
    skin = np.stack([180 + 30 * across, 140 + 20 * down, 120 + 10 * across], axis=2)
    image = skin.astype(np.float32)
    for part, colour in ((slice(36, 42), 50), (slice(42, 48), 50), (slice(48, 60), 90)):
        cv2.fillPoly(image, [np.rint(POINTS[part]).astype(np.int32)], (colour, colour / 2, 40.0))
    return np.clip(light * image + shift, 0, 255).astype(np.uint8)


def turned(points, degrees):
    """The points as if the head was turned: the nose's tip leaves the middle."""
    moved = points.copy()
    left, right = points[1], points[15]
    moved[30] = (left + right) / 2 - (right - left) * np.tan(np.radians(degrees)) / 2
    return moved


def lower_face():
    hole = np.zeros((SIDE, SIDE), bool)
    hole[100:170, 60:140] = True
    return hole


class Finder:
    """Knows where the one face is, in photos and in crops of the picture."""

    def __init__(self):
        self.found = FoundFace(POINTS, 0.9, 0.1)
        self.near = FoundFace(POINTS, 0.9, 0.9)
        self.sought = 0

    def find(self, image):
        self.sought += 1
        return self.found

    def find_near(self, image, frame):
        return self.near


@pytest.fixture
def finder():
    return Finder()


@pytest.fixture
def stages(finder):
    return {**STAGES, "landmarks": finder}


def psnr(result, truth, where):
    return 10 * np.log10(255**2 / np.square(result[where].astype(float) - truth[where]).mean())


class TestFit:
    @pytest.mark.parametrize(
        ("found", "said"),
        [
            (None, "No face is found in the photo"),
            (FoundFace(POINTS, 0.9, 0.8), "wears a mask"),
            (FoundFace(POINTS / 3.0, 0.9, 0.1), "too small: .* 17 pixels apart, at least 24"),
        ],
    )
    def test_a_photo_that_no_face_can_be_filled_from_is_refused(self, found, said):
        with pytest.raises(UnfitReferenceError, match=said):
            check_reference(portrait(), found, "the photo")

    def test_turned_and_small_faces_are_refused(self):
        image = portrait()
        assert check_fit(FacePhoto(image, POINTS), POINTS, "it") == pytest.approx(0.0)
        assert check_fit(FacePhoto(image, turned(POINTS, 10)), POINTS, "it") == pytest.approx(
            10 / 25
        )
        assert check_fit(FacePhoto(image, 0.75 * POINTS), POINTS, "it") == pytest.approx(0.25)
        with pytest.raises(UnfitReferenceError, match=r"turned too far .* 40 degrees, at most 25"):
            check_fit(FacePhoto(image, turned(POINTS, 40)), POINTS, "it")
        with pytest.raises(UnfitReferenceError, match="40 % of the size"):
            check_fit(FacePhoto(image, 0.4 * POINTS), POINTS, "it")

    def test_the_best_of_several_is_taken_and_all_reasons_are_said(self):
        image = portrait()
        faces = [
            FacePhoto(image, turned(POINTS, 20)),
            UnfitReferenceError("The first is bad."),
            FacePhoto(image, turned(POINTS, -5)),
        ]
        assert best_reference(faces, POINTS, ["a", "b", "c"])[0] == 2
        with pytest.raises(UnfitReferenceError, match=r"The first is bad\. .*turned too far"):
            best_reference([faces[1], faces[0]], turned(POINTS, -30), ["b", "a"])


class TestFusing:
    @pytest.mark.parametrize(("own", "target"), [(25.0, 0.0), (0.0, 25.0), (90.0, -35.0)])
    def test_tilted_faces_are_fused_as_upright_ones_are(self, own, target):
        def tilted(image, degrees):
            matrix = cv2.getRotationMatrix2D((100, 110), -degrees, 1.0)
            size, border = (SIDE, SIDE), cv2.BORDER_REFLECT_101
            moved = cv2.warpAffine(image, matrix, size, flags=cv2.INTER_CUBIC, borderMode=border)
            return moved, POINTS @ matrix[:, :2].T + matrix[:, 2]

        image = cv2.GaussianBlur(portrait(), (0, 0), 2.0)
        dark, hole = cv2.GaussianBlur(portrait(0.8), (0, 0), 2.0), lower_face()
        fill = np.where(hole[..., None], np.uint8(90), dark)
        upright = fuse_reference(dark, fill, hole, POINTS, FacePhoto(image, POINTS))
        (crop, points), (filled, _) = tilted(dark, target), tilted(fill, target)
        missing = tilted(hole.view(np.uint8), target)[0] > 0
        photo = FacePhoto(*tilted(image, own))
        fused = fuse_reference(crop, filled, missing, points, photo)
        wanted, _ = tilted(upright, target)
        deep = cv2.erode(missing.view(np.uint8), np.ones((7, 7))) > 0
        assert psnr(fused, wanted, deep) > 32.0
        assert psnr(fused, filled, deep) < 22.0

    @pytest.mark.parametrize("scale", [0.75, 1.0, 3.0])
    def test_a_shifted_and_scaled_photo_is_brought_back(self, scale):
        image = cv2.GaussianBlur(portrait(), (0, 0), 3.0)
        size = round(scale * SIDE)
        way = np.array([[scale, 0.0, scale / 2 - 0.5], [0.0, scale, scale / 2 - 0.5]])
        larger = cv2.warpAffine(image, way, (size, size), borderMode=cv2.BORDER_REPLICATE)
        own = (POINTS + 0.5) * scale - 0.5
        warped, shown = warp_face(FacePhoto(larger, own), POINTS, SIDE)
        inside = np.s_[20:-20, 20:-20]
        assert shown[inside].all()
        assert np.abs(warped[inside] - image[inside]).max() < 6.0

    def test_points_come_to_lie_on_points(self):
        image = np.zeros((SIDE, SIDE, 3), np.uint8)
        bent = POINTS + 4.0 * np.sin(POINTS[:, ::-1] / 30.0)
        cv2.circle(image, np.rint(bent[51]).astype(int).tolist(), 3, (255, 255, 255), -1)
        warped, _ = warp_face(FacePhoto(image, bent), POINTS, SIDE)
        row, column = np.argwhere(warped[..., 0] > 128).mean(axis=0)
        assert np.allclose((column, row), POINTS[51], atol=1.0)

    def test_light_of_the_visible_skin_reaches_into_the_hole(self):
        truth, hole = portrait(), lower_face()
        lit = match_light(truth, portrait(0.7, 10.0).astype(np.float32), ~hole)
        assert psnr(lit, truth, hole) > 30.0
        assert psnr(portrait(0.7, 10.0), truth, hole) < 18.0

    def test_without_visible_skin_nothing_is_matched(self):
        warped = portrait().astype(np.float32)
        assert np.array_equal(
            match_light(portrait(0.5), warped, np.zeros((SIDE, SIDE), bool)), warped
        )

    def test_the_face_is_the_reference_s_and_all_else_the_fill_s(self):
        truth, hole = portrait(), lower_face()
        crop, fill = truth.copy(), truth.copy()
        crop[hole], fill[hole] = MASK, (90, 200, 90)
        photo = portrait(0.8, 5.0)
        result = fuse_reference(crop, fill, hole, POINTS, FacePhoto(photo, POINTS))
        assert np.array_equal(result[~hole], fill[~hole])
        mouth = np.zeros_like(hole)
        mouth[115:140, 80:120] = True
        assert psnr(result, truth, mouth) > psnr(photo, truth, mouth) + 5.0
        beside = hole & (np.mgrid[0:SIDE, 0:SIDE][0] > 165)
        assert (result[beside] == (90, 200, 90)).all()

    def test_what_lies_in_the_hole_does_not_show(self):
        hole, fill = lower_face(), portrait()
        crops = [fill.copy(), fill.copy()]
        crops[0][hole], crops[1][hole] = 0, 255
        reference = FacePhoto(portrait(0.8), POINTS)
        first, second = (fuse_reference(crop, fill, hole, POINTS, reference) for crop in crops)
        assert np.array_equal(first, second)


class TestPipeline:
    def picture(self):
        image = portrait()
        image[lower_face()] = MASK
        return image

    def test_mouth_and_chin_are_the_photo_s_and_the_rest_stays(self, finder, stages):
        pipeline, image = Pipeline(**stages), self.picture()
        guess = pipeline.run([image])[0]
        result = pipeline.run([image], references=[portrait(0.8)])[0]
        assert np.array_equal(result.image[~result.hole], image[~result.hole])
        mouth = np.zeros_like(result.hole)
        mouth[115:140, 80:120] = True
        assert psnr(result.image, portrait(), mouth) > psnr(guess.image, portrait(), mouth) + 8.0
        assert result.from_reference
        assert result.faces[0].reference == 0
        assert result.timings["reference"] > 0.0
        assert not guess.from_reference
        assert "reference" not in guess.timings

    def test_pictures_of_one_call_do_not_share_references(self, finder, stages):
        pipeline, image = Pipeline(**stages), self.picture()
        alone = pipeline.run([image])[0]
        both = pipeline.run([image, image], references=[None, portrait(0.8)])
        assert np.array_equal(both[0].image, alone.image)
        assert [one.from_reference for one in both] == [False, True]

    def test_the_face_of_a_photo_is_sought_once(self, finder, stages):
        pipeline, image = Pipeline(**stages), self.picture()
        pipeline.run([image, image], references=[portrait(0.8), portrait(0.8)])
        assert finder.sought == 1

    def test_a_photo_is_given_in_any_form(self, finder, stages, tmp_path):
        photo = portrait(0.9)
        path = tmp_path / "photo.png"
        PIL.Image.fromarray(photo).save(path)
        results = [
            unmask(self.picture(), reference=one, **stages)
            for one in (photo, path, str(path), path.read_bytes(), PIL.Image.open(path), [photo])
        ]
        assert all(np.array_equal(one, results[0]) for one in results)
        assert read_references(None) == []

    def test_no_mask_needs_no_reference(self, finder, stages):
        image = portrait()
        assert np.array_equal(Pipeline(**stages)(image, reference=portrait(0.9)), image)
        assert finder.sought == 0

    def test_several_masked_faces_are_refused(self, finder, stages):
        image = self.picture()
        image[20:40, 20:40] = MASK
        with pytest.raises(InputError, match="2 masked faces"):
            Pipeline(**stages, low_masks=True).run([image], references=[portrait()])

    def test_an_unfit_photo_is_one_sentence(self, finder, stages):
        finder.found = None
        with pytest.raises(InputError, match="No face is found in the reference photo"):
            unmask(self.picture(), reference=portrait(), **stages)
        with pytest.raises(InputError, match=r"in reference photo 1.* in reference photo 2"):
            unmask(self.picture(), reference=[portrait(), portrait(0.9)], **stages)

    def test_a_masked_face_that_is_not_seen_well_takes_none(self, finder, stages):
        finder.near = FoundFace(POINTS, 0.1, 0.9)
        with pytest.raises(InputError, match="behind the mask is not visible enough"):
            unmask(self.picture(), reference=portrait(), **stages)

    def test_references_are_one_a_picture(self, finder, stages):
        pipeline = Pipeline(**stages)
        with pytest.raises(InputError, match="one entry per picture, 1 here, but has 2"):
            pipeline.run([self.picture()], references=[None, None])
        with pytest.raises(InputError, match="but got str"):
            pipeline.run([self.picture()], references="photo.jpg")

    def test_the_mark_says_that_it_was_filled_from_a_photo(self, finder, stages):
        picture = io.BytesIO()
        PIL.Image.fromarray(self.picture()).save(picture, "PNG")
        mark = read_mark(unmask(picture.getvalue(), reference=portrait(), **stages))
        assert mark is not None
        assert mark.notice == NOTICE_OF_REFERENCE
        assert "filled from a reference photo" in mark.notice
        guess = read_mark(unmask(picture.getvalue(), **stages))
        assert guess is not None
        assert guess.notice == NOTICE


class TestFiles:
    def test_photos_are_matched_by_file_names_alone(self, tmp_path):
        names = ["people/anna.png", "people/anna/2.jpg", "people/anna/1.png", "people/anne.png"]
        for name in (*names, "people/anna/notes.txt", "anna.png"):
            (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / name).touch()
        found = references_in(tmp_path, Path("people/anna.jpg"))
        assert found == tuple(tmp_path / name for name in (names[0], names[2], names[1]))
        assert references_in(tmp_path, Path("people/ann.jpg")) == ()

    def test_a_file_serves_all_and_a_folder_its_names(self, tmp_path):
        for name in ("in/a.png", "in/b.png", "photos/a.png", "me.png"):
            (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
            PIL.Image.fromarray(portrait()).save(tmp_path / name)
        found = find_files([tmp_path / "in"])
        me, photo = tmp_path / "me.png", tmp_path / "photos" / "a.png"
        every = plan_jobs(found, tmp_path / "out", reference=me)
        assert [job.references for job in every] == [(me,), (me,)]
        named = plan_jobs(found, tmp_path / "out", reference=tmp_path / "photos")
        assert [job.references for job in named] == [(photo,), ()]
        with pytest.raises(InputError, match="no reference photo or folder"):
            plan_jobs(found, tmp_path / "out", reference=tmp_path / "none")
        (tmp_path / "empty").mkdir()
        with pytest.raises(InputError, match="named after a picture"):
            plan_jobs(found, tmp_path / "out", reference=tmp_path / "empty")

    def test_results_of_a_run_say_which_were_guessed(self, finder, stages, tmp_path):
        image = portrait()
        image[lower_face()] = MASK
        for name in ("a", "b"):
            PIL.Image.fromarray(image).save(tmp_path / f"{name}.png")
        PIL.Image.fromarray(portrait(0.9)).save(tmp_path / "me.png")
        jobs = [
            Job(tmp_path / "a.png", tmp_path / "a.out.png", references=(tmp_path / "me.png",)),
            Job(tmp_path / "b.png", tmp_path / "b.out.png"),
            Job(tmp_path / "b.png", tmp_path / "c.out.png", references=(tmp_path / "no.png",)),
        ]
        outcomes = list(unmask_files(Pipeline(**stages), jobs))
        assert [one.status for one in outcomes] == ["done", "done", "failed"]
        assert "no.png" in outcomes[2].reason
        marks = [read_mark(job.output) for job in jobs[:2]]
        assert [mark and mark.notice for mark in marks] == [NOTICE_OF_REFERENCE, NOTICE]


def test_what_a_hole_hides_changes_no_face_of_a_reference(stages, finder, monkeypatch):
    looked = []
    monkeypatch.setattr(
        Finder, "find_near", lambda self, image, frame: looked.append(image) or self.near
    )
    random = np.random.default_rng(0)
    hole, photo, other = lower_face(), portrait(), portrait()
    other[hole] = random.integers(0, 256, (np.count_nonzero(hole), 3), dtype=np.uint8)
    pipeline = Pipeline(**stages)
    one, two = (
        pipeline.run([picture], [hole], [portrait(light=0.8)])[0] for picture in (photo, other)
    )
    assert one.faces[0].reference == 0
    assert np.array_equal(one.image[hole], two.image[hole])
    assert len(looked) == 2 and np.array_equal(*looked), "landmarks are not sought in it either"
