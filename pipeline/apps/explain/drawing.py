"""Draws an explanation: detected mask, hole, crop, coarse guess, fill and result, with times."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import cv2
import numpy as np
import PIL.Image
import PIL.ImageDraw

from pipeline.apps.explain.stage_outputs import ExplainedFace, StageOutputs
from weights.base.contracts import Image, Mask
from weights.base.errors import InputError
from weights.images.mark import NOTICE, unmask_version

MOST_FACES = 6
"""Maximum number of faces drawn in detail: the largest."""

_Colour = tuple[int, int, int]

_PAPER, _INK, _GREY, _LINE = (255, 255, 255), (28, 30, 36), (112, 117, 128), (226, 229, 234)
_FOUND, _HOLE, _SQUARE = (0, 148, 255), (255, 52, 102), (255, 255, 255)
_CHECKS = ((214, 217, 223), (184, 188, 197))
_STAGE_COLOURS: dict[str, _Colour] = {
    "detector": _FOUND,
    "refiner": (126, 87, 232),
    "inpainter": _HOLE,
    "blender": (18, 178, 134),
}
_DRAWN_WIDTH = 1440
_TALLEST = 1.35
"""Maximum height of a panel relative to its width."""


@dataclass
class _Panel:
    """A picture with a heading."""

    heading: str
    caption: str
    picture: Image
    tags: list[tuple[float, float, str, _Colour]] = field(default_factory=list)
    """Left, top, text and colour of labels, in pixels of the picture."""


def draw_explanation(explanation: StageOutputs, width: int = _DRAWN_WIDTH) -> Image:
    """Draw an explanation, uint8 RGB `(height, width, 3)`; the height depends on the content.

    Args:
        explanation: what to draw.
        width: in pixels, at least 480.

    Raises:
        InputError: the width is too small.
    """
    if width < 480:
        raise InputError(f"An explanation must be at least 480 pixels wide, but is to be {width}.")
    unit = width / _DRAWN_WIDTH
    margin = round(40 * unit)
    inner = width - 2 * margin
    blocks = [_header(explanation, inner, unit), _overview(explanation, inner, unit)]
    order = sorted(
        range(len(explanation.faces)), key=lambda index: -explanation.faces[index].missing.shape[0]
    )
    several = len(order) > 1
    for index in order[:MOST_FACES]:
        name = f"Face {index + 1}" if several else ""
        blocks.append(_face_row(explanation, index, name, inner, unit))
    if len(order) > MOST_FACES:
        blocks.append(_line(f"and {len(order) - MOST_FACES} smaller faces", inner, 17, _GREY, unit))
    blocks.append(_times(explanation, inner, unit))
    gap = round(30 * unit)
    height = 2 * margin + sum(block.height for block in blocks) + gap * (len(blocks) - 1)
    sheet = PIL.Image.new("RGB", (width, height), _PAPER)
    top = margin
    for block in blocks:
        sheet.paste(block, (margin, top))
        top += block.height + gap
    return np.asarray(sheet, np.uint8)


def _header(explanation: StageOutputs, width: int, unit: float) -> PIL.Image.Image:
    height, across = explanation.image.shape[:2]
    count = len(explanation.faces)
    what, was = ("hole", "filled") if explanation.given else ("mask", "taken off")
    title = f"{count} {what}{'' if count == 1 else 's'} {was}" if count else f"No {what} to fill"
    if not count and not explanation.given:
        title = "No mask found"
    total = sum(explanation.result.timings.values())
    facts = f"{across} x {height} pixels, {_duration(total)}, unmask {unmask_version()}"
    block = PIL.Image.new("RGB", (width, round(64 * unit)), _PAPER)
    pen = PIL.ImageDraw.Draw(block)
    pen.text((0, 0), title, fill=_INK, font_size=32 * unit)
    pen.text((0, 43 * unit), facts, fill=_GREY, font_size=17 * unit)
    return block


def _overview(explanation: StageOutputs, width: int, unit: float) -> PIL.Image.Image:
    result = explanation.result
    names, timings = explanation.stages, result.timings
    if not explanation.faces:
        caption = "the hole given is empty"
        if not explanation.given:
            caption = _caption(names["detector"], timings.get("detector"), "no mask found")
        panels = [
            _Panel("Picture", caption, explanation.image),
            _Panel("Result", "unchanged", result.image),
        ]
        return _row(panels, width, 3, unit)
    panel_width = _columns(width, 3, unit)
    if explanation.given:
        panels = [_Panel("1  Picture", "the hole was given", explanation.image)]
    else:
        panels = [_found_panel(explanation, panel_width)]
    refined = "given" if explanation.given else names["refiner"]
    panels.append(
        _Panel(
            "2  Hole",
            _caption(refined, timings.get("refiner"), "square: what the network sees"),
            _holes_drawn(explanation, panel_width),
        )
    )
    blended = _caption(names["blender"], timings.get("blender"), "all else as it was")
    panels.append(_Panel("Result", blended, result.image))
    return _row(panels, width, 3, unit)


def _found_panel(explanation: StageOutputs, width: int) -> _Panel:
    regions = explanation.result.regions
    canvas, scale = _scaled(explanation.image, width)
    for region in regions:
        _outline(canvas, region.mask, _FOUND)
    tags = [
        (region.box[0] * scale, region.box[1] * scale, f"{region.score:.2f}", _FOUND)
        for region in regions
    ]
    caption = _caption(
        explanation.stages["detector"],
        explanation.result.timings.get("detector"),
        "outline and how sure",
    )
    return _Panel("1  Mask found", caption, canvas, tags)


def _holes_drawn(explanation: StageOutputs, width: int) -> Image:
    canvas, scale = _scaled(explanation.image, width)
    hole = _shrunk(explanation.result.hole, canvas.shape[:2])
    tinted = 0.35 * canvas[hole] + 0.65 * np.array(_HOLE)
    canvas[hole] = tinted.round().astype(np.uint8)
    for face in explanation.result.faces:
        x0, y0, side = (value * scale for value in face.crop)
        middle = x0 + (side - 1.0) / 2.0, y0 + (side - 1.0) / 2.0
        corners = cv2.boxPoints((middle, (side - 1.0, side - 1.0), face.tilt))
        square = [np.rint(corners).astype(np.int32)]
        cv2.polylines(canvas, square, True, _INK, max(3, width // 110), cv2.LINE_AA)
        cv2.polylines(canvas, square, True, _SQUARE, max(1, width // 260), cv2.LINE_AA)
    return canvas


def _face_row(
    explanation: StageOutputs, index: int, name: str, width: int, unit: float
) -> PIL.Image.Image:
    face = explanation.faces[index]
    side = face.missing.shape[0]
    seconds = explanation.result.timings.get("inpainter")
    tilt = explanation.result.faces[index].tilt
    seen = f"{side} x {side} pixels" if tilt == 0.0 else f"set upright by {abs(tilt):.0f} degrees"
    panels = [_Panel("3  Crop", f"{seen}, chequered: missing", _chequered(face))]
    if face.coarse is not None:
        panels.append(_Panel("4  Coarse guess", "where things go", face.coarse))
    fill = _caption(explanation.stages["inpainter"], seconds, "")
    if len(explanation.faces) > 1:
        fill = _caption(explanation.stages["inpainter"], seconds, "all faces together")
    number = len(panels) + 3
    panels.append(_Panel(f"{number}  Fill", fill, face.fill))
    panels.append(_Panel(f"{number + 1}  Blended", "as it is in the result", face.blended))
    row = _row(panels, width, len(panels), unit)
    outlook = str(explanation.result.faces[index].outlook or "")
    title = ": ".join(filter(None, [name, f"before filling: {outlook}" if outlook else ""]))
    if not title:
        return row
    heading = _line(title[:1].upper() + title[1:], width, 19, _INK, unit)
    block = PIL.Image.new("RGB", (width, heading.height + row.height), _PAPER)
    block.paste(heading, (0, 0))
    block.paste(row, (0, heading.height))
    return block


def _times(explanation: StageOutputs, width: int, unit: float) -> PIL.Image.Image:
    """Draw a bar of the stages' times, its legend, and the notice that a fill is a guess."""
    timings = {kind: value for kind, value in explanation.result.timings.items() if value}
    total = sum(timings.values()) or 1.0
    said = bool(explanation.faces)
    block = PIL.Image.new("RGB", (width, round((98 if said else 54) * unit)), _PAPER)
    pen = PIL.ImageDraw.Draw(block)
    left, thick = 0.0, 14 * unit
    for kind, seconds in timings.items():
        right = left + width * seconds / total
        pen.rectangle((left, 0, right, thick), fill=_STAGE_COLOURS.get(kind, _GREY))
        left = right
    left = 0.0
    for kind, seconds in timings.items():
        pen.ellipse(
            (left, 33 * unit, left + 11 * unit, 44 * unit), fill=_STAGE_COLOURS.get(kind, _GREY)
        )
        name = explanation.stages.get(kind, "")
        text = f"{kind} ({name}) {_duration(seconds)}" if name else f"{kind} {_duration(seconds)}"
        pen.text((left + 18 * unit, 28 * unit), text, fill=_INK, font_size=16 * unit)
        left += 46 * unit + pen.textlength(text, font_size=16 * unit)
    if said:
        pen.text((0, 72 * unit), NOTICE, fill=_GREY, font_size=16 * unit)
    return block


