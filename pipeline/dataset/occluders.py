"""Occluders other than masks: hands, scarves, microphones, cups, phones."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from pipeline.dataset.canvas import Canvas
from pipeline.dataset.labels import Points
from pipeline.dataset.textures import random_colour, surface

OCCLUDERS = ("hand", "scarf", "object")


def _frame(landmarks: Points) -> tuple[Points, Points, Points, float]:
    """The mouth, unit vectors to the face's right and down, and the jaw's width in pixels."""
    right = landmarks[16] - landmarks[0]
    width = float(np.linalg.norm(right)) or 1.0
    right = right / width
    down = np.array([-right[1], right[0]])
    if float(down @ (landmarks[8] - landmarks[27])) < 0:
        down = -down
    return landmarks[48:68].mean(axis=0), right, down, width


def _ellipse(centre: Points, along: Points, length: float, breadth: float) -> Points:
    across = np.array([-along[1], along[0]])
    angle = np.linspace(0.0, 2.0 * np.pi, 24, endpoint=False)[:, None]
    return np.asarray(centre + np.cos(angle) * length * along + np.sin(angle) * breadth * across)


def _capsule(start: Points, end: Points, radius: float) -> Points:
    along = (end - start) / (np.linalg.norm(end - start) or 1.0)
    across = np.array([-along[1], along[0]])
    turn = np.linspace(-np.pi / 2, np.pi / 2, 9)[:, None]
    cap = end + radius * (np.cos(turn) * along + np.sin(turn) * across)
    base = start - radius * (np.cos(turn) * along + np.sin(turn) * across)
    return np.concatenate([cap, base])


def paint_hand(
    canvas: Canvas, landmarks: Points, skin: NDArray[np.floating], random: np.random.Generator
) -> None:
    """Paint a hand of the colour `skin` `(3,)`, from below, over mouth or chin."""
    mouth, right, down, width = _frame(landmarks)
    side = random.choice([-1.0, 1.0])
    lean = random.uniform(-0.9, 0.9)
    up = -down * np.cos(lean) + right * np.sin(lean) * side
    across = np.array([-up[1], up[0]])
    palm = (
        mouth
        + down * random.uniform(0.1, 0.6) * width
        + right * side * random.uniform(0, 0.35) * width
    )
    size = random.uniform(0.2, 0.3) * width
    softness = max(0.4, 0.008 * width)
    canvas.paint(_capsule(palm - up * 3.0 * width, palm, 0.8 * size), skin * 0.9, softness)
    canvas.paint(_ellipse(palm, up, 1.15 * size, size), skin * 0.97, softness)
    for number in range(4):
        offset = (number - 1.5) * 0.52 * size
        start = palm + across * offset + up * 0.6 * size
        spread = up + across * 0.1 * (number - 1.5)
        end = start + spread * size * random.uniform(1.0, 1.7)
        shade = random.uniform(0.9, 1.06)
        canvas.paint(_capsule(start, end, 0.27 * size), skin * shade * 0.8, softness)
        inner = _capsule(start + across * 0.03 * size, end, 0.22 * size)
        canvas.paint(inner, skin * shade, softness)


def paint_scarf(canvas: Canvas, landmarks: Points, random: np.random.Generator) -> None:
    """Paint a scarf or collar round the neck, up to the chin or the mouth."""
    mouth, right, down, width = _frame(landmarks)
    top = random.uniform(0.0, 0.4) * width
    reach = random.uniform(0.55, 0.75) * width
    depth = top + random.uniform(0.5, 1.1) * width
    across = np.linspace(-1.0, 1.0, 15)[:, None]
    wave = random.normal(0.0, 0.02, across.shape) * width
    sag = random.uniform(-0.05, 0.25) * width
    upper = mouth + across * reach * right + (top + sag * (1 - across**2) + wave) * down
    lower = mouth + across[::-1] * reach * 1.3 * right + (depth - 0.2 * width * across**2) * down
    fill = surface(96, 128, random)
    for _ in range(int(random.integers(2, 7))):
        y = random.uniform(0, 96)
        end = (128, round(y + random.normal(0, 25)))
        cv2.line(fill, (0, round(y)), end, (fill[48, 64] * 0.55).tolist(), 3, cv2.LINE_AA)
    canvas.paint(np.concatenate([upper, lower]), fill, max(0.4, 0.01 * width))


def paint_object(canvas: Canvas, landmarks: Points, random: np.random.Generator) -> None:
    """Paint a microphone, cup or phone held before the lower face."""
    mouth, right, down, width = _frame(landmarks)
    centre = mouth + (random.normal(0.0, 0.2, 2) * width)
    centre = centre + down * random.uniform(0.0, 0.35) * width
    colour = random_colour(random)
    softness = max(0.4, 0.006 * width)
    tilt = random.uniform(-0.8, 0.8)
    along = down * np.cos(tilt) + right * np.sin(tilt)
    side = np.array([-along[1], along[0]])
    if random.random() < 0.4:
        radius = random.uniform(0.12, 0.2) * width
        canvas.paint(
            _capsule(centre, centre + along * 1.5 * width, radius * 0.7), colour * 0.6, softness
        )
        canvas.paint(_ellipse(centre, along, radius * 1.2, radius), colour * 0.4 + 15, softness)
        return
    length, breadth = random.uniform(0.25, 0.5) * width, random.uniform(0.14, 0.25) * width
    taper = random.uniform(0.75, 1.0)
    corners = np.stack(
        [
            centre - along * length - side * breadth,
            centre - along * length + side * breadth,
            centre + along * length + side * breadth * taper,
            centre + along * length - side * breadth * taper,
        ]
    )
    fill = np.linspace(0.7, 1.1, 32)[None, :, None] * colour
    picture = np.broadcast_to(np.clip(fill, 0, 255), (32, 32, 3)).astype(np.uint8)
    canvas.paint(corners, picture, softness)


def paint_occluder(
    canvas: Canvas, landmarks: Points, skin: NDArray[np.floating], random: np.random.Generator
) -> str:
    """Paint an object that is not a mask over the lower part of a face.

    Args:
        canvas: the scene.
        landmarks: iBUG points `(68, 2)` in scene pixels.
        skin: the person's skin colour `(3,)`, RGB 0 to 255.
        random: random generator.

    Returns:
        Which of `OCCLUDERS` was painted.
    """
    kind = OCCLUDERS[int(random.integers(len(OCCLUDERS)))]
    if kind == "hand":
        paint_hand(canvas, landmarks, skin, random)
    elif kind == "scarf":
        paint_scarf(canvas, landmarks, random)
    else:
        paint_object(canvas, landmarks, random)
    return kind
