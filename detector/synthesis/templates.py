"""Photos of masks from a folder, placed on faces by six key points.

The folder has the layout of MaskTheFace (Anwar and Raychowdhury 2020, "Masked face recognition for
secure authentication"): `masks.cfg` names RGBA pictures and six points on each, sections ending in
`_left` and `_right` are views for a turned head, and `textures/` contains prints.
"""

from __future__ import annotations

import configparser
import os
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from detector.synthesis.canvas import canvas_scale, make_canvas
from detector.synthesis.compositing import (
    DrawnMask,
    Layer,
    PhotographedFace,
    compose,
    render_straps,
)
from detector.synthesis.face_check import head_turn
from detector.synthesis.outline import MaskOutline, Points, Worn, check_landmarks, smooth_curve
from detector.synthesis.prints import any_colour
from detector.synthesis.shading import (
    light_colour,
    linear,
    shade_relief,
    shoulder,
    surface_light,
)
from detector.synthesis.straps import lay_straps
from detector.synthesis.surface import swell
from detector.synthesis.thin_plate import thin_plate
from weights.base.contracts import Image
from weights.base.errors import InputError
from weights.images.decoding import read_pixels

_KEYS = ("mask_a", "mask_b", "mask_c", "mask_d", "mask_e", "mask_f")
_SIDE_TURN = 0.3
_RARE = {"gas": 0.15}


@dataclass(frozen=True)
class Template:
    """One photo of a mask.

    Attributes:
        name: its section in `masks.cfg`.
        file: the RGBA picture.
        anchors: `(6, 2)`, x y in its pixels: jaw at image left, nose bridge, jaw at image right at
            the height of the nose, then image left, chin, image right along the chin.
    """

    name: str
    file: Path
    anchors: Points


class TemplateFolder:
    """A folder of mask photos with six key points each.

    Args:
        path: the folder, which contains `masks.cfg`.

    Raises:
        InputError: there is no `masks.cfg`, it is malformed, or none of its pictures exists.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = Path(path)
        config = self.path / "masks.cfg"
        parser = configparser.ConfigParser()
        try:
            with config.open(encoding="utf-8") as stream:
                parser.read_file(stream)
        except (OSError, UnicodeDecodeError, configparser.Error) as error:
            raise InputError(f"Cannot read the mask templates' {config}: {error}.") from error
        self._views: dict[str, dict[str, Template]] = {}
        for section in parser.sections():
            template = self._template(section, dict(parser[section]), config)
            if template is None:
                continue
            name, separator, side = section.rpartition("_")
            if not separator or side not in ("left", "right"):
                name, side = section, "front"
            self._views.setdefault(name, {})[side] = template
        if not self._views:
            raise InputError(f"None of the pictures that {config} names was found in {self.path}.")
        self.textures: list[Path] = sorted(
            file
            for file in (self.path / "textures").rglob("*")
            if file.suffix.lower() in (".png", ".jpg", ".jpeg") and file.is_file()
        )

    @property
    def names(self) -> list[str]:
        """The names of the masks, without their views."""
        return sorted(self._views)

    def _template(self, section: str, entry: dict[str, str], config: Path) -> Template | None:
        """Read one section; None if it has no picture or the picture is missing."""
        if "template" not in entry:
            return None
        file = self._find(entry["template"].strip())
        if file is None:
            return None
        try:
            rows = [[float(value) for value in entry[key].split(",")] for key in _KEYS]
            anchors = np.array(rows).reshape(6, 2)
        except (KeyError, ValueError) as error:
            raise InputError(
                f"Section [{section}] of {config} must give mask_a to mask_f as 'x, y'."
            ) from error
        # Some configurations name the points by the wearer's side: put image left first.
        if anchors[0, 0] > anchors[2, 0]:
            anchors = anchors[[2, 1, 0, 5, 4, 3]]
        return Template(section, file, anchors)

    def _find(self, named: str) -> Path | None:
        """Find the picture; configured paths may begin with a folder that does not exist."""
        parts = Path(named.replace("\\", "/")).parts
        for start in range(len(parts)):
            candidate = self.path.joinpath(*parts[start:])
            if candidate.is_file():
                return candidate
        return None

    def pick(self, turn: float, random: np.random.Generator) -> Template:
        """Pick a random mask, in the view for a head's turn of -1 to 1."""
        names = self.names
        weights = np.array([_RARE.get(name.lower(), 1.0) for name in names])
        views = self._views[names[int(random.choice(len(names), p=weights / weights.sum()))]]
        wanted = "front" if abs(turn) < _SIDE_TURN else ("left" if turn < 0 else "right")
        return views.get(wanted) or views.get("front") or next(iter(views.values()))

    def pick_texture(self, random: np.random.Generator) -> Path | None:
        """Pick a random print, or None if the folder has none."""
        return self.textures[int(random.integers(len(self.textures)))] if self.textures else None


