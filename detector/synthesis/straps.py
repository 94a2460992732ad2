"""Straps of a mask, from its corners to the ears or round the head."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from detector.synthesis.face_check import head_turn
from detector.synthesis.material import StrapStyle
from detector.synthesis.outline import MaskOutline, Points


@dataclass(frozen=True)
class Strand:
    """One visible stretch of a strap.

    Attributes:
        points: its path `(K, 2)`, x y in pixels of the picture.
        width: in pixels of the picture.
    """

    points: Points
    width: float


def lay_straps(
    style: StrapStyle,
    outline: MaskOutline,
    landmarks: Points,
    width: float,
    random: np.random.Generator,
) -> list[Strand]:
    """Place the straps of a worn mask, two strands on each side.

    Args:
        style: ear loops or head bands.
        outline: the mask's edges.
        landmarks: iBUG points `(68, 2)`, x y in pixels.
        width: of a strap, as a fraction of the mask's width.
        random: random generator.
    """
    jaw = landmarks[:17]
    right = jaw[16] - jaw[0]
    right = right / max(float(np.linalg.norm(right)), 1e-6)
    down = np.array([-right[1], right[0]])
    height = float(np.linalg.norm(landmarks[8] - landmarks[27]))
    turn = head_turn(landmarks)
    strands = []
    crossed = style == "ear-loops" and random.random() < 0.1
    thickness = max(width * outline.width, 0.8)
    for side, ear, beneath, top, bottom in (
        (-1.0, jaw[0], jaw[2], outline.top[0], outline.bottom[0]),
        (1.0, jaw[16], jaw[14], outline.top[-1], outline.bottom[-1]),
    ):
        # On a turned head the near ear is behind the end of the jaw line; the far one is hidden.
        seen = float(np.clip(0.04 - side * turn * 0.16, 0.0, 0.16)) * outline.width
        outward = side * right
        inner = 0.1 * (bottom - top)
        if style == "ear-loops":
            lobe, aside = beneath - ear, outward * seen
            upper_end = ear + lobe * random.uniform(-0.08, 0.4) + aside * random.uniform(0.2, 1.2)
            lower_end = ear + lobe * random.uniform(0.45, 1.1) + aside * random.uniform(0.1, 1.0)
        else:
            rise = height * random.uniform(0.05, 0.35) * min(1.0, seen / (0.03 * outline.width))
            upper_end = ear + outward * (seen * 1.7 + 0.01 * outline.width) - down * rise
            lower_end = (
                jaw[3 if side < 0 else 13]
                + outward * (seen + 0.02 * height)
                + down * height * random.uniform(-0.1, 0.12)
            )
        ends = (lower_end, upper_end) if crossed else (upper_end, lower_end)
        for corner, end in ((top + inner, ends[0]), (bottom - inner, ends[1])):
            start = corner - 0.03 * outline.width * outward
            strands.append(Strand(_bent(start, end, height, random), thickness))
    return strands


def _bent(start: Points, end: Points, height: float, random: np.random.Generator) -> Points:
    """A slightly bent line from `start` to `end`, 12 points."""
    middle = (start + end) / 2.0
    normal = np.array([-(end - start)[1], (end - start)[0]])
    middle = middle + normal * random.normal(0.0, 0.08)
    middle = middle + np.array([0.0, random.uniform(0.0, 0.02)]) * height
    step = np.linspace(0.0, 1.0, 12)[:, None]
    return np.asarray((1 - step) ** 2 * start + 2 * step * (1 - step) * middle + step**2 * end)
