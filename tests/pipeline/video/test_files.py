"""Videos as files: what is kept, what is refused, and going on after a kill."""

from __future__ import annotations

import ctypes
import gc
import os
import platform
import struct
import subprocess
import sys
import textwrap
import weakref
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from pipeline.video import VideoSettings, is_video, read_video_mark, unmask_video, unmasking
from pipeline.video.frame_pixels import aligned_hole, read_pixels, working_format, write_pixels
from pipeline.video.orientation import Orientation
from pipeline.video.provenance import XMP_BOX, _xmp_boxes
from pipeline.video.source import VideoSource
from tests.pipeline.video.clips import (
    find_blue,
    moving_face,
    pipeline,
    read_video,
    sound_packets,
    write_video,
)
from weights.base.errors import InputError, MissingDependencyError, OutputError
from weights.images.mark import NOTICE

QUICK = VideoSettings(segment=8, chunk=4)


def blue_share(frames):
    return [sum(region.area for region in find_blue(frame)) for frame in frames]


def test_a_video_is_told_by_its_suffix():
    assert is_video("a.MP4")
    assert is_video(Path("folder/a.webm"))
    assert not is_video("a.gif")
    assert not is_video("mp4")
    assert not is_video("a.mp4.jpg")


def test_masks_are_taken_off_and_all_else_is_kept(tmp_path):
    frames = moving_face(20)
    # A variable frame rate, with a long pause.
    stamps = [0, 500, 1000, 1700, 1701, *(9000 + 400 * index for index in range(15))]
    source = write_video(
        tmp_path / "in.mp4",
        frames,
        stamps=stamps,
        sound="aac",
        rotation=-90,
        tags={"title": "Swaying", "comment": "mine"},
    )
    seen = []
    report = unmask_video(
        pipeline(),
        source,
        tmp_path / "out.mp4",
        settings=QUICK,
        progress=lambda done, total: seen.append((done, total)),
    )
    before, times_before = read_video(source)
    after, times_after = read_video(tmp_path / "out.mp4")
    assert times_after == times_before
    assert len(set(np.diff([float(time) for time in times_after]).round(4))) > 2
    assert min(blue_share(before)) > 100
    # The stand-in's head lies on its side here, and is found all the same.
    assert max(blue_share(after)) == 0
    assert sound_packets(tmp_path / "out.mp4") == sound_packets(source)
    assert report.sound == "copied"
    assert (report.frames, report.faces, report.people, report.cuts) == (20, 20, 1, 0)
    assert (report.frames_without_mask, report.changed, report.resumed) == (0, True, 0)
    assert report.notes == ()
    assert seen[0] == (0, 20)
    assert seen[-1] == (20, 20)
    assert [done for done, _ in seen] == sorted(done for done, _ in seen)
    with av.open(str(tmp_path / "out.mp4")) as container:
        assert container.metadata["title"] == "Swaying"
        assert container.metadata["comment"].startswith("mine\n" + NOTICE)
        assert container.streams.video[0].codec_context.name == "h264"
        assert next(container.decode(video=0)).rotation == -90
        last = list(container.decode(video=0))[-1]
    with av.open(str(source)) as container:
        assert last.duration == list(container.decode(video=0))[-1].duration
    mark = read_video_mark(tmp_path / "out.mp4")
    assert mark.models == ("find_blue", "fill_skin")
    assert read_video_mark(source) is None
    assert sorted(path.name for path in tmp_path.iterdir()) == ["in.mp4", "out.mp4"]


def test_frames_are_upright_for_the_stages(tmp_path):
    shapes = set()

    def look(image):
        shapes.add(image.shape)
        return []

    source = write_video(tmp_path / "in.mp4", moving_face(3), rotation=90)
    unmask_video(pipeline(detector=look), source, tmp_path / "out.mp4")
    assert shapes == {(96, 64, 3)}


