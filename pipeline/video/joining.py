"""Joining a video's finished segments with the sound and everything else from its source."""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import product
from operator import itemgetter, methodcaller
from pathlib import Path
from typing import Any, get_args

from pipeline.video.formats import BOXED, EVENLY_TIMED, takes_stream
from pipeline.video.library import load_av, open_file
from pipeline.video.report import Sound
from pipeline.video.source import VideoSource
from weights.base.errors import OutputError, UnmaskError

_OF_THE_FILE = frozenset(
    {"major_brand", "minor_version", "compatible_brands", "encoder", "duration", "alpha_mode"}
)
"""Tags that describe how a file was made and are not passed on."""
_SOUND_CODECS = ("aac", "libopus", "libmp3lame", "pcm_s16le", "flac")
"""Encoders for sound that cannot be copied, in order of preference."""
_LAYOUTS = {1: "mono", 2: "stereo", 3: "3.0", 4: "quad", 5: "5.0", 6: "5.1", 7: "6.1", 8: "7.1"}
"""Usual channel layouts by number of channels, which all encoders accept."""

_FROM_BEST_TO_WORST = get_args(Sound)
"""Possible outcomes for the sound; of several streams the worst is reported."""

Timed = tuple[Fraction, Any]
"""A packet, preceded by its time in seconds."""

Made = tuple[Any, Any]
"""A stream of the written file, and the resampler of its sound; None if packets are copied."""


@dataclass(frozen=True)
class Joined:
    """What became of the parts of a video other than its pictures.

    Attributes:
        sound: what became of the sound.
        notes: sentences on what could not be kept.
    """

    sound: Sound
    notes: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class Joining:
    """Joins the parts of a video into a file.

    Packets are passed on one at a time. Sound and subtitles are copied; sound that the file format
    cannot hold is re-encoded.

    Attributes:
        source: provides everything except the pictures: sound, subtitles, chapters and tags.
        segments: the pictures, encoded.
        path: the file to write.
        form: FFmpeg's name of its format.
        tags: the container's tags; those that describe the source's file are not passed on.
        tag: the tag of the pictures' codec in the file; None for FFmpeg's default.
        last_duration: how long the last frame is shown, in the source's time base.
    """

    source: VideoSource
    segments: Sequence[Path]
    path: Path
    form: str
    tags: Mapping[str, str]
    tag: str | None
    last_duration: int

    def join(self) -> Joined:
        """Write the video.

        Raises:
            OutputError: the file cannot be written.
        """
        failures = (load_av().FFmpegError, ValueError)
        try:
            try:
                joined, places = self._written(frozenset())
                refused = _not_found_again(self.path, places)
            except failures:
                # Some formats report only at the end that they cannot hold what was copied.
                with self.source.opened() as container:
                    refused = frozenset(stream.index for stream in container.streams.audio)
                if not refused:
                    raise
            return self._written(refused)[0] if refused else joined
        except UnmaskError:
            raise
        except (*failures, OSError) as error:
            raise OutputError(f"Cannot write the video: {error}.") from error

    def _written(self, refused: frozenset[int]) -> tuple[Joined, dict[int, int]]:
        """Write the file once; return also each source stream's index in it.

        Args:
            refused: streams of the source that cannot be copied.
        """
        source = self.source
        notes: list[str] = []
        options = {}
        if self.form in BOXED:
            # Phones store place, date and device in reverse-domain tags, which need Apple's scheme.
            scheme = "+use_metadata_tags" if any("." in key for key in self.tags) else ""
            options["movflags"] = f"+faststart{scheme}"
        with (
            open_file(self.segments[0]) as first,
            source.opened() as container,
            open_file(self.path, "w", format=self.form, container_options=options) as target,
        ):
            pictures = target.add_stream_from_template(first.streams.video[0], opaque=True)
            pictures.time_base = self._time_base
            if self.tag is not None:
                pictures.codec_context.codec_tag = self.tag
            if source.rate:
                pictures.codec_context.framerate = source.rate
            if source.aspect:
                pictures.codec_context.sample_aspect_ratio = source.aspect
            if source.matrix is not None:
                pictures.set_display_matrix(source.matrix)
            for name in ("color_primaries", "color_trc"):
                # Some codecs have no place for these properties although the file has.
                setattr(pictures.codec_context, name, getattr(source.first, name))
            pictures.metadata.update(passed_on(source.stream_metadata))
            made, sound = self._other_streams(container, target, notes, refused)
            target.metadata.update(passed_on(self.tags))
            chapters = container.chapters()
            if chapters:
                target.set_chapters(chapters)
            feeds = [self._picture_packets(pictures)]
            if made:
                feeds.append(self._other_packets(container, made))
            for _, packet in heapq.merge(*feeds, key=itemgetter(0)):
                target.mux(packet)
            places = {index: stream.index for index, (stream, _) in made.items()}
        return Joined(sound, tuple(notes)), places

    @property
    def _time_base(self) -> Fraction:
        """The unit of the pictures' time stamps: the source's, if the file format allows any."""
        if self.form in EVENLY_TIMED and self.source.rate:
            return 1 / self.source.rate
        return self.source.time_base

    def _other_streams(
        self, container: Any, target: Any, notes: list[str], refused: frozenset[int]
    ) -> tuple[dict[int, Made], Sound]:
        """Make the streams other than the pictures, by their index in the source."""
        streams: dict[int, Made] = {}
        sound: Sound = "none"
        for stream in container.streams:
            if stream.index == self.source.index:
                continue
            what = f"The {stream.type} stream {stream.index}"
            if stream.type not in ("audio", "subtitle") or stream.codec_context is None:
                notes.append(f"{what} was left out.")
                continue
            made: Made | None = None
            became: Sound = "left out"
            copy = methodcaller("add_stream_from_template", stream, opaque=True)
            if stream.index not in refused and takes_stream(self.form, copy):
                made, became = (copy(target), None), "copied"
            elif stream.type == "audio" and (made := _encoded_stream(target, stream, self.form)):
                became = "encoded anew"
                before, after = (one.codec_context.layout.name for one in (stream, made[0]))
                # Some files state only the number of channels.
                same = before == after or before.endswith(" channels")
                anew = "anew" if same else f"anew as {after} for {before}"
                notes.append(f"{what} was encoded {anew}, as the file format does not hold it.")
            if stream.type == "audio":
                sound = max(sound, became, key=_FROM_BEST_TO_WORST.index)
            if made is None:
                notes.append(f"{what} was left out, as the file format does not hold it.")
                continue
            made[0].metadata.update(passed_on(stream.metadata))
            made[0].disposition = stream.disposition
            streams[stream.index] = made
        return streams, sound

    def _picture_packets(self, stream: Any) -> Iterator[Timed]:
        base, start = self._time_base, self.source.start
        held: Any = None
        for path in self.segments:
            with open_file(path) as container:
                own = container.streams.video[0]
                for packet in container.demux(own):
                    if packet.pts is None:
                        continue
                    pts = round((packet.pts * own.time_base - start) / base)
                    if held is not None:
                        pts = max(pts, held.pts + 1)
                        # A frame is shown until the next one, which not all segments know.
                        held.duration = pts - held.pts
                        yield held.pts * base, held
                    packet.pts = packet.dts = pts
                    packet.time_base = base
                    packet.stream = stream
                    held = packet
        if held is not None:
            held.duration = round(self.last_duration * self.source.time_base / base)
            yield held.pts * base, held

    def _other_packets(self, container: Any, made: Mapping[int, Made]) -> Iterator[Timed]:
        start = self.source.start
        time = -start
        streams = [container.streams[index] for index in sorted(made)]
        for packet in self.source.packets(container, streams):
            # At the end there is an empty packet for every stream of the file.
            stream, resampler = made.get(packet.stream_index, (None, None))
            if packet.dts is not None and packet.time_base:
                # Streams in the file are only roughly interleaved; the order must not break.
                time = max(time, packet.dts * packet.time_base - start)
            if resampler is not None:
                for anew in _encoded_packets(_sound(packet, start), stream, resampler):
                    yield time, anew
            elif packet.dts is not None:
                offset = round(start / packet.time_base)
                packet.dts -= offset
                if packet.pts is not None:
                    packet.pts -= offset
                packet.stream = stream
                yield time, packet
        for stream, resampler in made.values():
            if resampler is not None:
                for anew in (*_encoded_packets([None], stream, resampler), *stream.encode(None)):
                    yield time, anew


