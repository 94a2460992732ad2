"""Reading a frame's pixels, and writing changed ones back without touching the others.

Frames are kept in their own format. Fills are converted and written into the planes inside the
hole; all other samples stay as decoded, bit for bit, at any depth.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import numpy as np

from pipeline.video.library import load_av
from weights.base.regions import bounding_box

if TYPE_CHECKING:
    from collections.abc import Collection
    from fractions import Fraction

    import av
    from numpy.typing import NDArray

    from weights.base.contracts import Hole, Image

_PLANAR = re.compile(r"(yuvj?4(20|22|44)p|gray)((9|10|12|14|16)le)?")
"""Formats whose planes can be written sample by sample."""

_MATRICES = {1: "ITU709", 4: "FCC", 5: "ITU601", 6: "ITU601", 7: "SMPTE240M", 9: "BT2020"}
"""Names of colour matrices by FFmpeg's AVColorSpace."""
COLOUR_PROPERTIES = ("color_range", "color_primaries", "color_trc", "colorspace")
"""A frame's or an encoder's properties that define its colours."""
_HIGH_DEFINITION = 720
"""Height from which frames without a stated colour matrix are taken for BT.709."""


def working_format(name: str, accepted: Collection[str]) -> str:
    """Choose the pixel format in which frames are kept.

    Args:
        name: FFmpeg's name of the format of the decoded frames.
        accepted: formats that the encoder accepts.

    Returns:
        The frames' own format if possible, else the one that loses least.
    """
    if _PLANAR.fullmatch(name) and name in accepted:
        return name
    form = load_av().VideoFormat(name, 64, 64)
    deep = "10le" if bit_depth(name) > 8 else ""
    if form.is_rgb:
        samplings = ["444", "422", "420"]
    elif form.chroma_height(64) == 64:
        samplings = ["422", "420", "444"] if form.chroma_width(64) < 64 else ["444", "422", "420"]
    else:
        samplings = ["420", "422", "444"]
    wanted = [f"yuv{sampling}p{deep}" for sampling in samplings]
    wanted += [f"yuv{sampling}p" for sampling in samplings]
    return next((form for form in wanted if form in accepted), "yuv420p")


def bit_depth(name: str) -> int:
    """Bits per colour of a format, by FFmpeg's name."""
    return max(component.bits for component in load_av().VideoFormat(name, 64, 64).components)


def has_transparency(name: str) -> bool:
    """Whether frames of a format, by FFmpeg's name, can be transparent."""
    return any(component.is_alpha for component in load_av().VideoFormat(name, 64, 64).components)


def in_format(frame: av.VideoFrame, form: str) -> av.VideoFrame:
    """The frame converted to a format from `working_format`, with its time stamp.

    A converted frame states its colour matrix and levels, which `write_pixels` uses.
    """
    if frame.format.name == form:
        return frame
    levels = 1 if _is_rgb(frame) else _range(frame)
    converted = _converted(
        frame, form, _matrix(frame), src_color_range=_range(frame), dst_color_range=levels
    )
    converted.pts, converted.time_base = frame.pts, frame.time_base
    return converted


