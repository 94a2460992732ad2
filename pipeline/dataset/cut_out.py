"""Cuts head and shoulders out of a portrait, and paints a body beneath them."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from pipeline.dataset.canvas import Canvas
from pipeline.dataset.labels import Points
from pipeline.dataset.textures import random_colour, surface
from weights.base.contracts import Image, Mask

_HAIR = np.array(
    [(24, 20, 18), (45, 32, 24), (78, 54, 36), (120, 88, 56), (168, 136, 92), (150, 148, 146)],
    np.float32,
)


def jaw_width(landmarks: Points) -> float:
    """Distance between the jaw's two ends (landmarks 0 and 16), in pixels."""
    return float(np.linalg.norm(landmarks[16] - landmarks[0]))


def skin_colour(image: Image, landmarks: Points) -> NDArray[np.float32]:
    """The median colour `(3,)` of cheeks and nose, RGB 0 to 255."""
    height, width = image.shape[:2]
    inner = np.concatenate([landmarks[27:31], (landmarks[[2, 3, 13, 14]] + landmarks[30]) / 2.0])
    columns = np.clip(np.rint(inner[:, 0]).astype(int), 0, width - 1)
    rows = np.clip(np.rint(inner[:, 1]).astype(int), 0, height - 1)
    return np.median(image[rows, columns], axis=0).astype(np.float32)


def border_fade(height: int, width: int, distance: float) -> NDArray[np.float32]:
    """An opacity `(height, width)` that rises from 0 at the picture's edge to 1 at `distance`."""
    x = np.minimum(np.arange(width) + 0.5, width - 0.5 - np.arange(width)) / max(distance, 1e-3)
    y = np.minimum(np.arange(height) + 0.5, height - 0.5 - np.arange(height)) / max(distance, 1e-3)
    return np.minimum(np.clip(y, 0, 1)[:, None], np.clip(x, 0, 1)[None, :]).astype(np.float32)


def head_and_shoulders(
    size: tuple[int, int], landmarks: Points, mask: Mask | None, random: np.random.Generator
) -> NDArray[np.uint8]:
    """Make the opacity of a person cut out of a portrait.

    Args:
        size: height and width of the portrait.
        landmarks: iBUG points `(68, 2)` in its pixels.
        mask: a worn mask, bool `(H, W)`, kept whole.
        random: random generator.

    Returns:
        uint8 `(H, W)`, soft at its edge, 0 at the portrait's own border.
    """
    height, width = size
    jaw = jaw_width(landmarks)
    down = landmarks[8] - landmarks[27]
    face_height = float(np.linalg.norm(down)) or 1.0
    down = down / face_height
    tilt = float(np.degrees(np.arctan2(-down[0], down[1])))
    alpha = np.zeros((height, width), np.uint8)
    middle = landmarks[27] - 0.08 * face_height * down
    axes = (2 * jaw * random.uniform(0.62, 0.7), 2 * face_height * random.uniform(1.18, 1.3))
    cv2.ellipse(alpha, (middle.tolist(), axes, tilt), 255, -1, cv2.LINE_AA)
    chest = landmarks[8] + 1.15 * face_height * down
    shoulders = (2.3 * jaw * random.uniform(0.9, 1.2), 1.7 * face_height)
    cv2.ellipse(alpha, (chest.tolist(), shoulders, tilt), 255, -1, cv2.LINE_AA)
    if mask is not None:
        margin = max(1, round(0.03 * jaw))
        kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * margin + 1, 2 * margin + 1))
        alpha = np.maximum(alpha, cv2.dilate(mask.astype(np.uint8) * 255, kernel))
    softness = max(0.6, random.uniform(0.01, 0.04) * jaw)
    soft = cv2.GaussianBlur(alpha, (0, 0), softness).astype(np.float32)
    soft *= border_fade(height, width, random.uniform(0.03, 0.12) * jaw)
    return np.rint(soft).astype(np.uint8)


def paint_hair(canvas: Canvas, landmarks: Points, random: np.random.Generator) -> None:
    """Paint hair or a hood behind a face whose picture ends at the forehead.

    Args:
        canvas: the scene.
        landmarks: iBUG points `(68, 2)` in scene pixels.
        random: random generator.
    """
    jaw = jaw_width(landmarks)
    down = landmarks[8] - landmarks[27]
    height = float(np.linalg.norm(down)) or 1.0
    down = down / height
    right = np.array([down[1], -down[0]])
    middle = landmarks[27] - random.uniform(0.1, 0.3) * height * down
    angle = np.linspace(0.0, 2.0 * np.pi, 40, endpoint=False)[:, None]
    wide, tall = random.uniform(0.62, 0.75) * jaw, random.uniform(0.95, 1.15) * height
    outline = middle + np.cos(angle) * wide * right + np.sin(angle) * tall * down
    colour = (
        random_colour(random) if random.random() < 0.2 else _HAIR[int(random.integers(len(_HAIR)))]
    )
    shade = random.uniform(0.7, 1.2, (8, 24, 1)).astype(np.float32)
    fill = np.clip(shade * colour, 0, 255).astype(np.uint8)
    canvas.paint(outline, fill, max(0.5, 0.02 * jaw))


def paint_body(
    canvas: Canvas,
    landmarks: Points,
    skin: NDArray[np.floating],
    clothing: NDArray[np.floating] | None,
    random: np.random.Generator,
) -> None:
    """Paint neck and shoulders under a face before its cut-out is pasted.

    Args:
        canvas: the scene.
        landmarks: iBUG points `(68, 2)` in scene pixels.
        skin: colour `(3,)` of the neck.
        clothing: colour `(3,)` of the clothing; None draws a surface.
        random: random generator.
    """
    jaw = jaw_width(landmarks)
    right = (landmarks[16] - landmarks[0]) / max(jaw, 1e-6)
    down = np.array([0.0, 1.0])
    if abs(right[0]) < 0.3:
        right = np.array([1.0, 0.0])
    right = np.array([abs(right[0]), right[1] * np.sign(right[0])])
    chin = landmarks[8]
    softness = max(0.4, 0.015 * jaw)
    neck = [(-0.36, -0.5), (0.36, -0.5), (0.42, 0.6), (-0.42, 0.6)]
    canvas.paint(
        np.stack([chin + x * jaw * right + y * jaw * down for x, y in neck]), skin * 0.8, softness
    )
    wide = random.uniform(1.0, 1.4)
    left_half = np.array(
        [(0.3, 0.3), (0.55, 0.42), (0.85, 0.6), (1.0, 0.95), (1.08, 2.2), (1.12, 8.0)]
    )
    left_half[:, 0] *= wide
    outline = np.concatenate([left_half * (-1.0, 1.0), left_half[::-1]])
    shape = np.stack([chin + x * jaw * right + y * jaw * down for x, y in outline])
    if clothing is None:
        fill = surface(64, 64, random)
    else:
        shade = random.uniform(0.85, 1.1, (16, 16, 1)).astype(np.float32)
        plain = clothing if random.random() < 0.8 else random_colour(random)
        fill = np.clip(shade * plain, 0, 255).astype(np.uint8)
    canvas.paint(shape, fill, softness)
