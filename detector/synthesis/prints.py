"""Prints on cloth: stripes, checks, dots, flowers, camouflage, words and other motifs."""

from __future__ import annotations

import colorsys
from collections.abc import Callable

import cv2
import numpy as np

from detector.synthesis.pen import disc, fill, oval, stroke, text_scale, write
from detector.synthesis.sheet import Colour, Sheet

_WORDS = (
    "HOPE",
    "LOVE",
    "SMILE",
    "STAY",
    "SAFE",
    "CITY",
    "TEAM",
    "2020",
    "NYC",
    "VOTE",
    "WORK",
    "HELLO",
)
_FONTS = (
    cv2.FONT_HERSHEY_SIMPLEX,
    cv2.FONT_HERSHEY_DUPLEX,
    cv2.FONT_HERSHEY_TRIPLEX,
    cv2.FONT_HERSHEY_SCRIPT_COMPLEX,
)


def any_colour(random: np.random.Generator) -> Colour:
    """Any colour that dyed cloth can have."""
    hue = random.random()
    saturation = random.uniform(0.15, 1.0) ** 0.8
    return _colour(hue, saturation, random.uniform(0.12, 0.97))


def _colour(hue: float, saturation: float, value: float) -> Colour:
    red, green, blue = colorsys.hsv_to_rgb(hue, saturation, value)
    return round(255 * red), round(255 * green), round(255 * blue)


def _palette(random: np.random.Generator, count: int) -> list[Colour]:
    """Matching colours: one hue at several tones, or a few hues, with black or white."""
    colours: list[Colour] = []
    hue = random.random()
    spread = random.choice([0.02, 0.1, 0.4])
    for _ in range(count):
        if random.random() < 0.25:
            grey = int(random.choice([15, 30, 235, 248]))
            colours.append((grey, grey, grey))
            continue
        shifted = (hue + random.normal(0, spread)) % 1.0
        colours.append(_colour(shifted, random.uniform(0.2, 0.95), random.uniform(0.2, 0.97)))
    return colours


def stripes(sheet: Sheet) -> None:
    """Parallel stripes at any angle."""
    random = sheet.random
    colours = _palette(random, int(random.integers(1, 4)))
    angle = random.choice([0.0, np.pi / 2, random.uniform(0, np.pi)])
    period = random.uniform(0.035, 0.22)
    phase = np.mod(sheet.along(angle) / period + random.random(), 1.0)
    start = 0.0
    for colour in colours:
        width = random.uniform(0.15, 0.7) / len(colours)
        depth = np.minimum(phase - start, start + width - phase) * period
        sheet.paint(sheet.inside(depth), colour)
        start += width + random.uniform(0.05, 0.4) / len(colours)


def checks(sheet: Sheet) -> None:
    """Gingham or tartan: two crossing sets of translucent stripes."""
    random = sheet.random
    tilt = random.choice([0.0, np.pi / 4, random.normal(0, 0.15)])
    period = random.uniform(0.04, 0.2)
    colours = _palette(random, int(random.integers(1, 4)))
    for angle in (tilt, tilt + np.pi / 2):
        position = sheet.along(angle)
        for number, colour in enumerate(colours):
            width = 0.5 if number == 0 else random.uniform(0.05, 0.25)
            phase = np.mod(position / period + 0.37 * number, 1.0)
            sheet.paint(sheet.inside(np.minimum(phase, width - phase) * period) * 0.5, colour)


def _scatter(sheet: Sheet, spacing: float, jitter: float) -> list[tuple[float, float]]:
    """Points over the sheet on a staggered, jittered grid, in across and down."""
    random = sheet.random
    points = []
    for row, down in enumerate(np.arange(0.0, 1.1, spacing / 0.7)):
        for across in np.arange(-1.1, 1.1, spacing * 2.0):
            shift = spacing if row % 2 else 0.0
            points.append(
                (
                    across + shift + random.normal(0.0, 2.0 * jitter * spacing),
                    down + random.normal(0.0, 1.4 * jitter * spacing),
                )
            )
    return points


