"""What happens over time: tracking, bridging, smoothing, steadying, cuts."""

from __future__ import annotations

from itertools import pairwise

import cv2
import numpy as np
import pytest

from pipeline.crop import Crop
from pipeline.video import FrameStream, VideoSettings
from pipeline.video.face_track import FaceTrack, first_pose
from pipeline.video.mask_tracker import MaskTracker
from pipeline.video.motion import estimate_motion, grey
from pipeline.video.outline_field import hole_of_field, mean_field, moved_field, outline_field
from pipeline.video.scene_cuts import SceneCuts
from pipeline.video.similarity import from_affine, inverse, moved, scale_of, scaling_and_shift
from pipeline.video.steady_fill import SteadyFill
from tests.pipeline.video.clips import (
    face_picture,
    fill_skin,
    find_blue,
    moving_face,
    pipeline,
    pose,
    written_and_read,
)
from weights.base.errors import InputError


def unmasked(frames, settings=None, **stages):
    stream = FrameStream(pipeline(**stages), settings or VideoSettings(detect_every=1))
    done = stream.push(frames) + stream.finish()
    assert [frame.number for frame in done] == list(range(len(frames)))
    assert stream.pending == 0
    return done, stream


class Missing:
    """A detector that sees nothing in some frames."""

    def __init__(self, frames, blind):
        self.number = {frame.tobytes(): index for index, frame in enumerate(frames)}
        self.blind = blind
        self.looked = []

    def detect(self, images):
        found = []
        for image in images:
            number = self.number[image.tobytes()]
            self.looked.append(number)
            found.append([] if number in self.blind else find_blue(image))
        return found


def disk(size, x, y, radius):
    rows, columns = np.mgrid[: size[0], : size[1]]
    return (columns - x) ** 2 + (rows - y) ** 2 <= radius**2


def overlap(first, second):
    return np.count_nonzero(first & second) / max(np.count_nonzero(first | second), 1)


def test_every_frame_is_filled_and_the_rest_is_untouched():
    frames = moving_face(20)
    done, stream = unmasked(frames)
    for before, after in zip(frames, done, strict=True):
        assert after.faces == 1
        assert np.array_equal(after.image[~after.hole], before[~after.hole])
        mask = np.logical_or.reduce([region.mask for region in find_blue(before)])
        assert not (mask & ~after.hole).any()
        assert not find_blue(after.image)
    assert (stream.people, stream.cuts) == (1, 0)
    assert set(stream.timings) == {
        "detector",
        "refiner",
        "inpainter",
        "blender",
        "tracking",
        "steadying",
    }


def test_the_stages_one_by_one_do_what_the_pipeline_does():
    frames = moving_face(2)
    own = pipeline(blender="feather")
    timings = [{}, {}]
    faces = []
    for frame, (regions, (face,)) in zip(frames, own.find_faces(frames, timings), strict=True):
        assert len(regions) == 1 and face.hole.shape == frame.shape[:2]
        assert face.crop == Crop.around(face.hole)
        assert np.array_equal(face.missing, face.crop.take(face.hole))
        faces.append(face)
    fills = own.complete(frames, faces, timings)
    for place, result in enumerate(own.run(frames)):
        image = own.blend(frames[place], [faces[place]], [fills[place]], timings[place])
        assert np.array_equal(image, result.image)
    assert {"detector", "refiner", "inpainter", "blender"} == set(timings[0])


def test_a_pipeline_says_what_tells_it_from_others():
    said = [
        pipeline(**stages).description()
        for stages in (
            {},
            {"blender": {"name": "feather", "grain": False}},
            {"blender": {"name": "feather", "grain": True}},
            {"context": 2.0},
        )
    ]
    assert all(isinstance(value, str) for one in said for value in one.values())
    assert len({tuple(one.items()) for one in said}) == 4
    assert said[0] == pipeline().description()


def test_the_input_is_never_written_to():
    frames = moving_face(12)
    copies = [frame.copy() for frame in frames]
    unmasked(frames)
    assert all(np.array_equal(*pair) for pair in zip(frames, copies, strict=True))


