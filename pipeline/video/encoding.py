"""How a video's frames are encoded, and how they are converted first."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from pipeline.video.formats import HOLDS_ROTATION, Encoder, choose_encoder, format_of_video
from pipeline.video.frame_changes import FrameChanges
from pipeline.video.frame_pixels import chroma_block, square_size, working_format
from pipeline.video.library import load_av
from pipeline.video.source import VideoSource
from pipeline.video.static_hdr import static_hdr_options


@dataclass(frozen=True)
class Encoding:
    """The encoding shared by all segments of a video.

    Attributes:
        encoder: the encoder.
        options: its options for this video.
        pixel_format: FFmpeg's name of the frames' pixel format.
        changes: what is done to the frames before encoding.
        block: the frames' width and height must be multiples of these.
    """

    encoder: Encoder
    options: dict[str, str]
    pixel_format: str
    changes: FrameChanges
    block: tuple[int, int]


def plan_encoding(video: VideoSource, target: Path) -> Encoding:
    """Choose the encoding that loses as little as possible of a video.

    Args:
        video: its frames as they are stored.
        target: the file to write; its suffix counts.

    Raises:
        OutputError: no available encoder suits the file format.
    """
    encoder = choose_encoder(video.codec, target)
    accepted = [form.name for form in load_av().Codec(encoder.name, "w").video_formats or ()]
    pixel_format = working_format(video.format, accepted)
    block = chroma_block(pixel_format) if encoder.even else (1, 1)
    upright = video.matrix is not None and format_of_video(target) not in HOLDS_ROTATION
    fields = encoder.fields.get(video.first_field or "")
    keeps_fields = (
        fields is not None
        and pixel_format == video.format
        and video.size[1] % block[0] == video.size[0] % (2 * block[1]) == 0
        and not upright
    )
    options = dict(encoder.options)
    said = [options.pop(encoder.parameters or "", "")]
    if fields is not None and keeps_fields:
        options["flags"] = "+ildct+ilme"
        said.append(fields)
    if encoder.static_hdr is not None:
        said.append(static_hdr_options(video.first, *encoder.static_hdr))
    if encoder.parameters is not None and any(said):
        options[encoder.parameters] = ":".join(filter(None, said))
    progressive = video.interlaced and not keeps_fields
    size = square_size(video.size, video.aspect) if encoder.square else None
    changes = FrameChanges(upright, progressive=progressive, size=size)
    return Encoding(encoder, options, pixel_format, changes, block)
