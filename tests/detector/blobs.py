"""Tiny pictures with coloured blobs in place of masks, for training runs of seconds."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np

if TYPE_CHECKING:
    from pathlib import Path


def draw_blob_picture(
    random: np.random.Generator, size: int = 64
) -> tuple[np.ndarray, list[np.ndarray]]:
    """A grey noisy picture with one or two bright ellipses, and their outlines in pixels."""
    picture = random.integers(60, 90, (size, size, 3)).astype(np.uint8)
    outlines = []
    for left in range(int(random.integers(1, 3))):
        centre = np.array([size * (0.28 + 0.44 * left), size * random.uniform(0.35, 0.65)])
        axes = size * random.uniform(0.12, 0.2, 2)
        angle = np.linspace(0, 2 * np.pi, 24, endpoint=False)
        outline = centre + axes * np.stack([np.cos(angle), np.sin(angle)], axis=1)
        cv2.fillPoly(picture, [np.rint(outline).astype(np.int32)], (40, 200, 230))
        outlines.append(outline)
    return picture, outlines


def write_blob_dataset(folder: Path, train: int = 8, val: int = 4, size: int = 64) -> Path:
    """Write a YOLO segmentation set of blob pictures; returns its data.yaml."""
    random = np.random.default_rng(0)
    for part, count in (("train", train), ("val", val)):
        images, labels = folder / "images" / part, folder / "labels" / part
        images.mkdir(parents=True)
        labels.mkdir(parents=True)
        for index in range(count):
            picture, outlines = draw_blob_picture(random, size)
            cv2.imwrite(str(images / f"{index}.png"), picture[..., ::-1])
            lines = [
                "0 " + " ".join(f"{value:.5f}" for value in (outline / size).ravel())
                for outline in outlines
            ]
            (labels / f"{index}.txt").write_text("\n".join(lines))
    path = folder / "data.yaml"
    path.write_text("train: images/train\nval: images/val\nnames: [mask]\n")
    return path
