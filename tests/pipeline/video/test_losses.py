"""What a video's own format says of it is kept, converted rightly, or named in the report."""

from __future__ import annotations

from fractions import Fraction

import av
import cv2
import numpy as np
import pytest

from pipeline.video import VideoSettings, unmask_video
from pipeline.video.frame_pixels import read_pixels
from pipeline.video.source import VideoSource
from tests.pipeline.video.clips import find_blue, moving_face, pipeline, read_video, write_video

QUICK = VideoSettings(segment=8, chunk=4)


def unmasked(source, target):
    report = unmask_video(pipeline(), source, target, settings=QUICK)
    assert report.faces == report.frames > 0
    return report


@pytest.mark.parametrize("suffix", [".avi", ".ts", ".flv", ".wmv", ".nut"])
@pytest.mark.parametrize("rotation", [90, -90, 180])
def test_frames_are_turned_where_a_file_holds_no_rotation(tmp_path, suffix, rotation):
    source = write_video(tmp_path / "in.mp4", moving_face(5), rotation=rotation)
    report = unmasked(source, tmp_path / f"out{suffix}")
    assert report.notes == (f"The frames were turned upright, as {suffix} files hold no rotation.",)
    before, after = VideoSource(source), VideoSource(tmp_path / f"out{suffix}")
    assert after.matrix is None
    shown = np.rot90(read_pixels(before.first), rotation // 90).astype(int)
    written = read_pixels(after.first)
    assert written.shape == shown.shape
    # The wall beside the head was not filled.
    border = np.ones(shown.shape[:2], bool)
    border[12:-12, 12:-12] = False
    assert np.median(np.abs(written - shown)[border]) <= 2.0
    assert not find_blue(written)


@pytest.mark.parametrize("suffix", [".mp4", ".mov", ".mkv", ".webm"])
def test_a_rotation_that_a_file_holds_is_left_to_it(tmp_path, suffix):
    source = write_video(tmp_path / "in.mp4", moving_face(3), rotation=90)
    assert unmasked(source, tmp_path / f"out{suffix}").notes == ()
    assert VideoSource(tmp_path / f"out{suffix}").matrix == VideoSource(source).matrix
    assert read_video(tmp_path / f"out{suffix}")[0][0].shape == (64, 96, 3)


def test_pixels_that_are_no_squares_are_turned_too(tmp_path):
    source = tmp_path / "in.mp4"
    with av.open(str(source), "w") as container:
        stream = container.add_stream("libx264", rate=25)
        stream.height, stream.width, stream.pix_fmt = 64, 96, "yuv420p"
        stream.codec_context.sample_aspect_ratio = Fraction(4, 3)
        stream.set_display_rotation(90)
        for image in moving_face(3):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(image, format="rgb24")))
        container.mux(stream.encode(None))
    unmasked(source, tmp_path / "out.ts")
    assert VideoSource(tmp_path / "out.ts").aspect == Fraction(3, 4)


TAGS = {
    "com.apple.quicktime.make": "Apple",
    "com.apple.quicktime.location.ISO6709": "+52.5200+013.4050+034.000/",
    "com.apple.quicktime.creationdate": "2024-05-06T07:08:09+0200",
    "title": "Holiday",
}


def with_tags(path, frames):
    with av.open(str(path), "w", container_options={"movflags": "use_metadata_tags"}) as container:
        stream = container.add_stream("libx264", rate=25)
        stream.height, stream.width = frames[0].shape[:2]
        stream.pix_fmt = "yuv420p"
        container.metadata.update(TAGS)
        for image in frames:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(image, format="rgb24")))
        container.mux(stream.encode(None))
    return path


@pytest.mark.parametrize("suffix", [".mov", ".mp4", ".mkv"])
def test_tags_of_phones_are_kept(tmp_path, suffix):
    source = with_tags(tmp_path / "in.mov", moving_face(3))
    report = unmasked(source, tmp_path / f"out{suffix}")
    written = {key.lower(): value for key, value in VideoSource(report.target).metadata.items()}
    assert {key: written[key.lower()] for key in TAGS} == TAGS
    assert "is a guess" in written["comment"]
    assert report.notes == ()


def test_tags_that_a_file_does_not_hold_are_named(tmp_path):
    source = with_tags(tmp_path / "in.mov", moving_face(3))
    report = unmasked(source, tmp_path / "out.avi")
    assert report.notes == (
        "Tags that .avi files do not hold were left out: com.apple.quicktime.creationdate, "
        "com.apple.quicktime.location.ISO6709, com.apple.quicktime.make.",
    )
    assert VideoSource(report.target).metadata["title"] == "Holiday"


