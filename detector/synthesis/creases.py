"""Folds, creases and unevenness of worn material."""

from __future__ import annotations

import numpy as np

from detector.synthesis.outline import Points
from detector.synthesis.sheet import Edge, Sheet, bell, step_down


def _curve(start: Points, direction: float, length: float, bend: float) -> Points:
    """A slightly bent line of 7 points, in across and down."""
    steps = np.linspace(0.0, 1.0, 7)
    angle = direction + bend * (steps - 0.5)
    # A unit of `down` is about 0.7 mask widths, a unit of `across` half a width.
    step = length / 6.0 * np.stack([2.0 * np.cos(angle), 1.4 * np.sin(angle)], axis=1)
    return np.asarray(start + np.cumsum(step, axis=0))


def crumple(sheet: Sheet, strength: float) -> None:
    """Add unevenness, tension creases from the corners and small crumples at the sides.

    Args:
        sheet: what to add to.
        strength: 0 for a smooth sheet, 1 for a badly crumpled one.
    """
    random = sheet.random
    sheet.relief += np.float32(0.016 * strength) * sheet.noise((4, 5))
    sheet.relief += np.float32(0.0045 * strength) * sheet.noise((9, 12))
    for width, softness, height, count in (
        (0.012, 0.016, 0.016, 6),
        (0.008, 0.008, 0.010, 9),
        (0.004, 0.0035, 0.0050, 14),
    ):
        tension, strengths = [], []
        for _ in range(int(random.integers(1, count + 1))):
            side = random.choice([-1.0, 1.0])
            if random.random() < 0.55:
                corner = 0.08 if random.random() < 0.5 else 0.9
                start = np.array([side * random.uniform(0.8, 1.0), corner + random.normal(0, 0.06)])
                towards = np.array([random.uniform(-0.2, 0.2), random.uniform(0.3, 0.7)]) - start
                direction = float(np.arctan2(towards[1], towards[0])) + random.normal(0.0, 0.25)
            else:
                start = np.array([side * random.uniform(0.1, 1.0), random.uniform(0.1, 0.9)])
                direction = random.normal(0.0, 0.5) + (np.pi if side > 0 else 0.0)
            tension.append(
                _curve(start, direction, random.uniform(0.12, 0.5), random.normal(0, 0.5))
            )
            strengths.append(float(random.uniform(0.3, 1.0)))
        sign = 1.0 if random.random() < 0.6 else -1.0
        ridges = sheet.lines(tension, width, softness, strengths)
        sheet.relief += np.float32(sign * height * strength) * ridges


def pleats(sheet: Sheet, count: int, depth: float, *, sideways: bool = False) -> None:
    """Add horizontal pleats: each layer overlaps the one below with a sharp lower edge.

    Args:
        sheet: what to add to.
        count: number of pleats.
        depth: step at a pleat's edge, as a fraction of the mask's width.
        sideways: whether the pleats open upwards instead.
    """
    random = sheet.random
    places = np.linspace(0.24, 0.82, count + 2)[1:-1] if count > 1 else np.array([0.5])
    middle = places + random.normal(0.0, 0.02, count) + random.uniform(-0.05, 0.06)
    spread = random.uniform(0.75, 1.35)
    middle = 0.52 + (middle - 0.52) * spread
    sides = 0.5 + (places - 0.5) * random.uniform(0.7, 1.15)
    open_middle = np.square(sheet.across)
    wander = sheet.noise((2, 5)) * 0.008 + sheet.noise((2, 3)) * 0.008
    # The upper edge rises over the nose; the pleats below it are nearly level.
    level = random.uniform(0.05, 0.22) * bell(sheet.across, 0.4)
    period = 0.2
    for at_middle, at_side in zip(middle, sides, strict=True):
        line = at_middle + (at_side - at_middle) * np.clip(open_middle, 0.0, 1.2) + wander
        line = line + (1.0 - at_middle) * level
        offset = sheet.down - line
        if sideways:
            offset = -offset
        presence = np.clip(0.75 + 0.3 * sheet.noise((2, 4)), 0.25, 1.2) * (
            0.75 + 0.25 * open_middle
        )
        ramp = np.clip(offset / period + 1.0, 0.0, 1.0)
        sheet.lift(depth * presence * ramp * step_down(offset, 0.006))
        under = np.clip(offset, 0.0, 1.0)
        shade = np.exp(-under / random.uniform(0.012, 0.03)) * (offset > 0)
        sheet.darken(random.uniform(0.12, 0.4) * presence * shade)
        wander = wander + sheet.noise((2, 4)) * 0.004


def hem(sheet: Sheet, edge: Edge, width: float, *, stitched: bool, welded: bool = False) -> None:
    """Fold the border over: a raised band with a line of stitches or weld points.

    Args:
        sheet: what to add to.
        edge: "top", "bottom" or "sides".
        width: of the band, as a fraction of the mask's width.
        stitched: whether stitches are visible.
        welded: whether rows of weld points are visible.
    """
    distance = sheet.distance(edge)
    sheet.lift(0.006 * step_down(distance - width, 0.004))
    sheet.darken(0.16 * bell(distance - width, 0.006))
    if not (stitched or welded):
        return
    along = sheet.down * 0.7 if edge == "sides" else sheet.across * 0.5
    pitch = 0.022 if stitched else 0.018
    dash = 0.5 + 0.5 * np.sin(along * (2 * np.pi / pitch))
    for row in (0.55,) if stitched else (0.35, 0.7):
        line = bell(distance - row * width, 0.003) * dash
        sheet.lift(-0.003 * line)
        sheet.darken(0.14 * line)
