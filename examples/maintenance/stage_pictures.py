"""Make the pictures of the page "How it works": `python -m examples.maintenance.stage_pictures`.

They show each stage's output for the astronaut with a drawn mask.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import cv2
import numpy as np

from examples.astronaut import astronaut, masked_astronaut
from pipeline import Pipeline
from pipeline.apps.explain.explanation import Explanation, explain
from pipeline.apps.explain.stage_outputs import ExplainedFace
from weights.base.contracts import Image, Mask
from weights.images import write_picture
from weights.images.mark import make_mark

FOLDER = Path(__file__).parents[1] / "documentation" / "pictures"
SIDE = 400
"""Side of each picture in pixels; those that show two things are twice as wide."""

_VIEW = (slice(100, 620), slice(90, 610))
_FOUND, _HOLE = (0, 148, 255), (255, 52, 102)


def main(arguments: list[str] | None = None) -> int:
    """Write the pictures; the exit code is 1 if no mask is found."""
    parser = argparse.ArgumentParser(
        prog="python -m examples.maintenance.stage_pictures", description=__doc__
    )
    parser.add_argument("--output", type=Path, default=FOLDER)
    parser.add_argument("--kind", default="surgical", help="of the mask that is drawn")
    parser.add_argument("--seed", type=int, default=10, help="of the mask that is drawn")
    parser.add_argument("--device", default="cpu", help="auto, cpu, cuda, cuda:N or mps")
    parser.add_argument("--overwrite", action="store_true", help="replace earlier pictures")
    options = parser.parse_args(arguments)

    pipeline = Pipeline(device=options.device)
    photo, _ = masked_astronaut(options.kind, options.seed)
    explanation = explain(photo, pipeline=pipeline)
    if not explanation.faces:
        print("No mask was found on the astronaut.", file=sys.stderr)
        return 1
    mark = make_mark(explanation.models)
    for name, (picture, filled) in stage_pictures(explanation).items():
        path = options.output / f"{name}.jpg"
        write_picture(
            path, picture, overwrite=options.overwrite, quality=82, mark=mark if filled else None
        )
        print(path)
    return 0


def stage_pictures(explanation: Explanation) -> dict[str, tuple[Image, bool]]:
    """Draw the stages' outputs for the astronaut.

    Args:
        explanation: explanation of her picture, with one face.

    Returns:
        By name, a picture, uint8 RGB `(H, W, 3)`, and whether it contains generated pixels.
    """
    face, result = explanation.faces[0], explanation.result
    found = explanation.image.copy()
    for region in result.regions:
        _outline(found, region.mask)
    true = _cut(astronaut(), result.faces[0].crop)
    coarse = face.fill if face.coarse is None else face.coarse
    return {
        "before_and_after": (_beside(explanation.image[_VIEW], result.image[_VIEW]), True),
        "found": (_sized(found[_VIEW]), False),
        "hole": (_sized(_tinted(explanation.image, result.hole)[_VIEW]), False),
        "crop": (_sized(_chequered(face)), False),
        "fill": (_beside(coarse, face.fill), True),
        "result": (_beside(face.blended, true), True),
    }


def _sized(image: Image) -> Image:
    return np.asarray(cv2.resize(image, (SIDE, SIDE), interpolation=cv2.INTER_AREA), np.uint8)


def _beside(left: Image, right: Image) -> Image:
    return np.hstack([_sized(left), _sized(right)])


def _outline(image: Image, mask: Mask) -> None:
    contours, _ = cv2.findContours(mask.astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    cv2.drawContours(image, contours, -1, _FOUND, 4, cv2.LINE_AA)


def _tinted(image: Image, hole: Mask) -> Image:
    tinted = 0.45 * image + 0.55 * np.array(_HOLE)
    return np.where(hole[:, :, None], tinted, image).astype(np.uint8)


def _chequered(face: ExplainedFace) -> Image:
    """The crop as the network gets it, with a chequerboard in the hole."""
    rows, columns = np.indices(face.missing.shape) // max(1, face.missing.shape[0] // 24)
    pattern = np.where((rows + columns) % 2, 214, 184)[:, :, None]
    return np.where(face.missing[:, :, None], pattern, face.crop).astype(np.uint8)


def _cut(image: Image, square: tuple[int, int, int]) -> Image:
    left, top, side = square
    return image[max(0, top) : top + side, max(0, left) : left + side]


if __name__ == "__main__":
    sys.exit(main())