def test_missed_frames_are_bridged():
    frames = moving_face(30)
    blind = {7, 13, 14, 15, 16, 22}
    done, stream = unmasked(frames, detector=Missing(frames, blind))
    seeing, _ = unmasked(frames)
    assert stream.people == 1
    for bridged, seen in zip(done, seeing, strict=True):
        assert bridged.faces == 1
        assert overlap(bridged.hole, seen.hole) > 0.9


def test_a_mask_found_late_and_lost_early_is_held():
    frames = moving_face(24)
    blind = {0, 1, 2, 20, 21, 22, 23}
    settings = VideoSettings(detect_every=1, hold=2)
    done, _ = unmasked(frames, settings, detector=Missing(frames, blind))
    assert [frame.faces for frame in done] == [0] + 21 * [1] + [0, 0]


def test_something_seen_once_is_no_mask():
    frames = moving_face(20, masked=False)
    frames[9][20:44, 30:60] = (20, 60, 220)
    assert find_blue(frames[9])
    done, stream = unmasked(frames)
    assert [frame.faces for frame in done] == 20 * [0]
    assert all(frame.hole is None for frame in done)
    assert all(frame.image is before for frame, before in zip(done, frames, strict=True))
    assert stream.people == 0


def test_a_video_of_one_frame_is_a_picture():
    done, _ = unmasked(moving_face(1))
    assert done[0].faces == 1
    assert unmasked([])[0] == []


def test_a_mask_is_held_over_the_frames_that_the_detector_passed_over():
    frames = moving_face(32)
    blind = {*range(8), *range(24, 32)}
    settings = VideoSettings(detect_every=4, hold=0)
    done, _ = unmasked(frames, settings, detector=Missing(frames, blind))
    # Found from 8 to 20: between two looks nobody knows when it came and went.
    assert [frame.faces for frame in done] == 5 * [0] + 19 * [1] + 8 * [0]


def test_a_hole_that_another_swallows_is_left_to_it():
    left = moving_face(6)
    frames = [np.hstack([frame, frame[:, ::-1]]) for frame in left]
    stream = FrameStream(pipeline(), VideoSettings(), aligned=np.ones_like)
    done = stream.push(frames) + stream.finish()
    assert [frame.faces for frame in done] == 6 * [1]
    assert all(frame.hole.all() for frame in done)


@pytest.mark.parametrize("every", [2, 4])
def test_the_detector_may_look_less_often(every):
    frames = moving_face(24)
    detector = Missing(frames, set())
    done, _ = unmasked(frames, VideoSettings(detect_every=every), detector=detector)
    each, _ = unmasked(frames)
    assert detector.looked == list(range(0, 24, every))
    for sparse, dense in zip(done, each, strict=True):
        assert sparse.faces == 1
        assert overlap(sparse.hole, dense.hole) > 0.85


def test_a_scene_cut_resets_all():
    first, second = moving_face(12), moving_face(9, masked=False, seed=5)
    third = [255 - frame[:, ::-1] for frame in moving_face(3, masked=False, seed=2)]
    frames = [*first, *third, *second]
    done, stream = unmasked(frames)
    assert stream.cuts == 2
    assert [frame.faces for frame in done] == [1] * 12 + [0] * 12
    # A scene of one frame is filled though its mask was found but once.
    frames = [*third, first[0], *second]
    done, stream = unmasked(frames)
    assert [frame.faces for frame in done] == [0] * 3 + [1] + [0] * 9


def test_a_fill_does_not_leak_over_a_cut():
    first = moving_face(10)
    second = [np.ascontiguousarray(255 - frame[::-1, ::-1]) for frame in first]

    def find(image):
        return find_blue(image) if image.mean() < 128 else find_blue(255 - image)

    def fill(crop, hole):
        result = crop.copy()
        # The mask is blue in the first scene and yellow in the second.
        result[hole] = 0 if crop[hole][:, 2].mean() > 128 else 255
        return result

    done, stream = unmasked([*first, *second], detector=find, inpainter=fill)
    assert (stream.cuts, stream.people) == (1, 2)
    assert all(frame.image[frame.hole].max() <= 4 for frame in done[:10])
    assert all(frame.image[frame.hole].min() >= 251 for frame in done[10:])


