"""A sheet of pictures: one row per case, one column per system."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import PIL.Image
import PIL.ImageDraw

from weights.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from weights.contracts import Image

_GAP = 4
_HEADING = 22


@dataclass(frozen=True)
class SheetRow:
    """One row of a sheet.

    Attributes:
        name: of the case.
        cells: column heading to picture, uint8 RGB `(H, W, 3)`; all rows have the same headings.
    """

    name: str
    cells: Mapping[str, Image]


def draw_sheet(rows: Sequence[SheetRow], cell: int = 256) -> Image:
    """Draw the rows under their headings, on white.

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
    width = _GAP + len(headings) * (cell + _GAP)
    height = _HEADING + len(rows) * (cell + _GAP)
    sheet = PIL.Image.new("RGB", (width, height), "white")
    pen = PIL.ImageDraw.Draw(sheet)
    for column, heading in enumerate(headings):
        left = _GAP + column * (cell + _GAP)
        pen.text((left + 2, 4), heading, fill="black", font_size=14)
        for number, row in enumerate(rows):
            picture = PIL.Image.fromarray(row.cells[heading])
            scale = cell / max(picture.size)
            size = (max(1, round(picture.width * scale)), max(1, round(picture.height * scale)))
            if size != picture.size:
                picture = picture.resize(size, PIL.Image.Resampling.LANCZOS)
            sheet.paste(picture, (left, _HEADING + number * (cell + _GAP)))
    return np.asarray(sheet, np.uint8)