def extended(frame: av.VideoFrame, block: tuple[int, int]) -> av.VideoFrame:
    """The frame, padded to multiples of a width and height by repeating its last column and row.

    Args:
        frame: in a format from `working_format`.
        block: the width and height in pixels.
    """
    width, height = (
        -(-side // own) * own for side, own in zip((frame.width, frame.height), block, strict=True)
    )
    if (width, height) == (frame.width, frame.height):
        return frame
    form = frame.format.name
    larger = load_av().VideoFrame(width, height, form)
    for own, plane in zip(frame.planes, larger.planes, strict=True):
        known, target = _samples(own, form), _samples(plane, form)
        more = np.subtract(target.shape, known.shape)
        target[:] = np.pad(known, [(0, count) for count in more], mode="edge")
    for name in ("pts", "time_base", *COLOUR_PROPERTIES):
        setattr(larger, name, getattr(frame, name))
    return larger


def aligned_hole(hole: Hole, form: str) -> Hole:
    """Grow a hole, bool `(H, W)`, to whole chroma blocks."""
    across, down = chroma_block(form)
    if across == down == 1:
        return hole
    height, width = hole.shape
    padded = np.pad(hole, ((0, -height % down), (0, -width % across)))
    blocks = padded.reshape(-1, down, padded.shape[1] // across, across).any(axis=(1, 3))
    return blocks.repeat(down, axis=0).repeat(across, axis=1)[:height, :width]


def square_size(size: tuple[int, int], aspect: Fraction | None) -> tuple[int, int] | None:
    """Width and height of a frame resampled to square pixels, without losing rows or columns.

    Args:
        size: its stored height and width.
        aspect: width over height of a pixel; None if unknown.

    Returns:
        None if the pixels are square, or their aspect is unknown.
    """
    height, width = size
    if not aspect or aspect == 1:
        return None
    return (round(width * aspect), height) if aspect > 1 else (width, round(height / aspect))


def read_pixels(frame: av.VideoFrame) -> Image:
    """The pixels of a stored frame, uint8 RGB `(H, W, 3)`."""
    converted = _converted(frame, "rgb24", _matrix(frame), src_color_range=_range(frame))
    return np.asarray(converted.to_ndarray(), np.uint8)


def write_pixels(frame: av.VideoFrame, image: Image, hole: Hole) -> None:
    """Write the pixels of a hole into a frame's planes.

    Args:
        frame: in a format from `working_format`; it is changed.
        image: uint8 RGB `(H, W, 3)`, as the frame is stored.
        hole: bool `(H, W)`, as returned by `aligned_hole`.
    """
    box = bounding_box(hole)
    if box is None:
        return
    form = frame.format.name
    across, down = chroma_block(form)
    left, top = box[0] // across * across, box[1] // down * down
    right = min(frame.width, -(-box[2] // across) * across)
    bottom = min(frame.height, -(-box[3] // down) * down)
    part = np.ascontiguousarray(image[top:bottom, left:right])
    inside = hole[top:bottom, left:right]
    filled = load_av().VideoFrame.from_ndarray(part, format="rgb24")
    filled = _converted(filled, form, _matrix(frame), dst_color_range=_range(frame))
    frame.make_writable()
    for index, (plane, own) in enumerate(zip(frame.planes, filled.planes, strict=True)):
        x, y = (across, down) if index else (1, 1)
        target = _samples(plane, form)
        rows = slice(top // y, top // y + own.height)
        columns = slice(left // x, left // x + own.width)
        np.copyto(target[rows, columns], _samples(own, form), where=inside[::y, ::x])


def _converted(frame: av.VideoFrame, form: str, matrix: int, **levels: int) -> av.VideoFrame:
    ways = load_av().video.reformatter.Interpolation
    return frame.reformat(
        format=form,
        src_colorspace=matrix,
        dst_colorspace=matrix,
        interpolation=int(ways.BICUBIC | ways.ACCURATE_RND | ways.FULL_CHR_H_INT),
        **levels,
    )


def _samples(plane: Any, form: str) -> NDArray[Any]:
    """A writable view of a plane's samples `(h, w)`."""
    kind = np.dtype("<u2") if form.endswith("le") else np.dtype(np.uint8)
    samples = np.frombuffer(plane, kind)
    width = plane.line_size // kind.itemsize
    return samples[: plane.height * width].reshape(plane.height, width)[:, : plane.width]


def chroma_block(form: str) -> tuple[int, int]:
    """Width and height in pixels of the blocks that share a chroma sample."""
    match = _PLANAR.fullmatch(form)
    sampling = match.group(2) if match else None
    return {"20": (2, 2), "22": (2, 1)}.get(sampling or "", (1, 1))


def _matrix(frame: av.VideoFrame) -> int:
    names = load_av().video.reformatter.Colorspace
    unknown = "ITU709" if frame.height >= _HIGH_DEFINITION else "ITU601"
    return int(names[_MATRICES.get(int(frame.colorspace), unknown)])


def _range(frame: av.VideoFrame) -> int:
    """1 for video levels, 2 for full levels."""
    if _is_rgb(frame):
        return 2
    if frame.color_range in (1, 2):
        return int(frame.color_range)
    return 2 if frame.format.name.startswith("yuvj") else 1


def _is_rgb(frame: av.VideoFrame) -> bool:
    return bool(frame.format.is_rgb or frame.format.has_palette)