def _not_found_again(path: Path, places: Mapping[int, int]) -> frozenset[int]:
    """The source's streams that FFmpeg does not recognise in the file that it wrote.

    MPEG-TS accepts streams that it has no type for.
    """
    with open_file(path) as container:
        found = container.streams
        return frozenset(
            index
            for index, place in places.items()
            if place < len(found) and found[place].codec_context is None
        )


def passed_on(tags: Mapping[str, str]) -> dict[str, str]:
    """The tags that do not describe the file they are in."""
    return {key: value for key, value in tags.items() if key.lower() not in _OF_THE_FILE}


def _encoded_stream(target: Any, stream: Any, form: str) -> Made | None:
    context = stream.codec_context
    # Some files state only the number of channels, and some encoders accept only the usual layouts.
    usual = _LAYOUTS.get(context.channels, "stereo")
    named = () if context.channels <= 2 else (context.layout.name,)
    for name, layout in product(_SOUND_CODECS, dict.fromkeys((*named, usual))):
        # Opus supports few sample rates; this is one.
        rate = 48000 if name == "libopus" else context.sample_rate
        add = methodcaller("add_stream", name, rate=rate, layout=layout)
        if not takes_stream(form, add):
            continue
        made = add(target)
        made.time_base = Fraction(1, rate)
        made.codec_context.open()
        resampler = load_av().AudioResampler(
            format=made.codec_context.format,
            layout=made.codec_context.layout,
            rate=rate,
            frame_size=made.codec_context.frame_size or None,
        )
        return made, resampler
    return None


def _sound(packet: Any, start: Fraction) -> list[Any]:
    """The sound frames in a packet, timed from the start; none if it is damaged."""
    try:
        frames = packet.decode()
    except load_av().FFmpegError:
        return []
    for frame in frames:
        if frame.pts is not None:
            frame.pts -= round(start / frame.time_base)
    return list(frames)


def _encoded_packets(frames: Iterable[Any], stream: Any, resampler: Any) -> Iterator[Any]:
    """The packets encoded from sound frames; a frame of None flushes the resampler."""
    for frame in frames:
        for resampled in resampler.resample(frame):
            yield from stream.encode(resampled)
