"""Tiny videos of a masked face that moves, and stages that know its colours."""

from __future__ import annotations

import io
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import av
import cv2
import numpy as np

from pipeline import Pipeline
from pipeline.video.work_folder import read_state, write_state
from weights.base.regions import MaskRegion

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

MASK = (20, 60, 220)
TIME_BASE = Fraction(1, 12800)


def face_picture(side: int = 96) -> tuple[Any, Any]:
    """A head with texture to follow and a mask on it, and where the mask is."""
    random = np.random.default_rng(3)
    image = cv2.GaussianBlur(random.integers(90, 230, (side, side, 3)).astype(np.uint8), (0, 0), 1)
    image[:, :, 2] = np.minimum(image[:, :, 2], 150)
    mask = np.zeros((side, side), np.uint8)
    centre = (side // 2, round(side * 0.62))
    cv2.ellipse(mask, centre, (side // 4, side // 5), 0, 0, 360, 1, -1)
    image[mask > 0] = MASK
    # A print on the mask, which moves with the head too.
    print_on_it = cv2.erode(mask, np.ones((9, 9), np.uint8)) > 0
    marks = random.random((side, side)) < 0.08
    image[print_on_it & marks] = (20, 40, 160)
    return image, mask > 0


def pose(frame: int, scale: float = 0.5) -> Any:
    """Where the head is in a frame, `(2, 3)`."""
    matrix = cv2.getRotationMatrix2D((48, 48), 4 * np.sin(frame / 6), scale + 0.02 * np.sin(frame))
    matrix[:, 2] += (16 + 10 * np.sin(frame / 9) - 48 + 32, 4 * np.cos(frame / 7) - 48 + 32)
    return matrix


def moving_face(
    count: int, size: tuple[int, int] = (64, 96), *, masked: bool = True, seed: int = 0
) -> list[Any]:
    """Frames uint8 RGB `(H, W, 3)` of a head that sways before a wall."""
    image, _ = face_picture()
    wall = np.random.default_rng(seed).integers(40, 120, (size[0] // 8, size[1] // 8, 3))
    wall = cv2.resize(wall.astype(np.uint8), size[::-1], interpolation=cv2.INTER_CUBIC)
    frames = []
    for index in range(count):
        frame = wall.copy()
        if masked:
            cover = cv2.warpAffine(np.ones(image.shape[:2], np.uint8), pose(index), size[::-1])
            head = cv2.warpAffine(image, pose(index), size[::-1])
            frame[cover > 0] = head[cover > 0]
        frames.append(frame)
    return frames


def find_blue(image: Any) -> list[MaskRegion]:
    """A detector: the largest patch of the mask's colour, as it survives a codec."""
    red, green, blue = (image[:, :, channel].astype(int) for channel in range(3))
    blueish = ((blue - red > 60) & (blue - green > 50)).astype(np.uint8)
    blueish = cv2.morphologyEx(blueish, cv2.MORPH_CLOSE, np.ones((5, 5), np.uint8))
    count, labels, sizes, _ = cv2.connectedComponentsWithStats(blueish)
    regions = [labels == index for index in range(1, count) if sizes[index, 4] >= 60]
    return [MaskRegion.from_mask(region) for region in regions]


def grow(image: Any, regions: Any) -> list[Any]:
    """A refiner: the regions, three pixels wider."""
    kernel = np.ones((7, 7), np.uint8)
    return [cv2.dilate(region.mask.view(np.uint8), kernel) > 0 for region in regions]


def fill_skin(crop: Any, hole: Any) -> Any:
    """An inpainter: skin, of a shade that depends on the crop as a network's would."""
    result = crop.copy()
    result[hole] = (200, 150 + int(crop.sum()) % 21 - 10, 120)
    return result


def pipeline(**stages: Any) -> Pipeline:
    return Pipeline(
        **{
            "low_masks": True,
            "landmarks": None,
            "detector": find_blue,
            "refiner": grow,
            "inpainter": fill_skin,
            "blender": "none",
            **stages,
        }
    )


def write_video(
    path: Path,
    frames: Sequence[Any],
    *,
    codec: str = "libx264",
    pixel_format: str = "yuv420p",
    stamps: Sequence[int] | None = None,
    sound: str | None = None,
    layout: str = "stereo",
    sound_tags: dict[str, str] | None = None,
    rotation: int | None = None,
    tags: dict[str, str] | None = None,
    chapters: int = 0,
    aspect: Fraction | None = None,
    colours: tuple[int, int, int] | None = None,
    reordered: bool = False,
) -> Path:
    """Write frames as a video; time stamps are in `TIME_BASE`."""
    with av.open(str(path), "w") as container:
        options = {"crf": "10", "preset": "ultrafast"} if codec == "libx264" else {}
        if reordered:
            options = {"crf": "10", "bf": "2"}
        stream: Any = container.add_stream(codec, rate=25, options=options)
        stream.height, stream.width = frames[0].shape[:2]
        stream.pix_fmt = pixel_format
        stream.codec_context.time_base = TIME_BASE
        if rotation is not None:
            stream.set_display_rotation(rotation)
        if aspect is not None:
            stream.codec_context.sample_aspect_ratio = aspect
        if colours is not None:
            context = stream.codec_context
            context.color_primaries, context.color_trc, context.colorspace = colours
        audio: Any = container.add_stream(sound, rate=48000, layout=layout) if sound else None
        if audio is not None:
            audio.metadata.update(sound_tags or {})
        container.metadata.update(tags or {})
        if chapters:
            container.set_chapters(
                [
                    {"id": n, "start": n, "end": n + 1, "time_base": Fraction(1, 2), "metadata": {}}
                    for n in range(chapters)
                ]
            )
        stamps = stamps or [512 * index for index in range(len(frames))]
        for stamp, image in zip(stamps, frames, strict=True):
            frame = av.VideoFrame.from_ndarray(image, format="rgb24")
            frame.pts, frame.time_base = stamp, TIME_BASE
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
        if audio is not None:
            count = round(48000 * float(stamps[-1] * TIME_BASE))
            wave = (8000 * np.sin(np.arange(count) * 0.05)).astype(np.int16)
            for start in range(0, count, 1024):
                part = np.repeat(wave[start : start + 1024], audio.channels)[None]
                piece = av.AudioFrame.from_ndarray(part, format="s16", layout=layout)
                piece.sample_rate, piece.pts, piece.time_base = 48000, start, Fraction(1, 48000)
                container.mux(audio.encode(piece))
            container.mux(audio.encode(None))
    return path


def read_video(path: Path) -> tuple[list[Any], list[Fraction]]:
    """The frames of a video as they are stored, and their times in seconds."""
    with av.open(str(path)) as container:
        frames = list(container.decode(video=0))
        times = [Fraction(frame.pts) * Fraction(frame.time_base) for frame in frames]
        return [frame.to_ndarray(format="rgb24") for frame in frames], times


def sound_packets(path: Path) -> list[bytes]:
    """The packets of the first sound stream."""
    with av.open(str(path)) as container:
        return [bytes(packet) for packet in container.demux(audio=0) if packet.size]


def written_and_read(state: Any) -> Any:
    """A state as a later call finds it."""
    file = io.BytesIO()
    write_state(file, state)
    file.seek(0)
    return read_state(file)
