"""Random variation of how a mask sits: slightly crooked, loose or tight."""

from __future__ import annotations

import cv2
import numpy as np

from detector.synthesis.outline import MaskOutline, Points


def vary_outline(outline: MaskOutline, random: np.random.Generator) -> MaskOutline:
    """Make a mask slightly crooked, with uneven edges and a more or less rounded peak."""
    edges = []
    softness = random.uniform(0.3, 5.0)
    for edge, soft in ((outline.top, softness), (outline.bottom, 0.0)):
        count = len(edge)
        step = np.linspace(0.0, 1.0, count)
        moved = edge
        if soft > 0.0:
            chord = edge[0] + step[:, None] * (edge[-1] - edge[0])
            kernel = cv2.getGaussianKernel(25, soft)
            rest = np.pad(edge - chord, ((12, 12), (0, 0)), mode="reflect", reflect_type="odd")
            moved = chord + np.stack(
                [np.convolve(rest[:, axis], kernel[:, 0], mode="valid") for axis in (0, 1)], axis=1
            )
        along = np.gradient(moved, axis=0)
        along /= np.maximum(np.linalg.norm(along, axis=1, keepdims=True), 1e-6)
        normal = np.stack([-along[:, 1], along[:, 0]], axis=1)
        ripple = sum(
            random.normal(0.0, 0.008 / number)
            * np.sin(np.pi * number * step + random.uniform(0, 6.3))
            for number in range(1, 8)
        )
        if soft == 0.0:
            # Loose masks stand off the jaw between the corners and the chin.
            ripple = ripple + random.uniform(-0.01, 0.05) * np.square(np.sin(2 * np.pi * step))
        edges.append(moved + outline.width * np.asarray(ripple)[:, None] * normal)
    angle = random.normal(0.0, 0.025)
    turn = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    centre = (edges[0].mean(axis=0) + edges[1].mean(axis=0)) / 2.0
    shift = random.normal(0.0, 0.012, 2) * outline.width
    size = float(np.clip(random.normal(1.01, 0.035), 0.93, 1.12))
    top, bottom = (size * (edge - centre) @ turn + centre + shift for edge in edges)
    return MaskOutline(outline.kind, top, bottom)


def body_contour(outline: MaskOutline, random: np.random.Generator) -> Points:
    """Close a mask's edges to a contour `(K, 2)`, with sides bowed slightly out or in."""
    step = np.linspace(0.0, 1.0, 14)[1:-1, None]
    sides = []
    for start, end in ((outline.top[-1], outline.bottom[-1]), (outline.bottom[0], outline.top[0])):
        span = end - start
        outward = np.array([span[1], -span[0]])
        bow = random.normal(0.02, 0.05)
        ripple = random.normal(0.0, 0.012) * np.sin(2 * np.pi * step * random.uniform(0.8, 2.2))
        sides.append(start + step * span + (bow * 4 * step * (1 - step) + ripple) * outward)
    return np.concatenate([outline.top, sides[0], outline.bottom[::-1], sides[1]])