@lru_cache(maxsize=64)
def _load(file: Path) -> NDArray[np.uint8]:
    return read_pixels(file, alpha=True)


def face_anchors(
    landmarks: NDArray[np.floating], random: np.random.Generator, worn: Worn = "full"
) -> Points:
    """Positions of a template's six key points on a face, `(6, 2)`, with slight randomness.

    Args:
        landmarks: iBUG points `(68, 2)`, x y in pixels.
        random: random generator.
        worn: "full", "under-nose" or "chin".
    """
    points = check_landmarks(landmarks)
    down = points[8] - points[27]
    height = max(float(np.linalg.norm(down)), 1e-6)
    down = down / height

    def jaw_at(level: Points, half: slice) -> Points:
        line = points[:17][half]
        along = (line - level) @ down
        order = np.argsort(along)
        return np.stack([np.interp(0.0, along[order], line[order, axis]) for axis in (0, 1)])

    left, right = slice(0, 8), slice(9, 17)
    upper, lower = {
        "full": (points[30], points[57]),
        "under-nose": (points[51], points[8] - 0.12 * height * down),
        "chin": (points[57], points[8] - 0.04 * height * down),
    }[worn]
    bridge = {
        "full": points[27] + random.uniform(0.15, 0.65) * (points[30] - points[27]),
        "under-nose": points[33] + random.uniform(0.0, 0.6) * (points[51] - points[33]),
        "chin": points[57] + random.uniform(0.15, 0.5) * (points[8] - points[57]),
    }[worn]
    chin = points[8] + down * height * random.uniform(-0.01, 0.08 if worn == "full" else 0.16)
    upper = upper + down * height * random.uniform(-0.08, 0.05)
    lower = lower + down * height * random.uniform(-0.04, 0.05)
    along_nose = jaw_at(upper, left), bridge, jaw_at(upper, right)
    along_chin = jaw_at(lower, left), chin, jaw_at(lower, right)
    anchors = np.stack([*along_nose, *along_chin])
    return anchors + random.normal(0.0, 0.012 * height, (6, 2))


def draw_template(
    face: PhotographedFace, random: np.random.Generator, templates: TemplateFolder, worn: Worn
) -> DrawnMask:
    """Composite a photo of a mask on a face; called by `draw_mask`.

    The photo is warped by a thin-plate spline, sometimes recoloured, lit like the face and
    composited with its alpha.
    """
    points, light, jaw = face.points, face.light, face.jaw
    turn = head_turn(points)
    template = templates.pick(turn, random)
    anchors = face_anchors(points, random, worn)
    scale = canvas_scale(jaw)
    picture = _load(template.file)
    ratio = min(1.0, 1.2 * scale * jaw / max(float(np.ptp(template.anchors[:, 0])), 1.0))
    small = np.asarray(
        cv2.resize(picture, None, fx=ratio, fy=ratio, interpolation=cv2.INTER_AREA), np.uint8
    )
    ratios = np.divide(small.shape[1::-1], picture.shape[1::-1])
    source_anchors = (template.anchors + 0.5) * ratios - 0.5

    reach = _corners_on_face(small, source_anchors, anchors, 1.2 * jaw)
    canvas = make_canvas(face.image, [reach, anchors], jaw, scale)
    every = 4
    x, y = canvas.pixels(every)
    carried = thin_plate(anchors, source_anchors, x, y).astype(np.float32)
    columns, rows = (canvas.enlarge(carried[:, axis].reshape(x.shape), every) for axis in (0, 1))
    body_alpha = _without_straps(small[..., 3])
    colour, recoloured = _recolour(small[..., :3], body_alpha, templates, random)

    def warp(plane: NDArray[Any], border: int = cv2.BORDER_CONSTANT) -> NDArray[Any]:
        return cv2.remap(plane, columns, rows, cv2.INTER_LINEAR, borderMode=border)

    body = warp(body_alpha).astype(np.float32) / np.float32(255.0)
    shading = surface_light(canvas, light, random)
    # The photo already has its own shading.
    depth = random.uniform(0.06, 0.2)
    bright = shade_relief(_relief(body_alpha, columns, rows, depth, jaw * scale), shading)
    dyed = linear(warp(colour, cv2.BORDER_REPLICATE))
    lit = shoulder(light_colour(dyed, light, shading.exposure) * bright[..., None])
    body_layer = Layer(lit * body[..., None], body)
    # Straps in the photos end in mid-air; these start under the body and reach the ears.
    pulled = anchors + 0.5 * (anchors.mean(axis=0) - anchors)
    outline = MaskOutline(
        "surgical", smooth_curve(pulled[:3], samples=9), smooth_curve(pulled[3:], samples=9)
    )
    strands = lay_straps("ear-loops", outline, points, random.uniform(0.02, 0.05), random)
    strap_colour = (232, 232, 230) if random.random() < 0.7 else (34, 34, 36)
    straps = render_straps(canvas, strands, strap_colour, light, shading)
    record = {
        "kind": "template",
        "worn": worn,
        "template": template.name,
        "recoloured": recoloured,
        "turn": round(turn, 3),
    }
    return compose(face, canvas, body_layer, straps, jaw, random, record)


