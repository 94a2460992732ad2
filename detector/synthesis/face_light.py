"""Estimates the light on a face, so that a drawn mask can be lit alike.

Linear light is approximated by the square of sRGB values ("linear" below), so that the inverse is a
square root.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from detector.synthesis.outline import Points
from weights.base.contracts import Image

# Average skin colour of an evenly and neutrally lit face: linear red over green and blue over
# green. It varies far less between people than between lamps.
_SKIN_RED, _SKIN_BLUE = 1.75, 0.66
_SIDE = 96


@dataclass(frozen=True)
class FaceLight:
    """The light on one face.

    Attributes:
        white: linear brightness of an evenly lit white surface on this face, about 1 in a
            well-exposed photo.
        tint: linear colour `(3,)` of the light, with a mean of 1.
        gradient: change of brightness with the surface normal `(x, y)`, relative to a surface
            facing the camera; x to image right, y down.
        chroma: 0 for a grey photo, 1 for full colour.
        shade: brightness not explained by the normal, such as cast shadows, `(S, S)`, around 1.
        origin: x y of the upper left corner of `shade`, in pixels of the picture.
        side: the width and height that `shade` covers, in pixels of the picture.
    """

    white: float
    tint: NDArray[np.float64]
    gradient: tuple[float, float]
    chroma: float
    shade: NDArray[np.float32]
    origin: tuple[float, float]
    side: float

    def shade_at(self, x: NDArray[np.float32], y: NDArray[np.float32]) -> NDArray[np.float32]:
        """Sample `shade` at pixels of the picture, with its border values replicated."""
        step = len(self.shade) / self.side
        there = cv2.remap(
            self.shade,
            (x - np.float32(self.origin[0])) * np.float32(step),
            (y - np.float32(self.origin[1])) * np.float32(step),
            cv2.INTER_LINEAR,
            borderMode=cv2.BORDER_REPLICATE,
        )
        return np.asarray(there, np.float32)


def estimate_face_light(image: Image, points: Points) -> FaceLight:
    """Estimate the light on a face from its skin.

    A linear function of the normals of an egg-shaped head is fitted robustly to the skin's
    brightness, so that beards, brows and glasses have little weight.

    Args:
        image: uint8 RGB `(H, W, 3)`.
        points: iBUG points `(68, 2)`, x y in pixels.
    """
    low = points.min(axis=0)
    high = points.max(axis=0)
    side = float(max(high - low)) * 1.1
    origin = (low + high) / 2.0 - side / 2.0
    step = side / _SIDE
    patch = _cut_out(image, origin, side)
    linear = np.square(cv2.GaussianBlur(patch, (0, 0), 1.0).astype(np.float32) / 255.0)
    local = ((points - origin) / step).astype(np.float32)
    skin = _skin(local)
    x0, y0 = np.maximum(-origin / step, 0).astype(int)
    inside = np.zeros_like(skin)
    inside[
        y0 : max(int((image.shape[0] - origin[1]) / step), y0 + 1),
        x0 : max(int((image.shape[1] - origin[0]) / step), x0 + 1),
    ] = 1
    if (skin & inside).sum() > 50:
        skin &= inside
    return _fit(linear, skin.astype(bool), local, tuple(origin.tolist()), side, image)


def _cut_out(image: Image, origin: Points, side: float) -> Image:
    """Crop a square of a picture at `_SIDE` pixels, with the picture's border replicated."""
    height, width = image.shape[:2]
    x0, y0 = np.clip(np.floor(origin), 0, [width - 1, height - 1]).astype(int).tolist()
    x1, y1 = np.clip(np.ceil(origin + side), [x0 + 1, y0 + 1], [width, height]).astype(int).tolist()
    part = image[y0:y1, x0:x1]
    step = side / _SIDE
    shrink = min(1.0, 1.5 / step)
    if shrink < 0.75:
        size = (max(1, round((x1 - x0) * shrink)), max(1, round((y1 - y0) * shrink)))
        part = np.asarray(cv2.resize(part, size, interpolation=cv2.INTER_AREA), np.uint8)
    factor = np.array([part.shape[1] / (x1 - x0), part.shape[0] / (y1 - y0)])
    offset = (origin - [x0, y0] + 0.5 * step) * factor - 0.5
    matrix = np.array([[step * factor[0], 0.0, offset[0]], [0.0, step * factor[1], offset[1]]])
    cut = cv2.warpAffine(
        part,
        matrix,
        (_SIDE, _SIDE),
        flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
        borderMode=cv2.BORDER_REPLICATE,
    )
    return np.asarray(cut, np.uint8)


