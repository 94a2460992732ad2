"""Makes of masks: material, folds, seams, dyes and prints of each kind."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal

import cv2
import numpy as np

from detector.synthesis.creases import crumple, hem, pleats
from detector.synthesis.outline import OutlineStyle
from detector.synthesis.pen import text_scale, write
from detector.synthesis.prints import add_print, any_colour
from detector.synthesis.sheet import Colour, Edge, Sheet, bell, step_down

StrapStyle = Literal["ear-loops", "head-bands"]

_SURGICAL: tuple[tuple[float, Colour], ...] = (
    (0.2, (158, 200, 228)),
    (0.14, (120, 184, 224)),
    (0.1, (182, 214, 232)),
    (0.2, (238, 240, 241)),
    (0.08, (128, 204, 192)),
    (0.05, (88, 190, 180)),
    (0.05, (240, 194, 206)),
    (0.1, (34, 34, 37)),
    (0.03, (190, 178, 222)),
    (0.02, (150, 152, 155)),
    (0.02, (44, 54, 96)),
    (0.01, (236, 226, 158)),
)
_CLOTH: tuple[tuple[float, Colour], ...] = (
    (0.3, (26, 26, 29)),
    (0.08, (30, 36, 66)),
    (0.1, (112, 114, 118)),
    (0.07, (64, 66, 70)),
    (0.13, (236, 235, 232)),
    (0.05, (206, 196, 178)),
    (0.05, (150, 30, 38)),
    (0.03, (84, 92, 54)),
    (0.04, (222, 170, 178)),
    (0.03, (118, 158, 190)),
)
_N95: tuple[tuple[float, Colour], ...] = (
    (0.55, (236, 235, 229)),
    (0.12, (226, 220, 204)),
    (0.1, (176, 178, 180)),
    (0.08, (38, 38, 42)),
    (0.08, (150, 190, 214)),
    (0.04, (40, 70, 116)),
    (0.03, (232, 150, 70)),
)
_KN95: tuple[tuple[float, Colour], ...] = (
    (0.58, (240, 240, 238)),
    (0.14, (34, 34, 37)),
    (0.1, (150, 153, 157)),
    (0.05, (226, 198, 186)),
    (0.05, (170, 196, 216)),
    (0.04, (60, 70, 96)),
)

_VALVES: tuple[Colour, ...] = ((238, 238, 238), (176, 178, 182), (40, 40, 44))
_HEAD_BANDS: tuple[Colour, ...] = ((228, 196, 70), (236, 236, 232), (36, 36, 40), (44, 72, 132))


@dataclass(frozen=True)
class Material:
    """One mask before it is worn.

    Attributes:
        outline_style: its outline when worn.
        sheet: its colour, relief and shadow.
        depth: how far it bulges when worn, as a fraction of its width.
        ridge: how far the nose lifts it, likewise.
        weave: standard deviation of its texture's brightness.
        strap_style: ear loops or head bands.
        strap_colour: sRGB of the straps.
        strap_width: of a strap, as a fraction of the mask's width.
        record: its description, ready for JSON.
    """

    outline_style: OutlineStyle
    sheet: Sheet
    depth: float
    ridge: float
    weave: float
    strap_style: StrapStyle
    strap_colour: Colour
    strap_width: float
    record: dict[str, Any] = field(default_factory=dict)


def _pick(
    palette: tuple[tuple[float, Colour], ...], random: np.random.Generator, any_share: float = 0.0
) -> Colour:
    """A colour of a palette, slightly varied, or any colour."""
    if random.random() < any_share:
        return any_colour(random)
    weights = np.array([weight for weight, _ in palette])
    colour = palette[int(random.choice(len(palette), p=weights / weights.sum()))][1]
    shifted = np.array(colour) * random.normal(1.0, 0.04) + random.normal(0.0, 5.0, 3)
    red, green, blue = np.clip(np.rint(shifted), 8, 250).astype(int).tolist()
    return red, green, blue


def _tinted(colour: Colour, towards: Colour, share: float) -> Colour:
    red, green, blue = (round(a + share * (b - a)) for a, b in zip(colour, towards, strict=True))
    return red, green, blue


def _strap_colour(colour: Colour, random: np.random.Generator) -> Colour:
    """White, black or the mask's own colour."""
    chance = random.random()
    dark = sum(colour) < 240
    if chance < (0.15 if dark else 0.7):
        return 232, 232, 230
    if chance < (0.6 if dark else 0.78):
        return 30, 30, 32
    return colour


def _bind(sheet: Sheet, colour: Colour, width: float, edges: tuple[Edge, ...]) -> None:
    """Colour the bindings along edges."""
    for edge in edges:
        sheet.paint(sheet.inside(width - sheet.distance(edge)), colour)