def _corners_on_face(
    photo: Image, source_anchors: Points, anchors: Points, furthest: float
) -> Points:
    """Positions of a photo's corners `(4, 2)`, at most `furthest` from the anchors' centre."""
    height, width = photo.shape[:2]
    frame = np.array([[0, 0], [width, 0], [width, height], [0, height]], np.float32)
    reach = thin_plate(source_anchors, anchors, frame[:, 0], frame[:, 1])
    centre = anchors.mean(axis=0)
    return np.clip(reach, centre - furthest, centre + furthest)


def _relief(
    alpha: NDArray[np.uint8],
    columns: NDArray[np.float32],
    rows: NDArray[np.float32],
    depth: float,
    unit: float,
) -> NDArray[np.float32]:
    """The swell of a mask's body `alpha`, warped by `columns` and `rows`, in pixels.

    Args:
        alpha: of the photo `(h, w)`.
        columns: x in the photo of each canvas pixel, `(H, W)`.
        rows: likewise.
        depth: as a fraction of the jaw's width.
        unit: that width in pixels of the canvas.
    """
    inside = np.argwhere(alpha > 127)
    top, left = inside.min(axis=0)
    bottom, right = inside.max(axis=0)
    across = (2.0 * (columns - left) / max(right - left, 1) - 1.0).astype(np.float32)
    down = ((rows - top) / max(bottom - top, 1)).astype(np.float32)
    relief = swell(across, down, depth, 0.0) * np.float32(unit)
    return np.asarray(cv2.GaussianBlur(relief, (0, 0), 0.03 * unit), np.float32)


def _without_straps(alpha: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """The alpha of a mask's body: a morphological opening much wider than a strap."""
    size = max(3, round(0.07 * alpha.shape[1])) | 1
    brush = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (size, size))
    bordered = cv2.copyMakeBorder(alpha, size, size, size, size, cv2.BORDER_CONSTANT, value=0)
    opened = cv2.morphologyEx(bordered, cv2.MORPH_OPEN, brush)[size:-size, size:-size]
    # Corners removed by the round opening still belong to the body.
    grown = cv2.dilate(
        opened, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (size // 3 | 1, size // 3 | 1))
    )
    return np.minimum(alpha, grown)


def _recolour(
    colour: NDArray[np.uint8],
    body: NDArray[np.uint8],
    templates: TemplateFolder,
    random: np.random.Generator,
) -> tuple[NDArray[np.uint8], str | None]:
    """Sometimes dye the mask or print a texture on it, keeping shading and creases."""
    chance = random.random()
    if chance < 0.45:
        return colour, None
    texture = templates.pick_texture(random) if chance > 0.72 else None
    values = linear(colour)
    brightness = values @ np.array([0.25, 0.6, 0.15], np.float32)
    level = float(np.median(brightness[body > 127]))
    folds = np.clip((brightness + 0.03) / (level + 0.03), 0.15, 1.5)
    if texture is None:
        dye = np.broadcast_to(linear(np.array(any_colour(random), np.float32)), values.shape)
        name = "dye"
    else:
        tile = _load(texture)[..., :3]
        side = max(8, round(random.uniform(0.3, 1.0) * colour.shape[1]))
        size = (side, max(8, side * tile.shape[0] // tile.shape[1]))
        tile = np.asarray(cv2.resize(tile, size, interpolation=cv2.INTER_AREA), np.uint8)
        repeats = (-(-colour.shape[0] // tile.shape[0]), -(-colour.shape[1] // tile.shape[1]), 1)
        dye = linear(np.tile(tile, repeats)[: colour.shape[0], : colour.shape[1]])
        name = f"texture {texture.parent.name}/{texture.name}"
    dyed = np.sqrt(np.clip(dye * folds[..., None], 0.0, 1.0)) * 255.0
    return np.clip(np.rint(dyed), 0, 255).astype(np.uint8), name
