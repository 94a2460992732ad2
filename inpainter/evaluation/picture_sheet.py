"""A sheet of pictures: one row per case, one column per system."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import PIL.Image
import PIL.ImageDraw

from weights.base.contracts import Image
from weights.base.errors import InputError

_GAP = 4
_HEADING = 22
_CAPTION = 18
_LARGE, _SMALL = 14, 12


@dataclass(frozen=True)
class SheetRow:
    """One row of a sheet.

    Attributes:
        name: name of the case.
        cells: pictures, uint8 RGB `(H, W, 3)`, by column heading; all rows have the same headings.
        caption: an optional line above the row.
    """

    name: str
    cells: Mapping[str, Image]
    caption: str = ""


def draw_sheet(rows: Sequence[SheetRow], cell: int = 256) -> Image:
    """Draw the rows under their headings, on white: uint8 RGB `(H, W, 3)`.

    Args:
        rows: at least one.
        cell: side of the square that each picture is fitted into, in pixels.

    Returns:
        uint8 RGB.

    Raises:
        InputError: there is no row, or the rows have different columns.
    """
    if not rows:
        raise InputError("A sheet needs at least one row of pictures.")
    headings = list(rows[0].cells)
    if any(list(row.cells) != headings for row in rows):
        raise InputError("All rows of a sheet must have the same columns.")
    fitted = [[_fitted(row.cells[heading], cell) for heading in headings] for row in rows]
    heights = [max(picture.height for picture in line) for line in fitted]
    tops, end = [], _HEADING
    for row, height in zip(rows, heights, strict=True):
        end += _CAPTION if row.caption else 0
        tops.append(end)
        end += height + _GAP
    width = _GAP + len(headings) * (cell + _GAP)
    sheet = PIL.Image.new("RGB", (width, end), "white")
    pen = PIL.ImageDraw.Draw(sheet)
    for row, top in zip(rows, tops, strict=True):
        if row.caption:
            text = _shortened(row.caption, pen, width - 2 * _GAP, _SMALL)
            pen.text((_GAP + 2, top - _CAPTION), text, fill="black", font_size=_SMALL)
    for column, heading in enumerate(headings):
        left = _GAP + column * (cell + _GAP)
        text = _shortened(heading, pen, cell - 4, _LARGE)
        pen.text((left + 2, 4), text, fill="black", font_size=_LARGE)
        for line, top in zip(fitted, tops, strict=True):
            sheet.paste(line[column], (left, top))
    return np.asarray(sheet, np.uint8)


def _fitted(image: Image, cell: int) -> PIL.Image.Image:
    picture = PIL.Image.fromarray(image)
    scale = cell / max(picture.size)
    size = (max(1, round(picture.width * scale)), max(1, round(picture.height * scale)))
    return picture if size == picture.size else picture.resize(size, PIL.Image.Resampling.LANCZOS)


def _shortened(text: str, pen: PIL.ImageDraw.ImageDraw, width: int, size: int) -> str:
    """Shorten a wide text to its end, where weight files differ."""
    kept = text
    while len(kept) > 1 and pen.textlength(kept, font_size=size) > width:
        kept = "\u2026" + kept[2:]
    return kept
