"""Put stages of your own into the pipeline: `python -m examples.custom_stage`.

A stage is any object with the stage's single method, or simply a function for one picture. Here the
detector is a function that finds a colour, and the inpainter a class that fills the hole with the
colours round it; refiner and blender are the defaults.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np

from examples.astronaut import masked_astronaut
from pipeline import Pipeline
from weights.base.contracts import Image, Mask
from weights.images import write_picture
from weights.images.mark import make_mark


def blue_things(image: Image) -> Mask:
    """A detector: the largest blue object in the picture, bool `(H, W)`."""
    hue, saturation, value = cv2.split(cv2.cvtColor(image, cv2.COLOR_RGB2HSV))
    blue = (hue > 90) & (hue < 125) & (saturation > 70) & (value > 90)
    count, labels, statistics, _ = cv2.connectedComponentsWithStats(blue.astype(np.uint8))
    if count == 1:
        return np.zeros_like(blue)
    largest = 1 + int(np.argmax(statistics[1:, cv2.CC_STAT_AREA]))
    return np.asarray(labels == largest)


class SkinColour:
    """An inpainter: the blurred surroundings of the hole.

    Args:
        blur: standard deviation of the blur, as a fraction of the crop's side.
    """

    def __init__(self, blur: float = 0.1) -> None:
        self.blur = blur

    def complete(self, crops: Sequence[Image], holes: Sequence[Mask]) -> list[Image]:
        """Return each crop filled; `crops` are uint8 `(H, W, 3)`, `holes` bool `(H, W)`."""
        return [self._fill(crop, hole) for crop, hole in zip(crops, holes, strict=True)]

    def _fill(self, crop: Image, hole: Mask) -> Image:
        # Blurring both the picture and its mask and dividing averages known pixels only.
        known = (~hole).astype(np.float32)
        spread = max(1.0, self.blur * crop.shape[0])
        weight = cv2.GaussianBlur(known, (0, 0), spread)[:, :, None]
        total = cv2.GaussianBlur(crop * known[:, :, None], (0, 0), spread)
        mean = crop[~hole].mean(axis=0) if known.any() else np.full(3, 127.0)
        smooth = (total + 1e-3 * mean) / (weight + 1e-3)
        return np.where(hole[:, :, None], smooth, crop).round().clip(0, 255).astype(np.uint8)


def main(arguments: list[str] | None = None) -> None:
    """Run the example."""
    parser = argparse.ArgumentParser(prog="python -m examples.custom_stage", description=__doc__)
    parser.add_argument("--output", type=Path, default=Path("output"), help="folder of the result")
    options = parser.parse_args(arguments)

    photo, _ = masked_astronaut("surgical", seed=3)
    pipeline = Pipeline(detector=blue_things, inpainter=SkinColour(blur=0.08))
    result = pipeline(photo, return_result=True)

    path = options.output / "custom_stage.png"
    mark = make_mark(pipeline.model_names(detected=True))
    write_picture(path, np.hstack([photo, result.image]), overwrite=True, mark=mark)
    count = len(result.faces)
    print(f"{count} mask{'' if count == 1 else 's'} found by colour, filled with what is round:")
    print(f"  {path.resolve()}")


if __name__ == "__main__":
    main()