def interlaced(path, count, order):
    """Frames whose two fields show a head at two moments, as an interlaced video."""
    moments = moving_face(2 * count)
    graph = av.filter.Graph()
    ends = graph.add_buffer(width=96, height=64, format="yuv420p", time_base=Fraction(1, 25))
    graph.link_nodes(ends, graph.add("setfield", order), graph.add("buffersink")).configure()
    with av.open(str(path), "w") as container:
        stream = container.add_stream(
            "libx264",
            rate=25,
            options={"crf": "4", "flags": "+ildct+ilme", "x264-params": f"{order}=1"},
        )
        stream.height, stream.width, stream.pix_fmt = 64, 96, "yuv420p"
        for index in range(count):
            woven = moments[2 * index].copy()
            woven[1::2] = moments[2 * index + 1][1::2]
            frame = av.VideoFrame.from_ndarray(woven, format="rgb24").reformat(format="yuv420p")
            frame.pts, frame.time_base = index, Fraction(1, 25)
            graph.vpush(frame)
            container.mux(stream.encode(graph.vpull()))
        container.mux(stream.encode(None))
    return path


def field_order(path):
    with av.open(str(path)) as container:
        return container.streams.video[0].codec_context.field_order


@pytest.mark.parametrize("order", ["tff", "bff"])
@pytest.mark.parametrize("suffix", [".ts", ".mp4", ".mkv"])
def test_interlaced_frames_stay_interlaced(tmp_path, order, suffix):
    source = interlaced(tmp_path / "in.ts", 6, order)
    report = unmasked(source, tmp_path / f"out{suffix}")
    assert report.notes == ()
    assert field_order(report.target) == field_order(source) == {"tff": 2, "bff": 3}[order]
    with av.open(str(report.target)) as container:
        assert all(frame.interlaced_frame for frame in container.decode(video=0))
    for one, other in zip(read_video(source)[0], read_video(report.target)[0], strict=True):
        # Above the mask, in both fields.
        assert np.abs(one[:20].astype(int) - other[:20]).mean() < 3.0


def combing(image):
    """How much more neighbouring rows differ than rows of one field do."""
    rows = image[:20].astype(int)
    return np.abs(rows[1:-1] - rows[:-2]).mean() / np.abs(rows[2:] - rows[:-2]).mean()


def test_interlaced_frames_are_deinterlaced_where_the_codec_has_no_fields(tmp_path):
    source = interlaced(tmp_path / "in.ts", 12, "tff")
    report = unmasked(source, tmp_path / "out.webm")
    assert report.notes == (
        "The frames were deinterlaced, as vp9 in .webm files is written with whole frames.",
    )
    before, after = read_video(source), read_video(report.target)
    assert len(after[0]) == 12
    assert np.allclose(np.diff([float(time) for time in after[1]]), 0.04, atol=0.0011)
    assert np.mean([combing(image) for image in after[0]]) < 0.85 * np.mean(
        [combing(image) for image in before[0]]
    )


def test_a_deinterlaced_video_that_was_broken_off_goes_on(tmp_path):
    """What becomes of two fields depends on the frame before, of an earlier call here."""
    source = interlaced(tmp_path / "in.ts", 24, "tff")
    unmasked(source, tmp_path / "whole.webm")

    def stop(done, total):
        if done >= 12:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        unmask_video(pipeline(), source, tmp_path / "out.webm", settings=QUICK, progress=stop)
    assert unmasked(source, tmp_path / "out.webm").resumed >= 8
    whole, resumed = read_video(tmp_path / "whole.webm")[0], read_video(tmp_path / "out.webm")[0]
    assert all(np.array_equal(*pair) for pair in zip(whole, resumed, strict=True))


DISPLAY = "G(13250,34500)B(7500,3000)R(34000,16000)WP(15635,16450)L(10000000,1)"


def static_hdr(source):
    kinds = ("MASTERING_DISPLAY_METADATA", "CONTENT_LIGHT_LEVEL")
    found = ((kind, source.first.side_data.get(kind)) for kind in kinds)
    return {kind: bytes(data) for kind, data in found if data is not None}


