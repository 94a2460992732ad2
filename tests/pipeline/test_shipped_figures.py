"""The shipped weights do as well as they did, on the astronaut in changing light and size.

Three figures of each: how much of a plain drawn mask the detector's hole covers (intersection over
union, within 0.02), how near the fill comes to the true face (PSNR inside the hole, within 0.3 dB),
and how much fine detail it has beside the true face (ratio of the deviations of the Laplacian,
within a tenth). Other weights have figures of their own: measure them anew by
`python -m tests.pipeline.test_shipped_figures`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cache

import cv2
import numpy as np
import pytest

from examples.astronaut import LANDMARKS, astronaut
from pipeline import Pipeline


@dataclass(frozen=True)
class Scene:
    """How the astronaut is shown."""

    side: int = 280
    mirrored: bool = False
    light: float = 1.0
    grey: bool = False


FIGURES = {
    Scene(700): (0.946, 19.41, 1.275),
    Scene(): (0.897, 19.15, 0.858),
    Scene(mirrored=True): (0.895, 18.45, 0.753),
    Scene(light=0.6): (0.896, 22.01, 0.828),
    Scene(grey=True): (0.889, 18.97, 0.949),
}


def draw(scene: Scene) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The true face, the face with a plain mask, and the mask."""
    image, points = astronaut(), LANDMARKS.copy()
    if scene.mirrored:
        image, points[:, 0] = image[:, ::-1], 699 - points[:, 0]
    image = np.clip(image * scene.light, 0, 255).astype(np.uint8)
    if scene.grey:
        image = cv2.cvtColor(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY), cv2.COLOR_GRAY2RGB)
    image = cv2.resize(image, (scene.side, scene.side), interpolation=cv2.INTER_AREA)
    points = (points + 0.5) * scene.side / 700 - 0.5
    canvas = np.zeros((scene.side, scene.side), np.uint8)
    outline = np.rint(points[[*range(1, 16), 28]]).astype(np.int32)
    cv2.fillConvexPoly(canvas, cv2.convexHull(outline[:, None]), 1)
    shade = np.linspace(0.85, 1.05, scene.side)[:, None, None] * scene.light
    cloth = np.clip(shade * (150, 190, 215), 0, 255).astype(np.uint8)
    mask = canvas > 0
    return image, np.where(mask[:, :, None], cloth, image), mask


@cache
def shipped() -> Pipeline:
    return Pipeline(inpainter={"name": "gated", "precision": "float32"}, device="cpu")


def measure(scene: Scene) -> tuple[float, float, float]:
    """Cover of the found mask; PSNR in dB and share of fine detail of the drawn mask's fill."""
    image, masked, mask = draw(scene)
    found = shipped().run([masked])[0].hole
    filled = shipped().run([masked], [mask])[0].image
    error = np.square(filled[mask] - image[mask].astype(float)).mean()
    detail = [cv2.Laplacian(one, cv2.CV_64F)[mask].std() for one in (filled, image)]
    cover = float((found & mask).sum() / (found | mask).sum())
    return cover, 20 * math.log10(255) - 10 * math.log10(error), float(detail[0] / detail[1])


@pytest.mark.parametrize("scene", FIGURES, ids=str)
def test_the_shipped_weights_hold_their_figures(scene: Scene) -> None:
    cover, psnr, detail = measure(scene)
    known = FIGURES[scene]
    assert cover == pytest.approx(known[0], abs=0.02)
    assert psnr == pytest.approx(known[1], abs=0.3)
    assert detail == pytest.approx(known[2], rel=0.1)


if __name__ == "__main__":
    for one in FIGURES:
        print(one, *(f"{figure:.3f}" for figure in measure(one)))