@pytest.mark.parametrize(
    ("name", "codec", "sound", "written", "how"),
    [
        ("out.mkv", "libx264", "aac", "h264", "copied"),
        ("out.mov", "libx264", "aac", "h264", "copied"),
        ("out.avi", "libx264", "libmp3lame", "h264", "copied"),
        ("out.ts", "libx264", "aac", "h264", "copied"),
        ("out.webm", "libvpx-vp9", "libopus", "vp9", "copied"),
        ("out.webm", "libx264", "aac", "vp9", "encoded anew"),
        ("out.mp4", "mpeg4", "pcm_s16le", "h264", "encoded anew"),
        ("out.mkv", "libx265", None, "hevc", "none"),
        ("out.mp4", "libx265", None, "hevc", "none"),
        ("out.mov", "ffv1", None, "h264", "none"),
        ("out.mp4", "libvpx-vp9", "libopus", "h264", "copied"),
        ("out.mkv", "ffv1", None, "ffv1", "none"),
    ],
)
def test_file_formats(tmp_path, name, codec, sound, written, how):
    source = write_video(tmp_path / "in.mkv", moving_face(8), codec=codec, sound=sound)
    target = tmp_path / name
    report = unmask_video(pipeline(), source, target, settings=QUICK)
    assert report.sound == how
    assert report.faces == 8
    after, times = read_video(target)
    assert len(after) == 8
    steps = np.diff([float(time) for time in times])
    assert np.allclose(steps, 0.04, atol=0.0011)
    assert max(blue_share(after)) == 0
    with av.open(str(target)) as container:
        assert container.streams.video[0].codec_context.codec.canonical_name == written
        if sound:
            heard = sum(frame.samples for frame in container.decode(audio=0))
            rate = container.streams.audio[0].codec_context.sample_rate
            assert heard / rate == pytest.approx(0.28, abs=0.06)
    assert read_video_mark(target).models == ("find_blue", "fill_skin")


@pytest.mark.parametrize(
    ("codec", "form", "size"),
    [
        ("ffv1", "yuv420p", (64, 96)),
        ("ffv1", "yuv420p", (63, 95)),
        ("ffv1", "yuv422p10le", (64, 96)),
        ("ffv1", "yuv444p", (63, 95)),
    ],
)
def test_outside_the_holes_no_sample_changes(tmp_path, codec, form, size):
    """With a codec that loses nothing, in the planes themselves, at any depth."""
    source = write_video(tmp_path / "in.mkv", moving_face(6, size), codec=codec, pixel_format=form)
    unmask_video(pipeline(), source, tmp_path / "out.mkv", settings=QUICK)
    with av.open(str(source)) as first, av.open(str(tmp_path / "out.mkv")) as second:
        for before, after in zip(first.decode(video=0), second.decode(video=0), strict=True):
            assert before.format.name == after.format.name == form
            kind = np.dtype("<u2") if form.endswith("le") else np.uint8
            changed = []
            for one, other in zip(before.planes, after.planes, strict=True):
                rows = np.frombuffer(one, kind).reshape(one.height, -1)[:, : one.width]
                others = np.frombuffer(other, kind).reshape(one.height, -1)[:, : one.width]
                changed.append(np.argwhere(rows != others))
            assert 100 < len(changed[0]) < 0.5 * size[0] * size[1]
            # The mask lies in the frame's middle half.
            for points, plane in zip(changed, before.planes, strict=True):
                assert (points.min(axis=0) > 0).all()
                assert np.ptp(points[:, 1]) < 0.6 * plane.width


def test_frames_of_odd_size_can_be_written(tmp_path):
    source = write_video(tmp_path / "in.mkv", moving_face(6, (63, 95)), codec="ffv1")
    unmask_video(pipeline(), source, tmp_path / "out.mp4")
    frames, _ = read_video(tmp_path / "out.mp4")
    assert frames[0].shape == (64, 96, 3)
    assert max(blue_share(frames)) == 0