def test_two_faces_are_two_tracks():
    left = moving_face(16, (64, 96))
    frames = [np.hstack([frame, frame[:, ::-1]]) for frame in left]
    done, stream = unmasked(frames)
    assert [frame.faces for frame in done] == 16 * [2]
    assert stream.people == 2


def flicker(images, holes, moves):
    """Mean difference in the hole to the frame before, brought along with the head."""
    differences = []
    for index in range(1, len(images)):
        step = moves[index] @ inverse(moves[index - 1])
        size = images[index].shape[1::-1]
        before = cv2.warpAffine(images[index - 1].astype(np.float32), step[:2], size)
        inside = cv2.erode(holes[index].view(np.uint8), np.ones((5, 5), np.uint8)) > 0
        differences.append(np.abs(images[index] - before)[inside].mean())
    return float(np.mean(differences))


def test_fills_are_steady():
    frames = moving_face(40)
    moves = [from_affine(pose(index)) for index in range(40)]
    settings = VideoSettings(detect_every=1, steadiness=0.0)
    loose, _ = unmasked(frames, settings)
    steady, _ = unmasked(frames)
    apart, close = (
        flicker([frame.image for frame in done], [frame.hole for frame in done], moves)
        for done in (loose, steady)
    )
    assert apart > 1.0
    assert close < 0.35 * apart


def test_outlines_are_steady():
    """A detector whose outlines jump by two pixels gives holes that jump far less."""
    frames = moving_face(30)

    def jumpy(image):
        kernel = np.ones((5, 5), np.uint8)
        grown = int(image[0].sum() + image[:, 40].sum()) % 2
        regions = find_blue(image)
        change = cv2.dilate if grown else cv2.erode
        return [
            type(region).from_mask(change(region.mask.view(np.uint8), kernel) > 0)
            for region in regions
        ]

    sizes = {}
    for smoothing in (0.0, 2.0):
        settings = VideoSettings(detect_every=1, smoothing=smoothing)
        done, _ = unmasked(frames, settings, detector=jumpy)
        areas = np.array([np.count_nonzero(frame.hole) for frame in done], float)
        sizes[smoothing] = np.abs(np.diff(areas)).mean() / areas.mean()
    assert sizes[2.0] < 0.5 * sizes[0.0]


def test_a_face_that_comes_near_stays_one_track():
    image, _ = face_picture()
    frames = []
    for index in range(40):
        scale = 0.35 + 0.02 * index
        matrix = scaling_and_shift(scale, 64 - 48 * scale, 60 - 48 * scale)[:2]
        wall = np.full((120, 128, 3), 90, np.uint8)
        cover = cv2.warpAffine(np.ones(image.shape[:2], np.uint8), matrix, (128, 120))
        wall[cover > 0] = cv2.warpAffine(image, matrix, (128, 120))[cover > 0]
        frames.append(wall)
    done, stream = unmasked(frames)
    assert [frame.faces for frame in done] == 40 * [1]
    assert stream.people == 1
    assert not any(find_blue(frame.image) for frame in done)


def test_a_state_gives_the_same_frames():
    frames = moving_face(36)
    settings = VideoSettings(chunk=4, look_ahead=6)
    whole, _ = unmasked(frames, settings)
    first = FrameStream(pipeline(), settings)
    done = first.push(frames[:20])
    state = written_and_read(first.state())
    assert first.pending == 6
    second = FrameStream(pipeline(), settings)
    second.restore(state, frames[14:20])
    done += second.push(frames[20:]) + second.finish()
    assert len(done) == 36
    for one, other in zip(whole, done, strict=True):
        assert np.array_equal(one.image, other.image)
    assert second.people == 1


def test_frames_come_out_as_soon_as_they_can():
    settings = VideoSettings(chunk=4, look_ahead=5, hold=2)
    stream = FrameStream(pipeline(), settings)
    given = 0
    for index, frame in enumerate(moving_face(30), 1):
        given += len(stream.push([frame]))
        assert stream.pending == index - given == min(index, 5)
    assert given + len(stream.finish()) == 30


