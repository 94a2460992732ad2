"""Composites a drawn mask over the photo: shadows, alpha, and the photo's sharpness and grain."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from detector.synthesis.canvas import Canvas
from detector.synthesis.face_check import CannotDrawMaskError
from detector.synthesis.face_light import FaceLight
from detector.synthesis.outline import Points
from detector.synthesis.photo_grain import PhotoGrain
from detector.synthesis.shading import SurfaceLight, light_colour, linear, shoulder
from detector.synthesis.straps import Strand
from weights.base.contracts import Image, Mask

MINIMUM_AREA = 40
"""Minimum number of pixels of a drawn mask."""


@dataclass(frozen=True)
class PhotographedFace:
    """A face on a photo, and the properties of the photo that a drawn mask has to match.

    Attributes:
        image: uint8 RGB `(H, W, 3)`.
        points: iBUG points `(68, 2)`, x y in pixels.
        light: on the face.
        grain: of the photo, and its sharpness.
    """

    image: Image
    points: Points
    light: FaceLight
    grain: PhotoGrain

    @property
    def jaw(self) -> float:
        """Width of the jaw in pixels."""
        return float(np.linalg.norm(self.points[16] - self.points[0]))


@dataclass(frozen=True)
class DrawnMask:
    """A face with a mask drawn on it.

    Attributes:
        masked: the picture with the mask, uint8 RGB `(H, W, 3)`.
        mask: bool `(H, W)`, the mask's body with its bindings and valve, without the straps.
        straps: bool `(H, W)`, ear loops and head bands outside the body.
        polygon: outer contours of `mask`, each `(K, 2)`, x y in pixels.
        record: what was drawn and how, ready for JSON.
    """

    masked: Image
    mask: Mask
    straps: Mask
    polygon: list[NDArray[np.float32]]
    record: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Layer:
    """Linear colour, premultiplied by `coverage`, on the picture's pixels of a canvas."""

    colour: NDArray[np.float32]
    coverage: NDArray[np.float32]


def render_straps(
    canvas: Canvas,
    strands: list[Strand],
    colour: tuple[int, int, int],
    light: FaceLight,
    shading: SurfaceLight,
) -> Layer:
    """Draw the strands as thin bands, lighter along their centre lines."""
    whole = np.zeros(canvas.shape, np.uint8)
    core = np.zeros(canvas.shape, np.uint8)
    for strand in strands:
        placed = np.rint(canvas.place(strand.points) * 16.0).astype(np.int32)[:, None, :]
        thickness = strand.width * canvas.scale
        # A strand fades out behind the ear or in the hair.
        for left_out, strength in ((0, 90), (1, 180), (2, 255)):
            course = placed[: len(placed) - left_out]
            for layer, share in ((whole, 1.0), (core, 0.45)):
                width = max(1, round(share * thickness))
                cv2.polylines(layer, [course], False, strength, width, cv2.LINE_AA, 4)
    coverage = whole.astype(np.float32) / np.float32(255.0)
    bright = (0.7 + 0.3 / 255.0 * core.astype(np.float32)) * shading.field
    flat = light_colour(linear(np.array(colour, np.float32)), light, shading.exposure * 0.9)
    return Layer(shoulder(flat * bright[..., None]) * coverage[..., None], coverage)


