"""Draws a mask on the photo of a face."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from detector.synthesis.canvas import Canvas, canvas_scale, make_canvas
from detector.synthesis.compositing import (
    DrawnMask,
    Layer,
    PhotographedFace,
    compose,
    render_straps,
)
from detector.synthesis.drape import drape_mask
from detector.synthesis.face_check import check_face, head_turn
from detector.synthesis.face_light import FaceLight, estimate_face_light
from detector.synthesis.material import MAKES, Material
from detector.synthesis.outline import WORN, Worn, check_landmarks, fit_outline
from detector.synthesis.photo_grain import estimate_photo_grain
from detector.synthesis.shading import (
    SurfaceLight,
    light_colour,
    linear,
    shade_relief,
    shoulder,
    surface_light,
)
from detector.synthesis.straps import lay_straps
from detector.synthesis.surface import Surface, span_surface
from detector.synthesis.templates import TemplateFolder, draw_template
from detector.synthesis.wearing import body_contour, vary_outline
from weights.base.contracts import Image, check_image
from weights.base.errors import InputError
from weights.base.names import unknown_name

DRAWN_KINDS = tuple(MAKES)
_KIND_WEIGHTS = (0.36, 0.22, 0.11, 0.13, 0.18)
_WORN_WEIGHTS = (0.9, 0.06, 0.04)
_TEMPLATE_SHARE = 0.4


def draw_mask(
    image: Image,
    landmarks: NDArray[np.floating],
    random: np.random.Generator,
    *,
    kind: str | None = None,
    templates: TemplateFolder | None = None,
    worn: Worn | None = None,
    draped: float = 0.0,
) -> DrawnMask:
    """Draw a mask on one face.

    The same picture, landmarks and state of `random` give the same result.

    Args:
        image: uint8 RGB `(H, W, 3)`.
        landmarks: iBUG points `(68, 2)`, x y in pixels.
        random: random generator.
        kind: one of `DRAWN_KINDS`, or "template" for a photo from `templates`; None picks one at
            random.
        templates: photos of masks; if given, used for two masks in five.
        worn: "full", "under-nose" or "chin"; None picks one at random, mostly "full".
        draped: fraction of the drawn masks that are draped over the face in three dimensions; the
            others, and photos of masks, are laid flat.

    Raises:
        CannotDrawMaskError: no mask can be drawn on the face; `reason` says why.
        InputError: the picture or the landmarks are malformed.
        ConfigurationError: the kind or the way of wearing is unknown.
    """
    check_image(image)
    points = check_landmarks(landmarks)
    check_face(points, (image.shape[0], image.shape[1]))
    if kind is not None and kind not in (*DRAWN_KINDS, "template"):
        raise unknown_name("kind of mask", kind, (*DRAWN_KINDS, "template"))
    if worn is not None and worn not in WORN:
        raise unknown_name("way of wearing a mask", worn, WORN)
    if kind == "template" and templates is None:
        raise InputError("A mask of kind 'template' needs a folder of templates.")
    if worn is None:
        worn = WORN[int(random.choice(len(WORN), p=_WORN_WEIGHTS))]
        room = points[8] + 0.12 * (points[8] - points[27])
        if worn == "chin" and not (0 <= room[0] < image.shape[1] and 0 <= room[1] < image.shape[0]):
            worn = "full"
    face = PhotographedFace(
        image, points, estimate_face_light(image, points), estimate_photo_grain(image, points)
    )
    if templates is not None and (
        kind == "template" or (kind is None and random.random() < _TEMPLATE_SHARE)
    ):
        return draw_template(face, random, templates, worn)
    chosen = kind if kind is not None else str(random.choice(DRAWN_KINDS, p=_KIND_WEIGHTS))
    drape = draped > 0.0 and bool(random.random() < draped)
    return _draw(face, random, chosen, worn, drape)


def _draw(
    face: PhotographedFace, random: np.random.Generator, kind: str, worn: Worn, draped: bool
) -> DrawnMask:
    points, light = face.points, face.light
    scale = canvas_scale(face.jaw)
    material = MAKES[kind](int(np.clip(1.1 * face.jaw * scale, 160, 900)), random)
    drape = drape_mask(points, material, random, worn) if draped else None
    if drape is not None:
        outline = drape.outline
        contour = drape.places.reshape(-1, 2)
    else:
        fitted = fit_outline(points, material.outline_style, random, worn=worn)
        outline = vary_outline(fitted, random)
        contour = body_contour(outline, random)
    strands = lay_straps(material.strap_style, outline, points, material.strap_width, random)
    canvas = make_canvas(
        face.image, [contour, *(strand.points for strand in strands)], outline.width, scale
    )
    if drape is not None:
        surface = drape.surface(canvas)
    else:
        surface = span_surface(
            canvas, outline, contour, points, head_turn(points), material.depth, material.ridge
        )
    shading = surface_light(canvas, light, random)
    body = _render_body(canvas, surface, material, light, shading, random)
    straps = render_straps(canvas, strands, material.strap_colour, light, shading)
    record = {
        "kind": kind,
        "worn": worn,
        "draped": draped,
        **material.record,
        "straps": material.strap_style,
        "strap_colour": list(material.strap_colour),
        "mask_width": round(outline.width, 1),
        "turn": round(head_turn(points), 3),
    }
    return compose(face, canvas, body, straps, outline.width, random, record)


def _render_body(
    canvas: Canvas,
    surface: Surface,
    material: Material,
    light: FaceLight,
    shading: SurfaceLight,
    random: np.random.Generator,
) -> Layer:
    sheet = material.sheet
    columns, rows = sheet.columns(surface.across), sheet.rows(surface.down)

    def worn(plane: NDArray[Any]) -> NDArray[Any]:
        return cv2.remap(plane, columns, rows, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)

    detail = worn(sheet.relief) * np.float32(surface.width)
    detail = np.asarray(cv2.GaussianBlur(detail, (0, 0), 0.8), np.float32)
    hollow = cv2.blur(detail, (2 * round(0.02 * surface.width) + 1,) * 2) - detail
    occlusion = 1.0 / (1.0 + np.maximum(hollow, 0.0) * np.float32(12.0 / surface.width))
    bright = shade_relief(surface.relief + detail, shading) * worn(sheet.shadow) * occlusion
    weave = random.standard_normal(canvas.shape, dtype=np.float32)
    fineness = 0.7 * canvas.scale / 2 + 0.3
    weave = np.asarray(cv2.GaussianBlur(weave, (0, 0), fineness), np.float32)
    weave *= np.float32(material.weave / max(float(weave.std()), 1e-6))
    bright *= 1.0 + weave
    colour = light_colour(linear(worn(sheet.colour)), light, shading.exposure)
    # Even black cloth reflects some light.
    colour = colour * np.float32(0.985) + (light.tint * shading.exposure * 0.012).astype(np.float32)
    return Layer(
        shoulder(colour * bright[..., None]) * surface.coverage[..., None], surface.coverage
    )