def hdr10(path):
    options = {"x265-params": f"log-level=error:master-display={DISPLAY}:max-cll=1000,400"}
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx265", rate=25, options=options)
        stream.height, stream.width, stream.pix_fmt = 64, 96, "yuv420p10le"
        context = stream.codec_context
        context.color_primaries, context.color_trc, context.colorspace = 9, 16, 9
        for image in moving_face(10):
            frame = av.VideoFrame.from_ndarray(image, format="rgb24")
            container.mux(stream.encode(frame.reformat(format="yuv420p10le")))
        container.mux(stream.encode(None))
    return path


@pytest.mark.parametrize("suffix", [".mp4", ".mov", ".mkv", ".ts", ".avi"])
def test_hdr10_is_kept(tmp_path, suffix):
    source = VideoSource(hdr10(tmp_path / "in.mp4"))
    report = unmasked(source.path, tmp_path / f"out{suffix}")
    assert report.notes == ()
    written = VideoSource(report.target)
    assert len(static_hdr(source)) == 2
    assert static_hdr(written) == static_hdr(source)
    assert written.format == "yuv420p10le"
    assert (written.first.color_primaries, written.first.color_trc) == (9, 16)


def test_hdr10_that_is_lost_is_named(tmp_path):
    report = unmasked(hdr10(tmp_path / "in.mp4"), tmp_path / "out.webm")
    assert report.notes == (
        "The frames have 8 bits per colour instead of 10.",
        "Left out of the frames' data: HDR10 content light level, HDR10 mastering display.",
    )


@pytest.mark.parametrize("size", [(63, 95), (64, 95), (63, 96)])
def test_odd_sizes_grow_by_a_pixel_that_every_player_shows(tmp_path, size):
    source = write_video(
        tmp_path / "in.webm", moving_face(6, size), codec="libvpx-vp9", pixel_format="yuv420p"
    )
    report = unmasked(source, tmp_path / "out.mp4")
    assert report.notes == (
        f"The frames grew from {size[1]} x {size[0]} to 96 x 64 pixels, their last column or row "
        "repeated, as h264 is played everywhere with even sizes only.",
    )
    with av.open(str(report.target)) as container:
        context = container.streams.video[0].codec_context
        assert (context.profile, context.pix_fmt) == ("High", "yuv420p")
    before, after = (
        read_video(source)[0][0].astype(int),
        read_video(report.target)[0][0].astype(int),
    )
    assert after.shape == (64, 96, 3)
    width = size[1]
    # The wall, above the head.
    assert np.abs(after[:10, :width] - before[:10]).mean() < 3.0
    assert np.abs(after[:10, -1] - before[:10, -1]).mean() < 6.0
    assert np.abs(after[-1, :20] - before[-1, :20]).mean() < 6.0


def test_an_odd_size_stays_where_the_codec_has_it(tmp_path):
    source = write_video(
        tmp_path / "in.mkv", moving_face(4, (63, 95)), codec="libvpx-vp9", pixel_format="yuv420p"
    )
    report = unmasked(source, tmp_path / "out.webm")
    assert report.notes == ()
    assert VideoSource(report.target).size == (63, 95)


def test_side_channels_become_back_channels_in_opus(tmp_path):
    """A tone that is on the left side only stays on the left, as loud as it was."""
    source = tmp_path / "in.mkv"
    with av.open(str(source), "w") as container:
        stream = container.add_stream("libx264", rate=25)
        stream.height, stream.width, stream.pix_fmt = 64, 96, "yuv420p"
        sound = container.add_stream("ac3", rate=48000, layout="5.1(side)")
        for index, image in enumerate(moving_face(25)):
            frame = av.VideoFrame.from_ndarray(image, format="rgb24")
            frame.pts, frame.time_base = index, Fraction(1, 25)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
        for start in range(0, 48000, 1536):
            samples = np.zeros((6, 1536), np.float32)
            samples[4] = 0.5 * np.sin(2 * np.pi * 440 / 48000 * np.arange(start, start + 1536))
            piece = av.AudioFrame.from_ndarray(samples, format="fltp", layout="5.1(side)")
            piece.sample_rate, piece.pts = 48000, start
            piece.time_base = Fraction(1, 48000)
            container.mux(sound.encode(piece))
        container.mux(sound.encode(None))
    report = unmasked(source, tmp_path / "out.webm")
    assert report.sound == "encoded anew"
    assert report.notes == (
        "The audio stream 1 was encoded anew as 5.1 for 5.1(side), as the file format does not "
        "hold it.",
    )
    with av.open(str(report.target)) as container:
        frames = list(container.decode(audio=0))
        names = [channel.name for channel in frames[0].layout.channels]
        heard = np.concatenate([frame.to_ndarray() for frame in frames], axis=1)
    loud = np.sqrt(np.square(heard[:, 4800:40000]).mean(axis=1))
    assert names[4] == "BL"
    assert loud[4] == pytest.approx(0.5 / np.sqrt(2), rel=0.1)
    assert np.delete(loud, 4).max() < 0.05