def dots(sheet: Sheet) -> None:
    """Polka dots, regular or scattered, of one or several colours."""
    random = sheet.random
    spacing = random.uniform(0.035, 0.14)
    colours = _palette(random, int(random.integers(1, 4)))
    jitter = random.choice([0.0, 0.2, 0.5])
    radius = spacing * random.uniform(0.15, 0.42)
    for centre in sheet.place(_scatter(sheet, spacing, jitter)):
        size = radius * (random.uniform(0.5, 1.3) if jitter else 1.0) * sheet.unit * 16
        colour = colours[int(random.integers(len(colours)))]
        disc(sheet, centre, max(round(size), 8), colour)


def flowers(sheet: Sheet) -> None:
    """Flowers and leaves of several sizes, scattered."""
    random = sheet.random
    colours = _palette(random, int(random.integers(2, 6)))
    leaf = _palette(random, 1)[0]
    spacing = random.uniform(0.07, 0.2)
    for centre in sheet.place(_scatter(sheet, spacing, 0.35)):
        size = spacing * random.uniform(0.3, 0.75) * sheet.unit * 16
        turn = random.uniform(0, 360)
        if random.random() < 0.6:
            oval(sheet, centre, (max(int(size), 12), max(int(size * 0.3), 8)), turn, leaf)
        petals = int(random.integers(4, 8))
        colour = colours[int(random.integers(len(colours)))]
        for petal in range(petals):
            angle = turn + 360 * petal / petals
            outward = np.array([np.cos(np.radians(angle)), np.sin(np.radians(angle))])
            middle = (centre + 0.5 * size * outward).astype(int)
            oval(sheet, middle, (max(int(size * 0.45), 8), max(int(size * 0.25), 8)), angle, colour)
        heart = colours[int(random.integers(len(colours)))]
        disc(sheet, centre, max(int(size * 0.2), 8), heart)


def camouflage(sheet: Sheet) -> None:
    """Blotches of a few tones, as on army cloth or a leopard's fur."""
    random = sheet.random
    if random.random() < 0.5:
        hue, spread = random.uniform(0.08, 0.4), 0.05
    else:
        hue, spread = random.random(), random.choice([0.03, 0.3])
    cells = int(random.integers(5, 14))
    for _ in range(int(random.integers(2, 5))):
        shifted = (hue + random.normal(0, spread)) % 1
        tone = _colour(shifted, random.uniform(0.05, 0.6), random.uniform(0.1, 0.85))
        noise = sheet.noise((cells, round(cells * 1.4)))
        inside = np.clip((noise - random.uniform(0.1, 0.8)) * 8.0, 0.0, 1.0)
        sheet.paint(inside, tone)


def marbled(sheet: Sheet) -> None:
    """Blending colours: batik, tie-dye, galaxy or photo prints."""
    random = sheet.random
    colours = _palette(random, int(random.integers(2, 5)))
    cells = int(random.integers(2, 9))
    warp = sheet.noise((cells, cells)) * random.uniform(0.0, 1.5)
    for colour in colours:
        noise = sheet.noise((cells, round(cells * 1.4))) + 0.5 * sheet.noise((4 * cells, 5 * cells))
        inside = 0.5 + 0.5 * np.sin(2.0 * noise + warp + random.uniform(0, 6.28))
        sheet.paint((inside * random.uniform(0.3, 0.9)).astype(np.float32), colour)


def gradient(sheet: Sheet) -> None:
    """One colour that fades into another, or bands as on a flag."""
    random = sheet.random
    colours = _palette(random, int(random.integers(1, 4)))
    angle = random.choice([0.0, np.pi / 2, random.uniform(0, np.pi)])
    position = 0.5 * sheet.across * np.cos(angle) + (sheet.down - 0.5) * np.sin(angle)
    hardness = random.choice([1.5, 3.0, 60.0])
    for number, colour in enumerate(colours):
        at = -0.5 + (number + 1) / (len(colours) + 1)
        sheet.paint(np.clip((position - at) * hardness + 0.5, 0.0, 1.0).astype(np.float32), colour)