@pytest.mark.parametrize("size", [(64, 96), (720, 96)])
@pytest.mark.parametrize(
    ("codec", "form", "name"),
    [("libx264rgb", "bgr24", "out.mp4"), ("png", "rgb24", "out.mkv"), ("ffv1", "bgr0", "out.webm")],
)
def test_colours_of_rgb_videos_stay(tmp_path, codec, form, name, size):
    """Such a video says that its matrix is that of RGB, which what is written is not."""
    frames = moving_face(2, size)
    source = write_video(tmp_path / "in.avi", frames, codec=codec, pixel_format=form)
    report = unmask_video(pipeline(), source, tmp_path / name)
    assert report.changed
    before, after = VideoSource(source), VideoSource(tmp_path / name)
    apart = read_pixels(after.first).astype(int) - read_pixels(before.first)
    assert np.abs(np.median(apart[:, 64:], axis=(0, 1))).max() <= 3
    assert after.first.colorspace == (1 if size[0] >= 720 else 6)
    # A player reads what was filled and what was not by the same matrix.
    shown = read_pixels(after.first).astype(int)
    assert np.count_nonzero(np.abs(shown - (200, 150, 120)).max(axis=2) <= 14) > 60


def test_transparency_that_is_lost_is_named(tmp_path):
    source = write_video(tmp_path / "in.mov", moving_face(4), codec="png", pixel_format="rgba")
    report = unmask_video(pipeline(), source, tmp_path / "out.mkv")
    assert report.notes == ("The transparency of the pictures was left out.",)


def test_a_video_without_masks_is_copied_bit_for_bit(tmp_path):
    source = write_video(tmp_path / "in.mp4", moving_face(6, masked=False), sound="aac")
    report = unmask_video(pipeline(), source, tmp_path / "out.mp4")
    assert (tmp_path / "out.mp4").read_bytes() == source.read_bytes()
    assert (report.changed, report.faces, report.frames_without_mask) == (False, 0, 6)
    assert report.sound == "copied"
    other = unmask_video(pipeline(), source, tmp_path / "out.mkv")
    assert not other.changed
    assert read_video_mark(tmp_path / "out.mkv") is None
    assert len(read_video(tmp_path / "out.mkv")[0]) == 6


def test_nothing_is_overwritten_unless_asked(tmp_path):
    source = write_video(tmp_path / "in.mp4", moving_face(4))
    target = tmp_path / "out.mp4"
    target.write_bytes(b"precious")
    with pytest.raises(OutputError, match="exists already"):
        unmask_video(pipeline(), source, target)
    assert target.read_bytes() == b"precious"
    unmask_video(pipeline(), source, target, overwrite=True)
    assert len(read_video(target)[0]) == 4
    with pytest.raises(InputError, match="both the video and its target"):
        unmask_video(pipeline(), source, source, overwrite=True)


def test_what_is_no_video_is_refused_in_one_sentence(tmp_path):
    text = tmp_path / "text.mp4"
    text.write_text("this is no video")
    sound = tmp_path / "sound.mkv"
    with av.open(str(sound), "w") as container:
        stream = container.add_stream("pcm_s16le", rate=8000)
        piece = av.AudioFrame.from_ndarray(np.zeros((1, 800), np.int16), "s16", "mono")
        piece.sample_rate = 8000
        container.mux(stream.encode(piece))
    good = write_video(tmp_path / "good.mp4", moving_face(6))
    cut_off = tmp_path / "cut.mp4"
    cut_off.write_bytes(good.read_bytes()[:600])
    for path, says in (
        (text, "is not a video that can be read"),
        (tmp_path / "missing.mp4", "There is no video"),
        (sound, "no moving pictures"),
        (cut_off, "is not a video that can be read"),
    ):
        with pytest.raises(InputError, match=says) as refused:
            unmask_video(pipeline(), path, tmp_path / "out.mp4")
        assert str(refused.value).count("\n") == 0
        assert str(refused.value).endswith(".")
    with pytest.raises(OutputError, match="no video suffix"):
        unmask_video(pipeline(), good, tmp_path / "out.txt")
    for name in ("out.ogv", "out.mpg", "out.mxf"):
        with pytest.raises(OutputError, match=r"use .mp4, .mkv or .webm"):
            unmask_video(pipeline(), good, tmp_path / name)
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "cut.mp4",
        "good.mp4",
        "sound.mkv",
        "text.mp4",
    ]