def _skin(local: NDArray[np.float32]) -> NDArray[np.uint8]:
    """The face without eyes, brows, mouth and nostrils."""
    skin = np.zeros((_SIDE, _SIDE), np.uint8)

    def fill(part: NDArray[np.float32], value: int, grown: float = 1.0) -> None:
        centre = part.mean(axis=0)
        hull = cv2.convexHull(((part - centre) * grown + centre).astype(np.float32))
        cv2.fillConvexPoly(skin, np.rint(hull).astype(np.int32), value)

    centre = local[27:36].mean(axis=0)
    fill((local[0:27] - centre) * 0.92 + centre, 1)
    for part in (slice(17, 22), slice(22, 27), slice(36, 42), slice(42, 48)):
        fill(local[part], 0, 1.5)
    fill(local[48:60], 0, 1.2)
    fill(local[31:36], 0, 1.1)
    return skin


def _fit(
    linear: NDArray[np.float32],
    skin: NDArray[np.bool_],
    local: NDArray[np.float32],
    origin: tuple[float, float],
    side: float,
    image: Image,
) -> FaceLight:
    luminance = linear @ np.array([0.25, 0.6, 0.15], np.float32)
    normal_x, normal_y = _egg_normals(local)
    where = np.flatnonzero(skin)
    if len(where) < 20:
        where = np.arange(luminance.size)
    values = luminance.ravel()[where]
    design = np.stack(
        [np.ones(len(where), np.float32), normal_x.ravel()[where], normal_y.ravel()[where]], axis=1
    )
    weight = np.ones(len(where), np.float32)
    coefficients = np.array([max(float(np.median(values)), 1e-3), 0.0, 0.0])
    for _ in range(3):
        weighted = design * weight[:, None]
        coefficients = np.linalg.solve(
            weighted.T @ design + np.diag([1e-3, 0.05, 0.05]) * len(where), weighted.T @ values
        )
        residual = values - design @ coefficients
        scale = 1.5 * float(np.median(np.abs(residual))) + 1e-4
        # Beards and hair shadows are darker than skin: values below the fit weigh less.
        weight = (
            1.0 / (1.0 + np.square(residual / (scale * np.where(residual < 0, 2.0, 3.0))))
        ).astype(np.float32)
    base = float(np.clip(coefficients[0], 2e-3, 1.0))
    gradient = np.clip(coefficients[1:] / base, -0.9, 0.9)

    colour = (linear.reshape(-1, 3)[where] * weight[:, None]).sum(axis=0) / weight.sum()
    colour = np.maximum(colour.astype(np.float64), 1e-4)
    saturation = float((colour.max() - colour.min()) / colour.max())
    chroma = float(np.clip((saturation - 0.08) / 0.22, 0.0, 1.0))
    if is_monochrome(image):
        chroma = 0.0 if saturation < 0.5 else 0.3
    tint = np.array(
        [(colour[0] / colour[1]) / _SKIN_RED, 1.0, (colour[2] / colour[1]) / _SKIN_BLUE]
    )
    tint = np.clip(tint, 0.45, 2.2) ** 0.55
    if chroma < 0.3:
        # A grey or sepia photo: everything has the skin's tint.
        tint = colour
    tint = tint / tint.mean()

    model = coefficients[0] + coefficients[1] * normal_x + coefficients[2] * normal_y
    ratio = luminance / np.maximum(model, 0.25 * base)
    trust = np.where(skin & (ratio > 0.35) & (ratio < 1.8), 1.0, 0.0).astype(np.float32)
    trust += 0.02
    blurred = cv2.GaussianBlur(np.where(trust > 0.5, ratio, 1.0) * trust, (0, 0), _SIDE * 0.07)
    shade = blurred / cv2.GaussianBlur(trust, (0, 0), _SIDE * 0.07)
    return FaceLight(
        white=_white(luminance, local, base, image),
        tint=tint,
        gradient=(float(gradient[0]), float(gradient[1])),
        chroma=chroma,
        shade=np.clip(shade, 0.5, 1.4).astype(np.float32),
        origin=origin,
        side=side,
    )