def words(sheet: Sheet) -> None:
    """A word or a sign, large in the middle, small at a side, or all over."""
    random = sheet.random
    colour = _palette(random, 1)[0]
    word = str(random.choice(_WORDS))
    if random.random() < 0.5:
        word = word.lower().capitalize()
    font = int(random.choice(_FONTS))
    repeated = random.random() < 0.2
    share = random.uniform(0.08, 0.14) if repeated else random.uniform(0.12, 0.6)
    scale = text_scale(sheet, word, share, font)
    thickness = max(1, round(scale * random.uniform(1.0, 4.0)))
    if repeated:
        places = _scatter(sheet, share * 1.4, 0.1)
    else:
        places = [
            (random.choice([0.0, random.uniform(-0.6, 0.6)]) - share, random.uniform(0.35, 0.85))
        ]
    for place in places:
        write(sheet, word, place, scale, colour, font, thickness)


def mouth(sheet: Sheet) -> None:
    """A printed mouth: a smile, teeth, or a skull's jaw."""
    random = sheet.random
    bright, dark = (240, 240, 235), (20, 18, 20)
    middle = random.uniform(0.5, 0.7)
    half, height = random.uniform(0.3, 0.65), random.uniform(0.06, 0.16)
    bow = random.uniform(-0.25, 0.35)
    across = np.linspace(-half, half, 15)
    fall = np.square(across / half)
    lower = middle + height * (1 - fall) - bow * fall * 0.5
    upper = middle - height * (1 - fall) * 0.5 - bow * fall * 0.5
    loop = np.concatenate([np.stack([across, upper], 1), np.stack([across, lower], 1)[::-1]])
    lips = (
        int(random.integers(120, 230)),
        int(random.integers(10, 80)),
        int(random.integers(20, 90)),
    )
    style = random.random()
    inside = bright if style < 0.7 else dark
    rim = lips if style < 0.4 else dark
    fill(sheet, loop, inside)
    if inside == bright:
        for start, up, low in zip(across[1:-1], upper[1:-1], lower[1:-1], strict=True):
            stroke(sheet, [(start, up), (start, low)], dark, 0.004)
        stroke(sheet, np.stack([across, (upper + lower) / 2], 1), dark, 0.005)
    stroke(sheet, loop, rim, random.uniform(0.008, 0.03), closed=True)


def emblem(sheet: Sheet) -> None:
    """A small sign at one side: a disc, bars or a polygon with a few strokes."""
    random = sheet.random
    colours = _palette(random, 2)
    side = random.choice([-1.0, 1.0]) * random.uniform(0.2, 0.65)
    size = random.uniform(0.03, 0.1)
    centre = (side, random.uniform(0.3, 0.7))
    corners = int(random.integers(3, 9))
    angle = np.linspace(0, 2 * np.pi, corners, endpoint=False) + random.uniform(0, 2 * np.pi)
    reach = np.where(np.arange(corners) % 2, random.uniform(0.4, 1.0), 1.0) * size
    shape = np.stack(
        [centre[0] + 2 * reach * np.cos(angle), centre[1] + 1.4 * reach * np.sin(angle)], axis=1
    )
    fill(sheet, shape, colours[0])
    for _ in range(int(random.integers(0, 4))):
        ends = [
            (centre[0] + 2 * random.normal(0, size), centre[1] + 1.4 * random.normal(0, size * 0.6))
            for _ in range(2)
        ]
        stroke(sheet, ends, colours[1], 0.008)


PRINTS: dict[str, Callable[[Sheet], None]] = {
    "stripes": stripes,
    "checks": checks,
    "dots": dots,
    "flowers": flowers,
    "camouflage": camouflage,
    "marbled": marbled,
    "gradient": gradient,
    "words": words,
    "mouth": mouth,
    "emblem": emblem,
}


def add_print(sheet: Sheet) -> str:
    """Print a random pattern on a sheet and return its name."""
    name = str(sheet.random.choice(list(PRINTS)))
    PRINTS[name](sheet)
    return name
