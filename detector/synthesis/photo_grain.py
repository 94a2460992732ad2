"""Estimates sharpness and grain of a photo around a face."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from detector.synthesis.outline import Points
from weights.base.contracts import Image

_NOISE_KERNEL = np.array([[1, -2, 1], [-2, 4, -2], [1, -2, 1]], np.float32)


@dataclass(frozen=True)
class PhotoGrain:
    """Sharpness and grain of a photo.

    Attributes:
        blur: standard deviation of the blur of its edges, in pixels.
        noise: standard deviation of its grain, in grey levels of 0 to 255.
    """

    blur: float
    noise: float


def estimate_photo_grain(image: Image, points: Points) -> PhotoGrain:
    """Estimate sharpness and grain from the pixels of a face.

    The blur comes from the ratio of gradients before and after a known second blur, taken at the
    strongest edges (Zhuo and Sim 2011, "Defocus map estimation from a single image"); the noise
    from a kernel that cancels smooth shading (Immerkaer 1996, "Fast noise variance estimation"),
    with a median instead of the mean.

    Args:
        image: uint8 RGB `(H, W, 3)`.
        points: iBUG points `(68, 2)`, x y in pixels.
    """
    height, width = image.shape[:2]
    x0, y0 = np.clip(np.floor(points.min(axis=0)), 0, [width - 1, height - 1]).astype(int)
    x1, y1 = np.clip(np.ceil(points.max(axis=0)), 0, [width - 1, height - 1]).astype(int)
    if x1 - x0 < 8 or y1 - y0 < 8:
        return PhotoGrain(blur=0.6, noise=2.0)
    centre_x, centre_y = (x0 + x1) // 2, (y0 + y1) // 2
    half = min(max(x1 - x0, y1 - y0) // 2 + 1, 300)
    patch = image[
        max(centre_y - half, 0) : centre_y + half + 1, max(centre_x - half, 0) : centre_x + half + 1
    ]
    grey = cv2.cvtColor(patch, cv2.COLOR_RGB2GRAY).astype(np.float32)
    again = 1.0
    first, second = (
        cv2.magnitude(cv2.Sobel(plane, cv2.CV_32F, 1, 0), cv2.Sobel(plane, cv2.CV_32F, 0, 1))
        for plane in (grey, cv2.GaussianBlur(grey, (0, 0), again))
    )
    strong = first >= np.percentile(first, 98)
    ratio = float(np.median(first[strong] / np.maximum(second[strong], 1e-3)))
    blur = again / np.sqrt(max(ratio * ratio - 1.0, 0.04))
    noise = 1.4826 * float(np.median(np.abs(cv2.filter2D(grey, -1, _NOISE_KERNEL)))) / 6.0
    return PhotoGrain(blur=float(np.clip(blur, 0.3, 5.0)), noise=float(np.clip(noise, 0.0, 20.0)))