def is_monochrome(image: Image) -> bool:
    """Whether a photo is grey or toned in one hue, such as sepia."""
    sample = image[:: max(1, image.shape[0] // 48), :: max(1, image.shape[1] // 48)]
    values = cv2.blur(sample, (3, 3)).reshape(-1, 3).astype(np.float32)
    green = values[:, 1] / 255.0
    design = np.stack([np.ones_like(green), green, green * green, green**3], axis=1)
    difference = values[:, [0, 2]] - values[:, 1:2]
    normal = design.T @ design + 1e-4 * np.eye(4, dtype=np.float32)
    left_over = difference - design @ np.linalg.solve(normal, design.T @ difference)
    return bool(np.percentile(np.abs(left_over), 97) < 4.5)


def _egg_normals(local: NDArray[np.float32]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """X and y of the normals of an egg fitted to the face, foreshortened for a turned head."""
    grid = np.arange(_SIDE, dtype=np.float32)
    x, y = np.meshgrid(grid, grid)
    right = local[16] - local[0]
    right = right / max(float(np.linalg.norm(right)), 1e-3)
    down = np.array([-right[1], right[0]], np.float32)
    centre = local[28:31].mean(axis=0)
    across = (x - centre[0]) * right[0] + (y - centre[1]) * right[1]
    along = (x - centre[0]) * down[0] + (y - centre[1]) * down[1]
    reach = (local - centre) @ right
    rise = (local - centre) @ down
    left_reach, right_reach = max(float(-reach.min()), 2.0), max(float(reach.max()), 2.0)
    height = max(float(rise.max()), float(-rise.min()), 2.0)
    turned = np.clip(np.where(across < 0, across / left_reach, across / right_reach), -1.0, 1.0)
    raised = np.clip(along / height, -1.0, 1.0)
    normal_u, normal_v = 0.85 * turned, 0.6 * raised
    return (
        (normal_u * right[0] + normal_v * down[0]).astype(np.float32),
        (normal_u * right[1] + normal_v * down[1]).astype(np.float32),
    )


def _white(
    luminance: NDArray[np.float32], local: NDArray[np.float32], base: float, image: Image
) -> float:
    """Estimate the brightness of white from the skin, the whites of the eyes and the picture.

    Skin alone cannot distinguish dark skin in bright light from light skin in dim light.
    """
    eyes = np.zeros(luminance.shape, np.uint8)
    for part in (slice(36, 42), slice(42, 48)):
        cv2.fillConvexPoly(eyes, np.rint(cv2.convexHull(local[part])).astype(np.int32), 1)
    eye_values = luminance[eyes.astype(bool)]
    eye_white = float(np.percentile(eye_values, 92)) if eye_values.size else base
    sample = image[:: max(1, image.shape[0] // 64), :: max(1, image.shape[1] // 64), 1]
    brightest = float(np.percentile(np.square(sample / 255.0), 97))
    witnesses = np.log(np.maximum([base / 0.34, eye_white / 0.42, brightest / 0.85], 1e-3))
    white = float(np.exp(witnesses @ np.array([0.45, 0.2, 0.35])))
    return float(np.clip(1.1 * white, 1.3 * base, min(6.0 * base, 1.6)))