def _small_print(sheet: Sheet, text: str, ink: Colour) -> None:
    """Add a few small lines of print, or a stamp, at one side."""
    random = sheet.random
    side = random.choice([-1.0, 1.0]) * random.uniform(0.25, 0.6)
    down = random.uniform(0.4, 0.75)
    share = random.uniform(0.08, 0.2)
    scale = text_scale(sheet, text, share)
    for line in range(int(random.integers(1, 4))):
        shown, size = (text, scale) if line == 0 else (text[::-1], scale * 0.7)
        write(sheet, shown, (side - share, down + line * share * 0.45), size, ink)


def _valve(sheet: Sheet) -> None:
    """Add a round or square plastic exhalation valve with slits."""
    random = sheet.random
    if random.random() < 0.5:
        across = random.choice([-1.0, 1.0]) * random.uniform(0.3, 0.6)
    else:
        across = random.normal(0, 0.03)
    down = random.uniform(0.48, 0.68)
    radius = random.uniform(0.06, 0.11)
    if random.random() < 0.12:
        colour = any_colour(random)
    else:
        colour = _VALVES[random.choice(3, p=[0.6, 0.2, 0.2])]
    x = (sheet.across - across) * 0.5
    y = (sheet.down - down) * 0.7
    distance = np.maximum(np.abs(x), np.abs(y)) if random.random() < 0.3 else np.hypot(x, y)
    inside = sheet.inside(radius - distance)
    sheet.paint(inside, colour)
    sheet.relief *= 1.0 - inside
    sheet.lift(step_down(distance - radius, 0.005, 0.02))
    sheet.lift(-0.008 * bell(distance - 0.72 * radius, 0.007))
    slits = np.sin(y * (2 * np.pi / (radius * random.uniform(0.25, 0.5)))) > 0.4
    sheet.darken(0.45 * slits * (distance < 0.6 * radius))
    cast = np.clip(1.0 - np.abs(distance - radius - 0.012) / 0.016, 0.0, 1.0) * (y > -0.3 * radius)
    sheet.darken(0.3 * cast * (1.0 - inside))


def _nose_wire(sheet: Sheet, strength: float) -> None:
    """Add the wire under the upper edge: a low ridge over the nose."""
    down = sheet.random.uniform(0.03, 0.08)
    half = sheet.random.uniform(0.25, 0.45)
    reach = np.clip((half - np.abs(sheet.across)) / 0.05, 0.0, 1.0)
    sheet.lift(0.005 * strength * (bell(sheet.down - down, 0.022) * reach))


def surgical(width: int, random: np.random.Generator) -> Material:
    """A pleated disposable mask of non-woven material."""
    colour = _pick(_SURGICAL, random, 0.06)
    sheet = Sheet(width, colour, random)
    count = int(random.choice([2, 3, 3, 3, 4]))
    depth = random.uniform(0.01, 0.034)
    printed = bool(random.random() < 0.05)
    if printed:
        add_print(sheet)
    pleats(sheet, count, depth, sideways=bool(random.random() < 0.12))
    binding = random.uniform(0.018, 0.04)
    bound = random.random() < 0.5
    edge_colour = _tinted(colour, (246, 247, 248), random.uniform(0.2, 0.8)) if bound else colour
    if bound:
        _bind(sheet, edge_colour, binding, ("sides", "top", "bottom"))
    welded = bool(random.random() < 0.6)
    hem(sheet, "top", binding * random.uniform(0.9, 1.8), stitched=False, welded=welded)
    hem(sheet, "bottom", binding, stitched=False, welded=welded)
    hem(sheet, "sides", binding, stitched=False, welded=welded)
    _nose_wire(sheet, random.uniform(0.5, 1.5))
    crumpling = random.uniform(0.3, 1.4)
    crumple(sheet, crumpling)
    if random.random() < 0.04:
        _small_print(sheet, "PROTECT", _tinted(colour, (40, 60, 110), 0.6))
    return Material(
        outline_style="surgical",
        sheet=sheet,
        depth=random.uniform(0.16, 0.3),
        ridge=random.uniform(0.0, 0.045),
        weave=random.uniform(0.01, 0.035),
        strap_style="ear-loops",
        strap_colour=colour if random.random() < 0.15 else _strap_colour(colour, random),
        strap_width=random.uniform(0.009, 0.022),
        record={
            "style": "pleated",
            "colour": list(colour),
            "binding_colour": list(edge_colour),
            "pleats": count,
            "printed": printed,
        },
    )


