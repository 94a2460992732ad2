"""A small folder of drawn faces with landmarks, for tests that train or sample."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import cv2
import numpy as np

if TYPE_CHECKING:
    from pathlib import Path


def landmarks(centre: tuple[float, float], width: float) -> np.ndarray:
    """68 points of a plain frontal face, `width` pixels from ear to ear."""
    angle = np.linspace(np.pi, 0.0, 17)
    jaw = np.stack([np.cos(angle), np.sin(angle)], axis=1) * [0.5, 0.75]
    brows = np.stack([np.linspace(-0.38, 0.38, 10), np.full(10, -0.2)], axis=1)
    bridge = np.stack([np.zeros(4), np.linspace(-0.08, 0.2, 4)], axis=1)
    nostrils = np.stack([np.linspace(-0.1, 0.1, 5), np.full(5, 0.26)], axis=1)
    eyes = np.concatenate(
        [
            np.stack([side + 0.08 * np.cos(a), 0.04 * np.sin(a) - 0.05], axis=1)
            for side in (-0.22, 0.22)
            for a in [np.linspace(np.pi, -np.pi, 7)[:6]]
        ]
    )
    mouth = np.concatenate(
        [
            np.stack([size * np.cos(a), 0.44 + 0.4 * size * np.sin(a)], axis=1)
            for size, count in ((0.2, 12), (0.14, 8))
            for a in [np.linspace(np.pi, -np.pi, count + 1)[:count]]
        ]
    )
    points = np.concatenate([jaw, brows, bridge, nostrils, eyes, mouth])
    return points * width + np.asarray(centre)


def write_faces(folder: Path, count: int = 6, size: int = 96) -> Path:
    """Write drawn faces and their faces.jsonl; the last two are the val part."""
    folder.mkdir(parents=True, exist_ok=True)
    lines = []
    for index in range(count):
        random = np.random.default_rng(index)
        points = landmarks((size / 2, 0.42 * size), 0.55 * size)
        image = np.full((size, size, 3), random.integers(90, 200, 3), np.uint8)
        skin = (random.integers(120, 230), 140, 110)
        cv2.fillPoly(image, [np.rint(points[:17]).astype(np.int32)], tuple(map(int, skin)))
        cv2.ellipse(
            image,
            (size // 2, int(0.42 * size)),
            (int(0.27 * size), int(0.3 * size)),
            0,
            180,
            360,
            tuple(map(int, skin)),
            -1,
        )
        cv2.fillPoly(image, [np.rint(points[48:60]).astype(np.int32)], (180, 40, 50))
        for eye in (points[36:42], points[42:48]):
            cv2.fillPoly(image, [np.rint(eye).astype(np.int32)], (20, 20, 30))
        name = f"face{index}.png"
        cv2.imwrite(str(folder / name), image[..., ::-1])
        lines.append(
            json.dumps(
                {
                    "file": name,
                    "split": "val" if index >= count - 2 else "train",
                    "landmarks": points.tolist(),
                }
            )
        )
    (folder / "faces.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return folder
