"""Measure how much fills flicker in a video.

`python -m examples.maintenance.video_flicker FACES --count 4`

Portraits of the split "val" are moved like a head, with and without a drawn mask; the masks are
removed, and the flicker of the fill is compared with that of the true face in the same clip.
"""

from __future__ import annotations

import argparse
import math
import sys
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import cv2
import numpy as np

from detector.synthesis import FaceAnnotation, draw_mask, load_faces
from inpainter.metrics import SIGMAS, detail_kept
from pipeline import Pipeline
from pipeline.video import FrameStream, VideoSettings, measure_flicker
from pipeline.video.similarity import Matrix, from_affine, inverse
from weights.base.contracts import Image
from weights.base.errors import UnmaskError
from weights.images import read_picture

KINDS = ("surgical", "n95", "cloth")
SHOWN = 7 / 8
"""Side of the frames over that of the portrait; the rest moves in and out of view."""


@dataclass(frozen=True)
class MovingFace:
    """A clip of a moving portrait.

    Attributes:
        masked: frames with a drawn mask, uint8 RGB `(H, W, 3)`.
        truth: frames without a mask.
        motions: motion from each frame to the next, `(3, 3)`, in pixels.
    """

    masked: list[Image]
    truth: list[Image]
    motions: list[Matrix]


def move_face(
    face: FaceAnnotation,
    frames: int,
    noise: float,
    seed: int,
    tilt: tuple[float, float] = (0.0, 0.0),
) -> MovingFace:
    """Make a clip of a face at 25 frames per second.

    Args:
        face: a portrait with its landmarks.
        frames: number of frames.
        noise: standard deviation of the camera's noise, in grey levels.
        seed: random seed of the mask, the motion and the noise.
        tilt: clockwise rotation in degrees in the first and in the last frame.
    """
    image = read_picture(face.file).pixels
    random = np.random.default_rng(seed)
    kind = KINDS[seed % len(KINDS)]
    drawn = draw_mask(image, face.landmarks, random, kind=kind, worn="full").masked
    side = min(image.shape[:2])
    shown = round(SHOWN * side)
    phases = random.uniform(0.0, 2.0 * np.pi, 4)
    poses: list[Matrix] = []
    masked: list[Image] = []
    truth: list[Image] = []
    for time, tilted in zip(np.arange(frames) / 25.0, np.linspace(*tilt, frames), strict=True):
        turn, growth, x, y = np.sin(2.0 * np.pi * np.array([0.5, 0.4, 0.6, 0.7]) * time + phases)
        matrix = cv2.getRotationMatrix2D(
            (side / 2, side / 2), 3.0 * turn - tilted, 1.0 + 0.03 * growth
        )
        matrix[:, 2] += np.array([0.02 * x, 0.012 * y]) * side - (side - shown) / 2
        poses.append(from_affine(np.asarray(matrix, np.float64)))
        grain = random.normal(0.0, noise, (shown, shown, 3)) if noise else 0.0
        for picture, clip in ((image, truth), (drawn, masked)):
            moved = cv2.warpAffine(
                picture.astype(np.float32),
                matrix,
                (shown, shown),
                flags=cv2.INTER_CUBIC,
                borderMode=cv2.BORDER_REFLECT,
            )
            clip.append(np.clip(np.rint(moved + grain), 0, 255).astype(np.uint8))
    motions = [after @ inverse(before) for before, after in pairwise(poses)]
    return MovingFace(masked, truth, motions)


def clip_figures(
    clip: MovingFace, pipeline: Pipeline, settings: VideoSettings
) -> dict[str, float] | None:
    """Flicker of fill, ground truth and surroundings in grey levels, their ratio, and detail kept.

    None if the mask is found in fewer than two frames.
    """
    stream = FrameStream(pipeline, settings)
    done = stream.push(clip.masked) + stream.finish()
    places = [frame.number for frame in done if frame.hole is not None]
    if len(places) < 2:
        return None
    filled = done[places[0] : places[-1] + 1]
    holes = [
        np.zeros(frame.image.shape[:2], np.bool_) if frame.hole is None else frame.hole
        for frame in filled
    ]
    truth = clip.truth[places[0] : places[-1] + 1]
    flicker = measure_flicker(
        [frame.image for frame in filled],
        holes,
        truth=truth,
        motions=clip.motions[places[0] : places[-1]],
    )
    figures = {
        "fill": flicker.fill,
        "true face": flicker.truth,
        "surroundings": flicker.surroundings,
        "ratio": flicker.ratio,
    }
    kept = [
        detail_kept(frame.image, picture, hole)
        for frame, picture, hole in list(zip(filled, truth, holes, strict=True))[4::8]
        if hole.any()
    ]
    for sigma in SIGMAS:
        values = [own[sigma] for own in kept if not math.isnan(own[sigma])]
        figures[f"detail {sigma} px"] = float(np.mean(values)) if values else math.nan
    return figures


def main(arguments: list[str] | None = None, pipeline: Pipeline | None = None) -> int:
    """Print the figures of each clip and their mean."""
    parser = argparse.ArgumentParser(
        prog="python -m examples.maintenance.video_flicker", description=__doc__
    )
    parser.add_argument("faces", type=Path, help="folder with faces.jsonl")
    parser.add_argument("--count", type=int, default=4, help="faces")
    parser.add_argument("--frames", type=int, default=30)
    parser.add_argument("--noise", type=float, default=0.0, help="of the camera, in grey levels")
    parser.add_argument(
        "--tilt",
        type=float,
        nargs=2,
        default=(0.0, 0.0),
        metavar=("FIRST", "LAST"),
        help="degrees by which faces are turned clockwise in the first frame and in the last",
    )
    parser.add_argument("--steadiness", type=float, default=VideoSettings().steadiness)
    parser.add_argument("--device", default="cpu", help="auto, cpu, cuda, cuda:N or mps")
    options = parser.parse_args(arguments)
    try:
        pipeline = pipeline or Pipeline(device=options.device)
        settings = VideoSettings(steadiness=options.steadiness)
        faces = [face for face in load_faces(options.faces) if face.split == "val"]
        chosen = faces[:: max(1, len(faces) // options.count)][: options.count]
        rows = []
        for seed, face in enumerate(chosen):
            clip = move_face(face, options.frames, options.noise, seed, options.tilt)
            figures = clip_figures(clip, pipeline, settings)
            if figures is None:
                print(f"{face.file.name}: the mask was not found.", file=sys.stderr)
                continue
            rows.append(figures)
            print(face.file.name, *(f"{name} {value:.3f}" for name, value in figures.items()))
        if rows:
            means = {name: float(np.nanmean([row[name] for row in rows])) for name in rows[0]}
            print("mean", *(f"{name} {value:.3f}" for name, value in means.items()))
    except UnmaskError as error:
        print(error, file=sys.stderr)
        return 2
    return 0 if rows else 1


if __name__ == "__main__":
    sys.exit(main())