def test_frames_of_another_size_are_refused():
    stream = FrameStream(pipeline())
    stream.push([np.zeros((20, 30, 3), np.uint8)])
    with pytest.raises(InputError, match="one size"):
        stream.push([np.zeros((20, 31, 3), np.uint8)])
    with pytest.raises(InputError, match="a frame must be a uint8 RGB array"):
        stream.push([np.zeros((20, 30), np.uint8)])


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"detect_every": 0}, "detect_every, in frames, must be a whole number from 1"),
        ({"detect_every": 9}, "look_ahead, in frames, must be a whole number from 9"),
        ({"hold": 8}, "hold must be below look_ahead"),
        ({"smoothing": -1.0}, "smoothing must be from 0"),
        ({"steadiness": 1.0}, "steadiness must be from 0 to below 1"),
        ({"chunk": True}, "chunk, in frames, must be a whole number"),
        ({"segment": 0}, "segment, in frames, must be a whole number"),
    ],
)
def test_settings_out_of_range_are_named(options, says):
    with pytest.raises(InputError, match=says):
        VideoSettings(**options)


@pytest.mark.parametrize(("turn", "scale", "shift"), [(0, 1, 9), (8, 1.05, 3), (-5, 0.94, -6)])
def test_motion_is_found(turn, scale, shift):
    image, _ = face_picture(160)
    wall = np.full((200, 240, 3), 80, np.uint8)
    wall[20:180, 40:200] = image
    matrix = cv2.getRotationMatrix2D((120, 100), turn, scale)
    matrix[:, 2] += shift
    after = cv2.warpAffine(wall, matrix, (240, 200), borderValue=(80, 80, 80))
    motion = estimate_motion(grey(wall), grey(after), (40.0, 20.0, 160.0))
    assert motion.certainty > 0.4
    corners = [(60.0, 40.0), (180.0, 40.0), (120.0, 160.0)]
    assert np.abs(moved(motion.matrix, corners) - moved(from_affine(matrix), corners)).max() < 0.7


def test_motion_without_anything_to_follow_is_unknown():
    flat = np.full((50, 60), 90, np.uint8)
    motion = estimate_motion(flat, flat, (10.0, 10.0, 30.0))
    assert motion.certainty == 0.0
    assert np.array_equal(motion.matrix, np.eye(3))
    assert estimate_motion(flat, flat, (500.0, 10.0, 30.0)).certainty == 0.0


def test_a_hole_without_texture_is_followed_by_its_place():
    size = (80, 120)
    tracker = MaskTracker(VideoSettings(detect_every=1))
    flat = np.full(size, 90, np.uint8)
    for frame in range(12):
        tracker.advance(frame, flat, [disk(size, 30 + 4 * frame, 40, 14)])
    assert tracker.count == 1
    for frame in range(2, 10):
        ((_, hole),) = tracker.holes_at(frame, size)
        assert overlap(hole, disk(size, 30 + 4 * frame, 40, 14)) > 0.9
    tracker.forget_before(8)
    assert min(tracker.holes_at(8, size)[0][0].poses) == 0
    tracker.forget_before(11)
    assert min(tracker.holes_at(11, size)[0][0].poses) == 3


def test_outlines_survive_the_canvas():
    size = (90, 110)
    hole = disk(size, 60, 50, 22) | disk(size, 80, 40, 12)
    placed = first_pose(Crop.around(hole).square)
    field = outline_field(hole, placed)
    assert overlap(hole_of_field(field, placed, size), hole) > 0.97
    move = scaling_and_shift(0.8, 0.1, 0.1)
    again = hole_of_field(moved_field(field, move), move @ placed, size)
    assert overlap(again, hole) > 0.96
    # One wrong outline among five is outvoted.
    wrong = outline_field(disk(size, 45, 50, 10), placed)
    mean = mean_field([field, field, wrong, field, field], [1.0] * 5)
    assert overlap(hole_of_field(mean, placed, size), hole) > 0.9