def test_damaged_pieces_are_passed_over_and_named(tmp_path):
    good = write_video(tmp_path / "good.mkv", moving_face(30), sound="aac")
    content = bytearray(good.read_bytes())
    middle = len(content) // 2
    content[middle : middle + 600] = np.random.default_rng(0).bytes(600)
    broken = tmp_path / "broken.mkv"
    broken.write_bytes(content[: int(0.9 * len(content))])
    report = unmask_video(pipeline(), broken, tmp_path / "out.mkv", settings=QUICK)
    assert 5 <= report.frames < 30
    assert len(read_video(tmp_path / "out.mkv")[0]) == report.frames


def break_frames(path, places):
    """Spoil frames of a PNG video, so that they cannot be decoded."""
    content = path.read_bytes()
    pieces = content.split(b"\x89PNG")
    for place, piece in enumerate(pieces[1:]):
        pieces[place + 1] = (b"\0\0\0\0" if place in places else b"\x89PNG") + piece
    path.write_bytes(b"".join(pieces))
    assert len(path.read_bytes()) == len(content)


def test_a_damaged_piece_is_counted_once(tmp_path):
    source = write_video(tmp_path / "in.mov", moving_face(8), codec="png", pixel_format="rgb24")
    break_frames(source, {0, 4})
    report = unmask_video(pipeline(), source, tmp_path / "out.mkv", settings=QUICK)
    assert report.frames == 6
    assert report.notes == ("Damaged pieces of the video that were skipped: 2.",)


def test_what_comes_before_nothing_but_damage_is_kept(tmp_path, monkeypatch):
    monkeypatch.setattr("pipeline.video.source.MOST_DAMAGED", 3)
    source = write_video(tmp_path / "in.mov", moving_face(12), codec="png", pixel_format="rgb24")
    break_frames(source, range(6, 12))
    report = unmask_video(pipeline(), source, tmp_path / "out.mkv", settings=QUICK)
    assert report.frames == len(read_video(tmp_path / "out.mkv")[0]) == 6
    assert report.notes[-1] == "The video breaks off and could not be read to its end."


def test_a_file_that_breaks_off_is_read_up_to_there(tmp_path):
    source = VideoSource(write_video(tmp_path / "in.mkv", moving_face(2)))

    class Torn:
        def demux(self, *streams):
            yield from streams
            raise av.error.InvalidDataError(1, "torn")

    assert list(source.packets(Torn(), ["first", "second"])) == ["first", "second"]
    assert source.broken_off


def test_damaged_sound_is_passed_over(tmp_path):
    source = write_video(tmp_path / "in.mkv", moving_face(30), sound="flac")
    packets = sound_packets(source)
    assert len(packets) > 4
    content = source.read_bytes()
    assert content.count(packets[3]) == 1
    source.write_bytes(content.replace(packets[3], bytes(len(packets[3]))))
    report = unmask_video(pipeline(), source, tmp_path / "out.webm", settings=QUICK)
    assert report.sound == "encoded anew"
    with av.open(str(tmp_path / "out.webm")) as container:
        heard = sum(frame.samples for frame in container.decode(audio=0))
    assert 0.8 < heard / 48000 < 1.2


def test_without_pyav_one_sentence_says_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "av", None)
    with pytest.raises(MissingDependencyError, match=r"pip install 'unmask\[video\]'"):
        unmask_video(pipeline(), tmp_path / "in.mp4", tmp_path / "out.mp4")


