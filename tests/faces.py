"""Plain drawn faces with their 68 landmarks, for tests that need somebody to look at."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

if TYPE_CHECKING:
    from pathlib import Path


def canonical_landmarks(jaw: float, centre: tuple[float, float]) -> np.ndarray:
    """The 68 iBUG points of a frontal face whose jaw is `jaw` pixels wide."""
    turn = np.linspace(np.pi, 0.0, 17)
    jaw_line = np.stack([0.5 * np.cos(turn), 0.72 * np.sin(turn)], axis=1)
    brows = [np.stack([x + np.linspace(-0.11, 0.11, 5), np.full(5, -0.14)], 1) for x in (-0.2, 0.2)]
    bridge = np.stack([np.zeros(4), np.linspace(0.0, 0.24, 4)], axis=1)
    nostrils = np.stack([np.linspace(-0.09, 0.09, 5), np.full(5, 0.29)], axis=1)
    around = np.linspace(np.pi, -np.pi, 7)[:-1]
    eyes = [
        np.stack([x + 0.08 * np.cos(around), 0.01 - 0.03 * np.sin(around)], 1) for x in (-0.2, 0.2)
    ]
    lips = np.linspace(np.pi, -np.pi, 13)[:-1]
    outer = np.stack([0.18 * np.cos(lips), 0.47 - 0.07 * np.sin(lips)], axis=1)
    inner = 0.6 * (outer[[0, 2, 3, 4, 6, 8, 9, 10]] - (0.0, 0.47)) + (0.0, 0.47)
    parts = [jaw_line, *brows, bridge, nostrils, *eyes, outer, inner]
    return np.concatenate(parts) * jaw + centre


def draw_face(random: np.random.Generator, side: int = 160) -> tuple[np.ndarray, np.ndarray]:
    """A plain drawn portrait, uint8 RGB `(side, side, 3)`, and its landmarks."""
    jaw = random.uniform(0.38, 0.47) * side
    centre = (
        side / 2 + random.uniform(-0.025, 0.025) * side,
        side * 0.42 + random.uniform(-0.025, 0.025) * side,
    )
    points = canonical_landmarks(jaw, centre)
    image = np.full((side, side, 3), random.integers(0, 255, 3), np.uint8)
    skin = random.uniform(0.5, 1.0) * np.array([235, 190, 165])
    middle = (int(centre[0]), int(centre[1] + 0.15 * jaw))
    cv2.ellipse(image, middle, (int(0.52 * jaw), int(0.75 * jaw)), 0, 0, 360, skin.tolist(), -1)
    for part, colour in ((slice(36, 42), 40), (slice(42, 48), 40), (slice(48, 60), 110)):
        cv2.fillPoly(image, [np.rint(points[part]).astype(np.int32)], (colour, colour // 2, 40))
    noise = random.normal(0.0, 4.0, image.shape)
    return np.clip(image + noise, 0, 255).astype(np.uint8), points


def write_faces(folder: Path, count: int = 6, side: int = 96, **labels: Any) -> Path:
    """Write drawn faces and their faces.jsonl; the last two are the val part."""
    folder.mkdir(parents=True, exist_ok=True)
    random = np.random.default_rng(0)
    lines = []
    for index in range(count):
        image, points = draw_face(random, side)
        name = f"face{index}.png"
        cv2.imwrite(str(folder / name), image[..., ::-1])
        split = "val" if index >= count - 2 else "train"
        lines.append({"file": name, "split": split, "landmarks": points.tolist(), **labels})
    text = "".join(json.dumps(line) + "\n" for line in lines)
    (folder / "faces.jsonl").write_text(text, encoding="utf-8")
    return folder