def test_beyond_the_frame_an_outline_is_unknown():
    """A mask that is half out of the frame does not end there when the head moves in."""
    size = (80, 100)
    placed = first_pose(Crop.around(disk((200, 300), 100, 40, 20)).square)
    entering = outline_field(disk(size, 100, 40, 20), placed)
    assert np.isnan(entering).any()
    later = scaling_and_shift(1.0, 30.0, 0.0)
    inside = outline_field(disk(size, 70, 40, 20), placed @ later)
    mean = mean_field([entering, inside], [1.0, 1.0])
    assert overlap(hole_of_field(mean, placed @ later, size), disk(size, 70, 40, 20)) > 0.95


def test_a_canvas_laid_out_anew_keeps_its_hole():
    size = (100, 140)
    hole = disk(size, 60, 50, 18)
    first = first_pose(Crop.around(hole).square)
    track = FaceTrack(0, {0: first @ scaling_and_shift(1.6, -20.0, -10.0)}, {0: 1.0})
    track.fields[0] = outline_field(hole, track.poses[0])
    before = hole_of_field(track.fields[0], track.poses[0], size)
    old = track.poses[0].copy()
    track.lay_out_anew_if_needed(0, Crop.around(hole).square)
    assert scale_of(track.poses[0]) == pytest.approx(scale_of(first))
    assert np.abs(track.poses[0] - old).max() > 0.01
    assert overlap(hole_of_field(track.fields[0], track.poses[0], size), before) > 0.93


def test_a_steady_fill_follows_its_face():
    """A fill that is right in each frame comes back as it is, however the head moves."""
    image, _ = face_picture(120)
    steady = SteadyFill()
    wall = cv2.GaussianBlur(image, (0, 0), 2.0)
    for index in range(12):
        matrix = from_affine(cv2.getRotationMatrix2D((60, 60), index, 1.0 + 0.01 * index))
        frame = cv2.warpAffine(wall, matrix[:2], (120, 120), borderMode=cv2.BORDER_REFLECT)
        hole = cv2.warpAffine(disk((120, 120), 60, 60, 20).view(np.uint8), matrix[:2], (120, 120))
        crop = Crop(20 + index % 3, 20, 80, 120, 120)
        placed = first_pose((20, 20, 80)) @ inverse(matrix)
        fill = crop.take(frame)
        result = steady.steady(fill, crop.take(hole > 0), crop, placed, steadiness=0.9)
        assert np.abs(result.astype(int) - fill).mean() < 2.0


def test_a_steady_fill_forgets_what_no_longer_fits():
    crop = Crop(0, 0, 64, 64, 64)
    placed = first_pose((0, 0, 64))
    hole = disk((64, 64), 32, 32, 14)
    dark, light = np.full((64, 64, 3), 40, np.uint8), np.full((64, 64, 3), 200, np.uint8)
    options = {"missing": hole, "crop": crop, "pose": placed, "steadiness": 0.9}
    steady = SteadyFill()
    for _ in range(10):
        assert np.abs(steady.steady(dark, **options).astype(int) - 40).max() <= 1
    assert steady.steady(light, **options).min() >= 199
    assert steady.steady(light, **options, trust=0.0).min() >= 199
    nearly = fill_skin(light, hole)
    mixed = steady.steady(nearly, **options).astype(int)[hole].mean(axis=0)
    assert (np.abs(mixed - (200, 175, 160)) < 12).all()


def stubble(seed):
    """A fill whose detail is of its own, and all else the same: grey with fine noise, 10 levels."""
    noise = np.random.default_rng(seed).normal(0.0, 1.0, (96, 96, 1)).astype(np.float32)
    fine = noise[:, :, 0] - cv2.GaussianBlur(noise[:, :, 0], (0, 0), 2.0)
    fill = 128.0 + 10.0 * fine[:, :, None] / fine.std()
    return np.clip(np.rint(fill), 0, 255).astype(np.uint8).repeat(3, axis=2)