def test_an_interrupted_call_goes_on_and_gives_the_same_video(tmp_path):
    source = write_video(tmp_path / "in.mp4", moving_face(40), sound="aac")
    unmask_video(pipeline(), source, tmp_path / "whole.mp4", settings=QUICK)
    calls = 0

    class StopError(Exception):
        pass

    def stop(done, total):
        nonlocal calls
        calls += 1
        if done >= 22:
            raise StopError

    with pytest.raises(StopError):
        unmask_video(pipeline(), source, tmp_path / "out.mp4", settings=QUICK, progress=stop)
    assert not (tmp_path / "out.mp4").exists()
    assert (tmp_path / ".out.mp4.unmask").is_dir()
    looked_at = []

    def count(image):
        looked_at.append(image)
        return find_blue(image)

    count.__name__ = "find_blue"
    report = unmask_video(pipeline(detector=count), source, tmp_path / "out.mp4", settings=QUICK)
    assert report.resumed >= 16
    assert (report.frames, report.faces, report.people) == (40, 40, 1)
    assert len(looked_at) <= (40 - report.resumed) / 2
    whole, resumed = read_video(tmp_path / "whole.mp4"), read_video(tmp_path / "out.mp4")
    assert whole[1] == resumed[1]
    assert all(np.array_equal(*pair) for pair in zip(whole[0], resumed[0], strict=True))
    assert sound_packets(tmp_path / "out.mp4") == sound_packets(source)
    assert not (tmp_path / ".out.mp4.unmask").exists()


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="glibc alone can fill memory")
def test_what_lies_in_memory_does_not_change_a_video(tmp_path):
    """Bytes of ones are small motions to the left, which x264 would take from beyond a row."""
    source = write_video(tmp_path / "in.mp4", moving_face(8))
    unmask_video(pipeline(), source, tmp_path / "plain.mp4")
    perturb, ones = -6, 0x100
    libc = ctypes.CDLL(None)
    assert libc.mallopt(perturb, ones)
    try:
        unmask_video(pipeline(), source, tmp_path / "filled.mp4")
    finally:
        libc.mallopt(perturb, 0)
    plain, filled = read_video(tmp_path / "plain.mp4"), read_video(tmp_path / "filled.mp4")
    assert all(np.array_equal(*pair) for pair in zip(plain[0], filled[0], strict=True))


@pytest.mark.parametrize("change", ["resume", "pipeline", "settings", "source", "state", "version"])
def test_another_job_does_not_go_on_from_this_one(tmp_path, change, monkeypatch):
    source = write_video(tmp_path / "in.mp4", moving_face(20))

    def stop(done, total):
        if done >= 12:
            raise KeyboardInterrupt

    target = tmp_path / "out.mp4"
    with pytest.raises(KeyboardInterrupt):
        unmask_video(pipeline(), source, target, settings=QUICK, progress=stop)
    state = tmp_path / ".out.mp4.unmask" / "state.npz"
    assert state.is_file()
    own, settings = pipeline(), QUICK
    if change == "pipeline":
        own = pipeline(blender={"name": "feather", "grain": False})
    elif change == "settings":
        settings = VideoSettings(segment=8, chunk=4, steadiness=0.5)
    elif change == "source":
        os.utime(source, (1, 1))
    elif change == "state":
        state.write_bytes(state.read_bytes()[:-200])
    elif change == "version":
        monkeypatch.setattr(unmasking, "STATE_VERSION", unmasking.STATE_VERSION + 1)
    report = unmask_video(own, source, target, settings=settings, resume=change != "resume")
    assert report.resumed == 0
    assert report.frames == 20


def test_a_killed_process_can_be_taken_up(tmp_path):
    source = write_video(tmp_path / "in.mp4", moving_face(40))
    unmask_video(pipeline(), source, tmp_path / "whole.mp4", settings=QUICK)
    program = f"""
        import os, signal
        from pipeline.video import unmask_video
        from tests.pipeline.video.test_files import QUICK
        from tests.pipeline.video.clips import pipeline
        def kill(done, total):
            if done >= 26:
                os.kill(os.getpid(), signal.SIGKILL)
        unmask_video(pipeline(), {str(source)!r}, {str(tmp_path / "out.mp4")!r},
                     settings=QUICK, progress=kill)
    """
    killed = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(program)],
        cwd=Path(__file__).parents[3],
        check=False,
        capture_output=True,
    )
    assert killed.returncode < 0, killed.stderr
    report = unmask_video(pipeline(), source, tmp_path / "out.mp4", settings=QUICK)
    assert report.resumed >= 16
    whole, resumed = read_video(tmp_path / "whole.mp4"), read_video(tmp_path / "out.mp4")
    assert whole[1] == resumed[1]
    assert all(np.array_equal(*pair) for pair in zip(whole[0], resumed[0], strict=True))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["in.mp4", "out.mp4", "whole.mp4"]