def _row(panels: Sequence[_Panel], width: int, columns: int, unit: float) -> PIL.Image.Image:
    """Panels side by side, each under its heading, on a grid of `columns`."""
    gap, panel_width = round(24 * unit), _columns(width, columns, unit)
    scaled = [_scaled(panel.picture, panel_width) for panel in panels]
    top = round(56 * unit)
    height = top + max(picture.shape[0] for picture, _ in scaled)
    row = PIL.Image.new("RGB", (width, height), _PAPER)
    pen = PIL.ImageDraw.Draw(row)
    for index, (panel, (picture, _)) in enumerate(zip(panels, scaled, strict=True)):
        left = index * (panel_width + gap)
        pen.text((left, 0), panel.heading, fill=_INK, font_size=21 * unit)
        caption = _fitted(panel.caption, pen, panel_width, 15 * unit)
        pen.text((left, 29 * unit), caption, fill=_GREY, font_size=15 * unit)
        row.paste(PIL.Image.fromarray(picture), (left, top))
        pen.rectangle(
            (left, top, left + picture.shape[1] - 1, top + picture.shape[0] - 1), outline=_LINE
        )
        for x, y, text, colour in panel.tags:
            _tag(pen, (left + x, top + y), text, colour, unit)
    return row


def _tag(
    pen: PIL.ImageDraw.ImageDraw,
    at: tuple[float, float],
    text: str,
    colour: _Colour,
    unit: float,
) -> None:
    size = 15 * unit
    wide, high = pen.textlength(text, font_size=size) + 10 * unit, 22 * unit
    left, top = at[0], max(at[1] - high, 0.0)
    pen.rounded_rectangle((left, top, left + wide, top + high), radius=4 * unit, fill=colour)
    pen.text((left + 5 * unit, top + 2 * unit), text, fill=_PAPER, font_size=size)