def test_pixels_become_squares_where_a_file_cannot_say_that_they_are_none(tmp_path):
    source = write_video(tmp_path / "in.mkv", moving_face(5), aspect=Fraction(4, 3))
    assert VideoSource(source).aspect == Fraction(4, 3)
    report = unmasked(source, tmp_path / "out.webm")
    assert report.notes == (
        "The frames were resampled from 96 x 64 to 128 x 64 pixels, as those of vp9 in .webm "
        "files are squares.",
    )
    before, after = read_video(source)[0][0], read_video(report.target)[0][0]
    assert after.shape == (64, 128, 3)
    wider = cv2.resize(before, (128, 64), interpolation=cv2.INTER_CUBIC).astype(int)
    # The wall, above the head.
    assert np.abs(after[:10].astype(int) - wider[:10]).mean() < 3.0


@pytest.mark.parametrize("suffix", [".mp4", ".mov", ".mkv", ".webm", ".ts", ".avi"])
def test_primaries_and_curve_are_kept_whatever_the_codec_knows(tmp_path, suffix):
    source = write_video(tmp_path / "in.mkv", moving_face(3), colours=(9, 18, 9))
    report = unmasked(source, tmp_path / f"out{suffix}")
    assert report.notes == ()
    first = VideoSource(report.target).first
    assert (first.color_primaries, first.color_trc, first.colorspace) == (9, 18, 9)


def test_transparency_that_the_decoder_passes_over_is_named(tmp_path):
    source = write_video(
        tmp_path / "in.webm", moving_face(3), codec="libvpx-vp9", pixel_format="yuva420p"
    )
    report = unmasked(source, tmp_path / "out.webm")
    assert report.notes == ("The transparency of the pictures was left out.",)
    assert not VideoSource(report.target).transparent


def test_chapters_and_tags_of_sound_that_a_file_does_not_hold_are_named(tmp_path):
    source = write_video(
        tmp_path / "in.mkv",
        moving_face(25),
        sound="aac",
        sound_tags={"language": "eng", "title": "Commentary"},
        chapters=2,
    )
    assert unmasked(source, tmp_path / "out.mkv").notes == ()
    assert unmasked(source, tmp_path / "out.avi").notes == (
        "The chapters were left out, as .avi files hold none.",
        "Tags of sound and subtitles that .avi files do not hold were left out: language eng.",
    )


@pytest.mark.parametrize("sound", ["flac", "pcm_s16le"])
def test_sound_that_is_lost_in_a_transport_stream_is_encoded_anew(tmp_path, sound):
    """MPEG-TS takes sound for which it has no name, and no reader finds it again."""
    source = write_video(tmp_path / "in.mkv", moving_face(25), sound=sound)
    report = unmasked(source, tmp_path / "out.ts")
    assert report.sound == "encoded anew"
    assert report.notes == (
        "The audio stream 1 was encoded anew, as the file format does not hold it.",
    )
    with av.open(str(report.target)) as container:
        [heard] = container.streams.audio
        assert sum(frame.samples for frame in container.decode(heard)) >= 0.9 * 48000


def test_five_channels_stay_five_in_opus(tmp_path):
    source = write_video(tmp_path / "in.mkv", moving_face(25), sound="flac", layout="5.0(side)")
    report = unmasked(source, tmp_path / "out.webm")
    assert report.notes == (
        "The audio stream 1 was encoded anew as 5.0 for 5.0(side), as the file format does not "
        "hold it.",
    )


@pytest.mark.parametrize("codec", ["libx264", "mpeg4"])
def test_frames_that_are_stored_in_another_order_than_shown_keep_their_times(tmp_path, codec):
    """AVI has no times but the numbers of the frames as they are stored."""
    source = write_video(tmp_path / "in.avi", moving_face(12), codec=codec, reordered=True)
    report = unmasked(source, tmp_path / "out.mkv")
    shown, times = read_video(report.target)
    assert len(shown) == 12
    # FFmpeg's own reader does not know the last one's time.
    assert np.allclose(np.diff([float(time) for time in times[:-1]]), 0.04, atol=0.0011)
    before = [image[:10].astype(int) for image in read_video(source)[0]]
    for image, other in zip(shown, before, strict=True):
        assert np.abs(image[:10].astype(int) - other).mean() < 3.0