def test_a_call_that_was_stopped_while_joining_goes_on(tmp_path, monkeypatch):
    source = write_video(tmp_path / "in.mp4", moving_face(12))
    target = tmp_path / "out.mp4"

    def stop(*arguments, **options):
        raise KeyboardInterrupt

    with monkeypatch.context() as patched, pytest.raises(KeyboardInterrupt):
        patched.setattr("pipeline.video.unmasking.Joining.join", stop)
        unmask_video(pipeline(), source, target, settings=QUICK)
    seen = []
    report = unmask_video(
        pipeline(),
        source,
        target,
        settings=QUICK,
        progress=lambda done, total: seen.append((done, total)),
    )
    assert (report.resumed, report.frames, report.faces, report.people) == (12, 12, 12, 1)
    assert seen == [(12, 12)]
    assert len(read_video(target)[0]) == 12


@pytest.mark.skipif(sys.platform == "win32", reason="folders are not locked there")
def test_two_calls_do_not_work_on_one_target_at_once(tmp_path):
    source = write_video(tmp_path / "in.mp4", moving_face(8))
    target = tmp_path / "out.mp4"

    def call_again(done, total):
        with pytest.raises(OutputError, match="Another run is writing"):
            unmask_video(pipeline(), source, target, settings=QUICK)

    report = unmask_video(pipeline(), source, target, settings=QUICK, progress=call_again)
    assert report.frames == len(read_video(target)[0]) == 8
    assert sorted(path.name for path in tmp_path.iterdir()) == ["in.mp4", "out.mp4"]


def test_a_sidecar_is_not_overwritten_unless_asked(tmp_path):
    source = write_video(tmp_path / "in.mkv", moving_face(4))
    bare = write_video(tmp_path / "bare.avi", moving_face(4, masked=False))
    target, sidecar = tmp_path / "out.avi", tmp_path / "out.avi.xmp"
    sidecar.write_text("precious")

    def look(image):
        raise AssertionError("this is said before any work is done")

    with pytest.raises(OutputError, match=r"out.avi.xmp exists already"):
        unmask_video(pipeline(detector=look), source, target)
    unmask_video(pipeline(), source, target, overwrite=True)
    assert read_video_mark(target) is not None
    unmask_video(pipeline(), bare, target, overwrite=True)
    assert read_video_mark(target) is None
    assert not sidecar.exists()


def test_an_older_packet_in_a_tag_does_not_hide_the_mark(tmp_path):
    source = write_video(tmp_path / "in.mkv", moving_face(4), tags={"XMP": "<x/>", "title": "One"})
    unmask_video(pipeline(), source, tmp_path / "out.nut")
    assert read_video_mark(tmp_path / "out.nut").models == ("find_blue", "fill_skin")


@pytest.mark.parametrize(
    "end", [struct.pack(">I4s", 1, b"uuid"), struct.pack(">I4s", 20, b"uuid") + XMP_BOX + b"rest"]
)
def test_a_torn_box_at_the_end_is_passed_over(tmp_path, end):
    path = write_video(tmp_path / "in.mp4", moving_face(2))
    path.write_bytes(path.read_bytes() + end)
    assert list(_xmp_boxes(path)) == []


def test_a_long_video_needs_no_more_memory_than_a_short_one(tmp_path):
    """Counts the pictures that are alive at once."""
    frames = moving_face(24) * 5
    source = write_video(tmp_path / "in.mp4", frames)
    images: list[weakref.ref] = []
    alive: list[int] = []

    def look(image):
        images.append(weakref.ref(image))
        return []

    def count(done, total):
        gc.collect()
        alive.append(sum(image() is not None for image in images))

    settings = VideoSettings(segment=64, chunk=4, look_ahead=6, detect_every=1)
    unmask_video(
        pipeline(detector=look), source, tmp_path / "out.mp4", settings=settings, progress=count
    )
    assert len(images) == 120
    assert max(alive) <= settings.look_ahead + settings.chunk