def _cloth(width: int, random: np.random.Generator, *, patterned: bool) -> Material:
    colour = (
        any_colour(random) if patterned and random.random() < 0.5 else _pick(_CLOTH, random, 0.18)
    )
    sheet = Sheet(width, colour, random)
    motif = add_print(sheet) if patterned else None
    if patterned and random.random() < 0.15:
        motif = f"{motif}+{add_print(sheet)}"
    style = str(random.choice(["seamed", "moulded", "flat", "pleated"], p=[0.38, 0.27, 0.15, 0.2]))
    trim = colour
    if style != "moulded" and random.random() < 0.35:
        trim = _pick(_CLOTH, random, 0.3)
        edges: tuple[Edge, ...] = (
            ("sides", "top", "bottom") if random.random() < 0.6 else ("sides",)
        )
        _bind(sheet, trim, random.uniform(0.02, 0.045), edges)
    crumpling = random.uniform(0.3, 1.3)
    if style == "pleated":
        pleats(sheet, int(random.integers(1, 4)), random.uniform(0.01, 0.034))
    elif style == "seamed" or (style == "moulded" and random.random() < 0.85):
        _centre_seam(sheet, random.uniform(0.2, 1.0))
        if style == "moulded":
            crumpling *= 0.6
    if style != "moulded":
        stitched = bool(random.random() < 0.7)
        hem_width = random.uniform(0.02, 0.05)
        for edge in ("top", "bottom", "sides"):
            hem(sheet, edge, hem_width, stitched=stitched)
    crumple(sheet, crumpling)
    own = random.random() < (0.9 if style == "moulded" else 0.35)
    return Material(
        outline_style="moulded" if style == "moulded" else "cloth",
        sheet=sheet,
        depth=random.uniform(0.2, 0.36),
        ridge=random.uniform(0.0, 0.045),
        weave=random.uniform(0.02, 0.08),
        strap_style="ear-loops",
        strap_colour=trim if own else _strap_colour(colour, random),
        strap_width=random.uniform(0.03, 0.065)
        if style == "moulded"
        else random.uniform(0.01, 0.03),
        record={
            "style": style,
            "colour": list(colour),
            "binding_colour": list(trim),
            "print": motif,
        },
    )


def _centre_seam(sheet: Sheet, strength: float) -> None:
    """Add a seam down the middle, with both halves falling away from it."""
    random = sheet.random
    bow = random.normal(0.0, 0.02)
    place = sheet.across - bow * np.sin(np.pi * np.clip(sheet.down, 0.0, 1.0))
    sheet.lift(-0.03 * strength * (1.0 - np.exp(-np.abs(place) / 0.2)))
    groove = bell(place, 0.012)
    sheet.lift(-0.004 * strength * groove)
    sheet.darken(random.uniform(0.1, 0.4) * groove)
    if random.random() < 0.6:
        dash = 0.5 + 0.5 * np.sin(sheet.down * 0.7 * 2 * np.pi / 0.02)
        for side in (-1.0, 1.0):
            sheet.darken(0.15 * (bell(place - side * 0.03, 0.006) * dash))


def cloth(width: int, random: np.random.Generator) -> Material:
    """A sewn or moulded mask of plain cloth or foam."""
    return _cloth(width, random, patterned=False)


def patterned(width: int, random: np.random.Generator) -> Material:
    """A sewn or moulded mask of printed cloth."""
    return _cloth(width, random, patterned=True)


def n95(width: int, random: np.random.Generator) -> Material:
    """A cup-shaped or three-panel respirator, often with head bands, sometimes with a valve."""
    colour = _pick(_N95, random, 0.04)
    sheet = Sheet(width, colour, random)
    style = str(random.choice(["cup", "panels"], p=[0.7, 0.3]))
    rim = 1.0 - np.maximum(np.abs(sheet.across), np.abs(2.0 * sheet.down - 1.0))
    inward = random.uniform(0.08, 0.18)
    sheet.lift(random.uniform(0.004, 0.012) * bell(rim - inward, 0.02))
    sheet.darken(random.uniform(0.05, 0.25) * bell(rim - inward + 0.03, 0.02))
    if style == "panels":
        _panel_folds(sheet)
    elif random.random() < 0.5:
        place = sheet.down - random.uniform(0.35, 0.5) + 0.1 * np.square(sheet.across)
        sheet.lift(0.006 * bell(place, 0.02))
    if random.random() < 0.55:
        _nose_bar(sheet, colour)
    else:
        _nose_wire(sheet, 1.4)
    if random.random() < 0.5:
        text = str(random.choice(["N95 8210", "NIOSH", "FFP2 NR", "3M 1860"]))
        _small_print(sheet, text, (60, 60, 70))
    has_valve = bool(random.random() < 0.35)
    crumple(sheet, random.uniform(0.15, 0.7))
    if has_valve:
        _valve(sheet)
    has_bands = random.choice([True, False], p=[0.75, 0.25])
    strap = _HEAD_BANDS[random.choice(4, p=[0.3, 0.4, 0.15, 0.15])]
    return Material(
        outline_style="n95",
        sheet=sheet,
        depth=random.uniform(0.4, 0.65),
        ridge=random.uniform(0.0, 0.04),
        weave=random.uniform(0.01, 0.03),
        strap_style="head-bands" if has_bands else "ear-loops",
        strap_colour=strap,
        strap_width=random.uniform(0.018, 0.04),
        record={
            "style": style,
            "colour": list(colour),
            "valve": has_valve,
            "strap_colour": list(strap),
        },
    )