def _line(text: str, width: int, size: int, colour: _Colour, unit: float) -> PIL.Image.Image:
    block = PIL.Image.new("RGB", (width, round(1.7 * size * unit)), _PAPER)
    PIL.ImageDraw.Draw(block).text((0, 0), text, fill=colour, font_size=size * unit)
    return block


def _columns(width: int, columns: int, unit: float) -> int:
    """Width of a panel in a row of `columns`."""
    return (width - (columns - 1) * round(24 * unit)) // columns


def _scaled(image: Image, width: int) -> tuple[Image, float]:
    """A copy that fits a panel, and its scale factor."""
    scale = min(width / image.shape[1], _TALLEST * width / image.shape[0])
    size = max(1, round(image.shape[1] * scale)), max(1, round(image.shape[0] * scale))
    way = PIL.Image.Resampling.LANCZOS if scale < 1 else PIL.Image.Resampling.BICUBIC
    picture = PIL.Image.fromarray(np.ascontiguousarray(image))
    if size != picture.size:
        picture = picture.resize(size, way)
    return np.array(picture, np.uint8), scale


def _shrunk(mask: Mask, size: tuple[int, int]) -> Mask:
    """Resize a mask to (height, width); a pixel is set if at least half of it is covered."""
    area = cv2.resize(mask.astype(np.float32), size[::-1], interpolation=cv2.INTER_AREA)
    return np.asarray(area >= 0.5, np.bool_)


def _outline(canvas: Image, mask: Mask, colour: _Colour) -> None:
    small = _shrunk(mask, canvas.shape[:2])
    contours, _ = cv2.findContours(small.astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    thick = max(2, canvas.shape[1] // 160)
    cv2.polylines(canvas, contours, True, _PAPER, thick + 2, cv2.LINE_AA)
    cv2.polylines(canvas, contours, True, colour, thick, cv2.LINE_AA)


def _chequered(face: ExplainedFace) -> Image:
    """The crop with a chequered pattern where pixels are missing."""
    side = face.missing.shape[0]
    cell = max(1, side // 28)
    rows, columns = np.indices((side, side)) // cell
    pattern = np.array(_CHECKS, np.uint8)[(rows + columns) % 2]
    return np.where(face.missing[:, :, None], pattern, face.crop).astype(np.uint8)


def _caption(stage: str, seconds: float | None, more: str) -> str:
    parts = [stage, _duration(seconds) if seconds else "", more]
    return ", ".join(part for part in parts if part)


def _duration(seconds: float) -> str:
    return f"{1000 * seconds:.0f} ms" if seconds < 1.0 else f"{seconds:.2f} s"


def _fitted(text: str, pen: PIL.ImageDraw.ImageDraw, width: int, size: float) -> str:
    """Truncate a text that is too wide."""
    kept = text
    while len(kept) > 1 and pen.textlength(kept, font_size=size) > width:
        kept = kept[:-2] + "\u2026"
    return kept