def test_a_frame_sought_is_the_frame_counted(tmp_path):
    source = VideoSource(write_video(tmp_path / "in.mp4", moving_face(30)))
    counted = list(source.frames())
    for start in (1, 13, 29):
        sought = list(source.frames(start, counted[start].own_pts))
        assert [frame.number for frame in sought] == list(range(start, 30))
        assert np.array_equal(read_pixels(sought[0].frame), read_pixels(counted[start].frame))
    missing = list(source.frames(13, counted[13].own_pts + 1))
    assert [frame.pts for frame in missing] == [frame.pts for frame in counted[13:]]


@pytest.mark.parametrize("transposed", [False, True])
@pytest.mark.parametrize("flipped_x", [False, True])
@pytest.mark.parametrize("flipped_y", [False, True])
def test_orientation_is_undone(transposed, flipped_x, flipped_y):
    stored = np.arange(2 * 3 * 3, dtype=np.uint8).reshape(2, 3, 3)
    orientation = Orientation(transposed, flipped_x, flipped_y)
    assert np.array_equal(orientation.undo(orientation.apply(stored)), stored)


@pytest.mark.parametrize("rotation", [0, 90, 180, -90])
def test_orientation_turns_as_players_do(tmp_path, rotation):
    path = write_video(tmp_path / "in.mp4", moving_face(1), rotation=rotation)
    source = VideoSource(path)
    stored = read_pixels(source.first)
    assert np.array_equal(source.orientation.apply(stored), np.rot90(stored, rotation // 90))


def test_holes_grow_to_the_blocks_that_share_a_colour():
    hole = np.zeros((5, 7), bool)
    hole[1, 2] = hole[4, 6] = True
    grown = aligned_hole(hole, "yuv420p")
    assert grown[0:2, 2:4].all()
    assert grown[4, 6]
    assert grown.sum() == 5
    assert aligned_hole(hole, "yuv422p10le").sum() == 3
    assert np.array_equal(aligned_hole(hole, "yuv444p"), hole)


@pytest.mark.parametrize("form", ["yuv420p", "yuvj420p", "yuv422p", "yuv444p", "yuv420p10le"])
@pytest.mark.parametrize("matrix", [1, 5, 9])
def test_colours_survive_the_way_into_the_planes(form, matrix):
    frame = av.VideoFrame(64, 48, form)
    for plane in frame.planes:
        plane.update(bytes(plane.buffer_size))
    frame.colorspace = matrix
    image = np.empty((48, 64, 3), np.uint8)
    image[:] = (200, 120, 90)
    hole = np.zeros((48, 64), bool)
    hole[14:34, 18:46] = True
    before = read_pixels(frame)
    write_pixels(frame, image, hole)
    after = read_pixels(frame).astype(int)
    assert np.abs(after[20:28, 24:40] - (200, 120, 90)).max() <= 3
    # To be shown, colour samples are spread over some pixels.
    outside = np.ones((48, 64), bool)
    outside[6:42, 10:54] = False
    assert np.array_equal(after[outside], before[outside])


def test_the_working_format_loses_least():
    accepted = ["yuv420p", "yuv422p", "yuv444p", "yuv420p10le", "yuv444p10le"]
    for name, wanted in (
        ("yuv420p", "yuv420p"),
        ("yuv420p10le", "yuv420p10le"),
        ("nv12", "yuv420p"),
        ("p010le", "yuv420p10le"),
        ("yuyv422", "yuv422p"),
        ("bgr24", "yuv444p"),
        ("gbrp10le", "yuv444p10le"),
        ("pal8", "yuv444p"),
    ):
        assert working_format(name, accepted) == wanted, name
    assert working_format("yuv422p10le", ["yuv420p"]) == "yuv420p"


def test_time_stamps_that_go_back_are_mended(tmp_path):
    source = VideoSource(write_video(tmp_path / "in.mp4", moving_face(4)))

    class Fake:
        width, height, duration, format = 96, 64, 512, source.first.format

        def __init__(self, pts):
            self.pts = pts

    stamps = [frame.pts for frame in source._numbered(iter(map(Fake, [0, 512, 500, None])), 0)]
    assert stamps == [0, 512, 513, 1025]
    assert source.rate == Fraction(25)