def _panel_folds(sheet: Sheet) -> None:
    """Fold a sheet along the two lines between three panels."""
    random = sheet.random
    for line in (random.uniform(0.26, 0.36), random.uniform(0.64, 0.76)):
        place = sheet.down - line - random.uniform(-0.06, 0.06) * np.square(sheet.across)
        sheet.lift(0.02 * np.clip(1.0 - np.abs(place) / 0.25, 0.0, 1.0))
        sheet.darken(0.25 * bell(place, 0.012))


def _nose_bar(sheet: Sheet, colour: Colour) -> None:
    """Add a strip of metal, bare or of the mask's colour, over the bridge of the nose."""
    random = sheet.random
    half = random.uniform(0.2, 0.4)
    down = random.uniform(0.04, 0.09)
    sideways, upwards = half - np.abs(sheet.across), 0.014 - np.abs(sheet.down - down) * 0.7
    metal = sheet.inside(np.minimum(sideways * 0.5, upwards))
    bar = (150, 152, 156) if random.random() < 0.7 else _tinted(colour, (60, 60, 60), 0.3)
    sheet.paint(metal * np.float32(0.85), bar)
    sheet.relief += 0.006 * cv2.GaussianBlur(metal, (0, 0), 0.01 * sheet.unit)


def kn95(width: int, random: np.random.Generator) -> Material:
    """A fold-flat respirator with a vertical centre fold and embossed lines."""
    colour = _pick(_KN95, random, 0.05)
    sheet = Sheet(width, colour, random)
    distance = np.abs(sheet.across)
    lean = random.uniform(0.03, 0.08)
    sheet.lift(-lean * (np.sqrt(np.square(distance) + 0.0016) - 0.04))
    sheet.lift(random.uniform(0.003, 0.01) * bell(sheet.across, 0.014))
    sheet.darken(random.uniform(0.02, 0.15) * bell(distance - 0.03, 0.014))
    down, across = sheet.down, sheet.across
    waves = np.sin(across * np.pi / 0.022) * np.sin(down * 0.7 * 2 * np.pi / 0.022)
    embossed = 0.4 + 0.6 * (waves > 0).astype(np.float32)
    for offset, slope in (
        (random.uniform(0.05, 0.1), random.uniform(-0.05, 0.05)),
        (random.uniform(0.88, 0.95), random.uniform(-0.08, 0.02)),
    ):
        line = bell(down - offset - slope * distance, 0.02) * embossed
        sheet.lift(-0.003 * line)
        sheet.darken(0.13 * line)
    sheet.darken(0.13 * (bell(distance - random.uniform(0.82, 0.92), 0.03) * embossed))
    if random.random() < 0.4:
        diagonal = down - 0.15 - random.uniform(0.25, 0.6) * distance
        sheet.lift(0.006 * bell(diagonal, 0.02))
    if random.random() < 0.5:
        ink = _tinted(colour, (70, 74, 90), random.uniform(0.2, 0.9))
        _small_print(sheet, str(random.choice(["KN95", "GB2626", "KF94", "FFP2"])), ink)
    if random.random() < 0.4:
        _nose_wire(sheet, 1.8)
    crumple(sheet, random.uniform(0.25, 1.0))
    has_valve = bool(random.random() < 0.14)
    if has_valve:
        _valve(sheet)
    return Material(
        outline_style="kn95",
        sheet=sheet,
        depth=random.uniform(0.28, 0.45),
        ridge=random.uniform(0.0, 0.04),
        weave=random.uniform(0.008, 0.022),
        strap_style="ear-loops",
        strap_colour=_strap_colour(colour, random),
        strap_width=random.uniform(0.012, 0.03),
        record={"style": "folded", "colour": list(colour), "valve": has_valve},
    )


MAKES: dict[str, Callable[[int, np.random.Generator], Material]] = {
    make.__name__: make for make in (surgical, cloth, n95, kn95, patterned)
}