def compose(
    face: PhotographedFace,
    canvas: Canvas,
    body: Layer,
    straps: Layer,
    width: float,
    random: np.random.Generator,
    record: dict[str, Any],
) -> DrawnMask:
    """Composite straps and body over the photo with shadows, and match its sharpness and grain."""
    image, grain = face.image, face.grain
    behind = straps.coverage * (1.0 - body.coverage)
    colour = canvas.reduce(body.colour + straps.colour * (1.0 - body.coverage)[..., None])
    body_share = canvas.reduce(body.coverage)
    strap_share = canvas.reduce(behind)
    coverage = np.minimum(body_share + strap_share, 1.0)

    window = (slice(canvas.y, canvas.y + canvas.height), slice(canvas.x, canvas.x + canvas.width))
    skin = linear(image[window])
    skin *= _contact_shadow(face, canvas, body_share, strap_share, width, random)[..., None]

    blur = float(np.sqrt(max(grain.blur**2 - 0.45**2, 0.0))) * random.uniform(0.45, 1.0)
    if blur > 0.25:
        colour = np.asarray(cv2.GaussianBlur(colour, (0, 0), blur), np.float32)
        coverage = np.asarray(cv2.GaussianBlur(coverage, (0, 0), blur), np.float32)
    mixed = skin * (1.0 - coverage)[..., None] + colour
    result = np.sqrt(np.clip(mixed, 0.0, 1.0)) * np.float32(255.0)
    if grain.noise > 0.2:
        speckle = random.standard_normal((canvas.height, canvas.width, 3), dtype=np.float32)
        speckle = 0.45 * speckle + 0.85 * speckle[..., :1]
        result += speckle * (coverage * np.float32(grain.noise))[..., None]
    untouched = (coverage < 1 / 512)[..., None] & (skin == linear(image[window]))
    masked = image.copy()
    masked[window] = np.where(
        untouched, image[window], np.clip(np.rint(result), 0, 255).astype(np.uint8)
    )

    mask = np.zeros(image.shape[:2], bool)
    mask[window] = body_share >= 0.5
    polygon = mask_contours(canvas, body.coverage)
    if not polygon or int(mask.sum()) < MINIMUM_AREA:
        raise CannotDrawMaskError(
            "mask-out-of-frame", "Almost none of the mask would be inside the picture."
        )
    strap_mask = np.zeros(image.shape[:2], bool)
    strap_mask[window] = (strap_share >= 0.3) & ~mask[window]
    record = {**record, "photo_blur": round(grain.blur, 2), "photo_noise": round(grain.noise, 2)}
    return DrawnMask(masked, mask, strap_mask, polygon, record)


def _contact_shadow(
    face: PhotographedFace,
    canvas: Canvas,
    body: NDArray[np.float32],
    straps: NDArray[np.float32],
    width: float,
    random: np.random.Generator,
) -> NDArray[np.float32]:
    """Light factor of the skin round the mask: a soft shadow and a tight one."""
    points, light = face.points, face.light
    right = points[16] - points[0]
    down = np.array([-right[1], right[0]]) / max(float(np.linalg.norm(right)), 1e-6)
    height = float(np.linalg.norm(points[8] - points[27]))
    head = np.concatenate([points[:27], points[4:13] + 0.28 * height * down])
    region = np.zeros((canvas.height, canvas.width), np.uint8)
    hull = cv2.convexHull((head - [canvas.x, canvas.y]).astype(np.float32))
    cv2.fillConvexPoly(region, np.rint(hull).astype(np.int32), 255)
    reach = cv2.GaussianBlur(region, (0, 0), max(0.03 * width, 0.8)).astype(np.float32) / 255.0

    soft_size = max(random.uniform(0.02, 0.055) * width, 0.8)
    away = np.array([-light.gradient[0], max(0.25, -light.gradient[1])]) * 0.035 * width
    shift = np.array([[1.0, 0.0, away[0]], [0.0, 1.0, away[1]]])
    soft = cv2.GaussianBlur(body, (0, 0), soft_size)
    soft = cv2.warpAffine(
        soft, shift, (canvas.width, canvas.height), borderMode=cv2.BORDER_REPLICATE
    )
    tight = cv2.GaussianBlur(np.maximum(body, straps), (0, 0), max(0.009 * width, 0.6))
    darkness = random.uniform(0.2, 0.65) * soft + random.uniform(0.15, 0.45) * tight
    return 1.0 - np.minimum(darkness, 0.85) * reach * (reach > 0.02)


def mask_contours(canvas: Canvas, coverage: NDArray[np.float32]) -> list[NDArray[np.float32]]:
    """Outer contours `(K, 2)` of a coverage map `(h, w)`, in pixels of the picture."""
    contours, _ = cv2.findContours(
        (coverage >= 0.5).astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE
    )
    found = []
    for contour in contours:
        if cv2.contourArea(contour) < 4 * canvas.scale**2:
            continue
        simple = cv2.approxPolyDP(contour, 0.35 * canvas.scale, True)[:, 0, :]
        placed = (simple + 0.5) / canvas.scale - 0.5 + [canvas.x, canvas.y]
        found.append(placed.astype(np.float32))
    return found