def test_detail_is_not_averaged_away():
    """Of fills that differ in detail alone that of the first is shown, as strong as it was."""
    crop = Crop(0, 0, 96, 96, 96)
    hole = disk((96, 96), 48, 48, 30)
    inner = disk((96, 96), 48, 48, 24)
    steady = SteadyFill()
    shown = [
        steady.steady(stubble(seed), hole, crop, first_pose((0, 0, 96)), steadiness=0.9)[inner]
        for seed in range(12)
    ]
    # Averaged, ten of them would keep a third; resampling takes a tenth of the finest.
    assert shown[-1].std() == pytest.approx(stubble(0)[inner].std(), rel=0.15)
    assert np.corrcoef(shown[-1][:, 0], stubble(0)[inner][:, 0])[0, 1] > 0.9
    changes = [np.abs(after.astype(int) - before).mean() for before, after in pairwise(shown)]
    assert max(changes) < 1.5


def test_detail_that_no_longer_fits_gives_way():
    """A dark line that moved is shown where it is, and not where it was."""
    crop = Crop(0, 0, 96, 96, 96)
    hole = disk((96, 96), 48, 48, 40)
    steady = SteadyFill()
    for index in range(30):
        fill = np.full((96, 96, 3), 180, np.uint8)
        row = 40 if index < 10 else 56
        fill[row - 4 : row + 4] = 60
        shown = steady.steady(fill, hole, crop, first_pose((0, 0, 96)), steadiness=0.9)
    apart = np.abs(shown.astype(int) - fill)[20:76, 40:56]
    assert apart.mean() < 12
    assert shown[56, 48, 0] < 90 < 150 < shown[40, 48, 0]


def test_a_steady_detail_of_its_own_is_shown_as_it_is():
    """Such a mean takes away only what is coarse and changes: a flash, and no stubble."""
    crop = Crop(0, 0, 96, 96, 96)
    hole = disk((96, 96), 48, 48, 30)
    inner = disk((96, 96), 48, 48, 20)
    steady = SteadyFill(own_detail=True)
    for seed in range(10):
        fill = stubble(seed)
        shown = steady.steady(fill, hole, crop, first_pose((0, 0, 96)), steadiness=0.9)
    assert np.abs(shown.astype(int) - fill)[inner].mean() < 1.5
    brighter = np.where(hole[:, :, None], fill + 10, fill).astype(np.uint8)
    shown = steady.steady(brighter, hole, crop, first_pose((0, 0, 96)), steadiness=0.9)
    # A tenth of the flash is let through.
    rise = (shown.astype(int) - fill)[inner].mean()
    assert rise == pytest.approx(1.0, abs=0.7)


def test_a_hole_that_grows_shows_no_rim_of_the_past():
    """What was outside the hole, such as the mask's rim, must not be mixed into the fill."""
    crop = Crop(0, 0, 96, 96, 96)
    placed = first_pose((0, 0, 96))
    steady = SteadyFill()
    for radius in (20, 20, 20, 30, 30):
        hole = disk((96, 96), 48, 48, radius)
        fill = np.where(hole[:, :, None], np.uint8(200), np.uint8(180)).repeat(3, axis=2)
        fill[disk((96, 96), 48, 48, 30) & ~hole] = 0
        result = steady.steady(fill, hole, crop, placed, steadiness=0.9)
        wrong = np.abs(result.astype(int) - 200)
        assert wrong[disk((96, 96), 48, 48, radius - 3)].max() <= 2


def test_cuts_are_told_from_pans_and_lights():
    random = np.random.default_rng(0)
    scenes = [
        cv2.resize(random.integers(low, high, (18, 64, 3)).astype(np.uint8), (1280, 360))
        for low, high in ((0, 120), (100, 255))
    ]
    cuts = SceneCuts()
    pan = [scenes[0][:, 12 * index : 12 * index + 640] for index in range(40)]
    assert not any(cuts.is_cut(frame) for frame in pan)
    other = [scenes[1][:, 4 * index : 4 * index + 640] for index in range(10)]
    found = [cuts.is_cut(frame) for frame in other]
    assert found == [True] + 9 * [False]
    faded = [
        np.asarray(scenes[1][:, :640] * (1 - 0.02 * index), np.uint8) for index in range(1, 20)
    ]
    assert not any(cuts.is_cut(frame) for frame in faded)
    state = written_and_read(cuts.state())
    again = SceneCuts()
    again.restore(state)
    assert again.is_cut(scenes[0][:, :640])
