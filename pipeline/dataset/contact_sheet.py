"""A contact sheet for a quick look at a data set."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np

from pipeline.dataset.labels import Points
from pipeline.dataset.manifest import Line
from pipeline.dataset.stored_pictures import store_picture
from weights.base.contracts import Image
from weights.base.errors import InputError
from weights.images.decoding import read_pixels

_TILE = 208
_EMPTY = np.full((_TILE, _TILE, 3), 24, np.uint8)
_OUTLINE = (64, 255, 64)
_HOLE = (255, 48, 160)


def _spread(lines: Sequence[Line], count: int) -> list[Line]:
    """Up to `count` lines, evenly spread over all."""
    if len(lines) <= count:
        return list(lines)
    return [lines[round(index * (len(lines) - 1) / (count - 1))] for index in range(count)]


def _tile(image: Image, polygons: Sequence[Points]) -> Image:
    """A picture in a square with outlines drawn over it."""
    height, width = image.shape[:2]
    scale = _TILE / max(height, width)
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    how = cv2.INTER_AREA if scale < 1.0 else cv2.INTER_LINEAR
    small = np.asarray(cv2.resize(image, size, interpolation=how), dtype=np.uint8)
    for polygon in polygons:
        fixed = np.rint(((polygon + 0.5) * scale - 0.5) * 16.0).astype(np.int32)
        cv2.polylines(small, [fixed], True, _OUTLINE, 1, cv2.LINE_AA, 4)
    tile = _EMPTY.copy()
    top, left = (_TILE - size[1]) // 2, (_TILE - size[0]) // 2
    tile[top : top + size[1], left : left + size[0]] = small
    return tile


def _tiles(out: Path, line: Line) -> list[Image]:
    """Tiles of a pair or a scene; none if a picture is missing or damaged."""
    files = line["files"]
    outlines = [np.asarray(polygon, dtype=np.float64) for polygon in line["polygons"]]
    try:
        if line["kind"] == "scene":
            return [_tile(read_pixels(out / files["image"]), outlines)]
        names = ("image", "masked", "hole")
        image, masked, hole = (read_pixels(out / files[name]) for name in names)
    except InputError:
        return []
    edge = cv2.morphologyEx(hole[:, :, 0], cv2.MORPH_GRADIENT, np.ones((3, 3), np.uint8)) > 0
    image[edge] = _HOLE
    return [_tile(image, []), _tile(masked, outlines)]


def draw_contact_sheet(
    out: Path, manifest: Sequence[Line], pairs: int = 24, scenes: int = 32, columns: int = 8
) -> Image:
    """Lay out pairs (true face with the hole's edge, masked face with the outline), then scenes.

    Args:
        out: folder of the data set.
        manifest: its lines.
        pairs: maximum number of pairs, evenly spread over all.
        scenes: maximum number of scenes, shown with the outlines of their labels.
        columns: tiles in a row.

    Returns:
        uint8 RGB; a single row of dark tiles if there is nothing to show.
    """
    tiles: list[Image] = []
    for kind, count in (("pair", pairs), ("scene", scenes)):
        for line in _spread([line for line in manifest if line["kind"] == kind], count):
            tiles += _tiles(out, line)
        tiles += [_EMPTY] * (-len(tiles) % columns)
    tiles = tiles or [_EMPTY] * columns
    rows = [np.hstack(tiles[start : start + columns]) for start in range(0, len(tiles), columns)]
    return np.vstack(rows)


def store_contact_sheet(out: Path, manifest: Sequence[Line]) -> None:
    """Write `contact_sheet.jpg` into the data set.

    Raises:
        OutputError: it cannot be written.
    """
    store_picture(out / "contact_sheet.jpg", draw_contact_sheet(out, manifest), quality=88)
