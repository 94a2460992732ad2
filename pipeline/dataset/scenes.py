"""Detection scenes: faces with and without masks, composed into one picture with exact labels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from itertools import product
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from detector.synthesis import CannotDrawMaskError, TemplateFolder
from pipeline.dataset.backgrounds import Backgrounds, cover, out_of_focus
from pipeline.dataset.canvas import Canvas, Matrix, apply_matrix
from pipeline.dataset.checks import draw_checked_mask, reject
from pipeline.dataset.cut_out import (
    border_fade,
    head_and_shoulders,
    jaw_width,
    paint_body,
    paint_hair,
    skin_colour,
)
from pipeline.dataset.degradation import degrade, relight
from pipeline.dataset.face_pictures import FacePictures
from pipeline.dataset.labels import Points, simplify_polygon
from pipeline.dataset.occluders import paint_occluder
from pipeline.dataset.source_face import SourceFace
from pipeline.dataset.textures import surface
from weights.base.contracts import Image, Mask
from weights.base.errors import InputError

ASPECT_RATIOS = (1.0, 1.0, 4 / 3, 3 / 4, 3 / 2, 2 / 3, 16 / 9, 9 / 16)

_DRAWN_JAW = (90.0, 360.0)
"""Masks are drawn on faces scaled to jaws between these widths in pixels."""

_LARGEST_ENLARGEMENT = 2.5

_TRIES = 4
"""Faces tried for a place in a scene before it stays empty."""


@dataclass(frozen=True)
class SceneOptions:
    """How scenes are composed.

    Attributes:
        size: longer side of a scene in pixels.
        maskless: fraction of scenes in which nobody wears a mask.
        smallest_jaw: width in pixels of the smallest jaw in a scene of `size` 640.
    """

    size: int = 640
    maskless: float = 0.2
    smallest_jaw: float = 16.0


@dataclass
class Scene:
    """One composed picture.

    Attributes:
        image: uint8 RGB `(H, W, 3)`.
        outlines: visible outlines of each labelled mask, x y pixels.
        layout: "portrait", "crowd", "grid" or "empty".
        faces: files of the faces shown.
        masks: record of each labelled mask, in the order of `outlines`.
        negative: name of the picture without masks used as background, if any.
        occluders: objects painted in front of faces.
        degradations: applied to the finished picture.
        rejects: unusable files, with the reason.
    """

    image: Image
    outlines: list[list[Points]] = field(default_factory=list)
    layout: str = "empty"
    faces: list[str] = field(default_factory=list)
    masks: list[dict[str, Any]] = field(default_factory=list)
    negative: str | None = None
    occluders: list[str] = field(default_factory=list)
    degradations: list[str] = field(default_factory=list)
    rejects: list[dict[str, str]] = field(default_factory=list)


def _resized(image: Image, landmarks: Points, scale: float) -> tuple[Image, Points, Matrix]:
    height, width = image.shape[:2]
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    shares = np.array([size[0] / width, size[1] / height])
    matrix = np.concatenate([np.diag(shares), (0.5 * shares - 0.5)[:, None]], axis=1)
    how = cv2.INTER_AREA if scale < 1.0 else cv2.INTER_CUBIC
    resized = np.asarray(cv2.resize(image, size, interpolation=how), dtype=np.uint8)
    return resized, apply_matrix(matrix, landmarks), matrix


@dataclass(frozen=True)
class _Draft:
    """A scene being composed.

    Attributes:
        scene: the result so far; its picture has the scene's size.
        worn_share: fraction of its people who wear a mask.
        random: random generator.
    """

    scene: Scene
    worn_share: float
    random: np.random.Generator

    @property
    def size(self) -> tuple[int, int]:
        """Height and width in pixels."""
        height, width, _ = self.scene.image.shape
        return height, width


@dataclass(frozen=True)
class _Sprite:
    """A portrait, with or without a drawn mask, at about its size in the scene."""

    face: SourceFace
    image: Image
    landmarks: Points
    skin: NDArray[np.float32]  # colour of the bare face, RGB
    mask: Mask | None = None
    polygons: Sequence[Points] = ()
    record: dict[str, Any] | None = None

    @property
    def alpha(self) -> NDArray[np.uint8]:
        """A fully opaque alpha."""
        return np.full(self.image.shape[:2], 255, np.uint8)

    def scale(self, jaw: float) -> float:
        """The scale at which its jaw is `jaw` pixels wide."""
        return jaw / max(jaw_width(self.landmarks), 1.0)

    def reduced(self, alpha: NDArray[np.uint8], jaw: float) -> tuple[_Sprite, NDArray[np.uint8]]:
        """Downscale it to about its size in the scene by averaging pixels, before it is rotated."""
        scale = self.scale(jaw)
        if scale > 0.75:
            return self, alpha
        image, landmarks, matrix = _resized(self.image, self.landmarks, scale)
        size = image.shape[1::-1]
        mask = self.mask
        if mask is not None:
            mask = cv2.resize(mask.astype(np.uint8) * 255, size, interpolation=cv2.INTER_AREA) > 127
        polygons = [apply_matrix(matrix, polygon) for polygon in self.polygons]
        reduced = replace(self, image=image, landmarks=landmarks, mask=mask, polygons=polygons)
        smaller = cv2.resize(alpha, size, interpolation=cv2.INTER_AREA)
        return reduced, np.asarray(smaller, dtype=np.uint8)

    def matrix(self, jaw: float, centre: Points, angle: float, flip: bool) -> Matrix:
        """The affine matrix that maps the face's centre to `centre` and its jaw to `jaw` pixels."""
        cosine, sine = np.cos(np.radians(angle)), np.sin(np.radians(angle))
        linear = self.scale(jaw) * np.array([[cosine, -sine], [sine, cosine]])
        if flip:
            linear[:, 0] *= -1.0
        middle = self.landmarks[[0, 16, 27, 8]].mean(axis=0)
        return np.concatenate([linear, (centre - linear @ middle)[:, None]], axis=1)


def has_room(face: SourceFace) -> bool:
    """Whether a portrait shows the whole head, with hair and shoulders."""
    points = np.asarray(face.landmarks, dtype=np.float64)
    jaw = jaw_width(points)
    return bool(
        points[:, 1].min() > 0.45 * jaw
        and points[:, 0].min() > 0.25 * jaw
        and points[:, 0].max() < face.width - 0.25 * jaw
    )


class SceneComposer:
    """Composes scenes of one split of the data set.

    Args:
        faces: faces of this split; scenes show no others.
        negatives: pictures without masks of this split.
        options: how to compose.
        templates: photos of masks; None draws all masks.
        pictures: decodes files; shared between composers.
    """

    def __init__(
        self,
        faces: Sequence[SourceFace],
        negatives: Sequence[Path],
        options: SceneOptions,
        templates: TemplateFolder | None = None,
        pictures: FacePictures | None = None,
    ) -> None:
        self._faces = faces
        self._roomy = [index for index, face in enumerate(faces) if has_room(face)]
        self._options = options
        self._templates = templates
        self._pictures = pictures or FacePictures()
        blurred = [face.file for face in faces]
        self._backgrounds = Backgrounds(self._pictures, blurred, negatives)

    def compose(self, random: np.random.Generator) -> Scene:
        """Compose one scene; `random` decides all random choices."""
        ratio = ASPECT_RATIOS[int(random.integers(len(ASPECT_RATIOS)))]
        size = self._options.size
        height, width = round(size / max(ratio, 1.0)), round(size * min(ratio, 1.0))
        maskless = random.random() < self._options.maskless
        worn_share = (
            0.0 if maskless else (1.0 if random.random() < 0.5 else random.uniform(0.3, 0.9))
        )
        choice = random.random()
        scene = Scene(np.zeros((height, width, 3), np.uint8))
        draft = _Draft(scene, worn_share, random)
        if maskless and self._backgrounds.has_sharp and choice < 0.45:
            canvas = self._background(draft, sharp=True)
        elif maskless and choice < 0.49:
            canvas = self._background(draft)
        elif choice < 0.66:
            canvas = self._portrait(draft)
        elif choice < 0.92:
            canvas = self._crowd(draft)
        else:
            canvas = self._grid(draft)
        shown = [
            (record, [simplify_polygon(outline) for outline in outlines])
            for record, outlines in zip(scene.masks, canvas.outlines(), strict=True)
            if outlines
        ]
        scene.masks = [record for record, _ in shown]
        scene.outlines = [outlines for _, outlines in shown]
        scene.image, scene.degradations = degrade(canvas.image, random)
        return scene

    def _background(self, draft: _Draft, sharp: bool = False) -> Canvas:
        make = self._backgrounds.sharp if sharp else self._backgrounds
        try:
            image, file = make(*draft.size, draft.random)
        except InputError:
            # A damaged face file is rejected elsewhere; as a background any surface will do.
            return Canvas(surface(*draft.size, draft.random))
        if file is not None:
            draft.scene.negative = file.name
        return Canvas(image)

    def _sprite(
        self, draft: _Draft, jaw: float, worn: bool, roomy_share: float = 0.0
    ) -> _Sprite | None:
        """Choose a face and draw a mask on it; None if no chosen face can be used.

        Args:
            draft: collects the rejects.
            jaw: width in pixels that its jaw will have in the scene.
            worn: whether it gets a mask.
            roomy_share: probability of choosing only from pictures with hair and shoulders.
        """
        random = draft.random
        for _ in range(_TRIES):
            roomy = self._roomy and random.random() < roomy_share
            pool = self._roomy if roomy else range(len(self._faces))
            face = self._faces[pool[int(random.integers(len(pool)))]]
            landmarks = np.asarray(face.landmarks, dtype=np.float64)
            try:
                image = self._pictures(face.file)
                wanted = float(np.clip(jaw, *_DRAWN_JAW)) if worn else jaw
                scale = min(wanted / max(jaw_width(landmarks), 1.0), _LARGEST_ENLARGEMENT)
                image, landmarks, _ = _resized(image, landmarks, scale)
                if random.random() < 0.5:
                    cast = np.exp(random.normal(0.0, 0.04, 3)).tolist()
                    exposure = random.normal(0.0, 0.2)
                    image = relight(image, exposure, float(np.exp(random.normal(0.0, 0.1))), cast)
                skin = skin_colour(image, landmarks)
                if not worn:
                    return _Sprite(face, image, landmarks, skin)
                drawn = draw_checked_mask(image, landmarks, random, self._templates)
            except (CannotDrawMaskError, InputError) as error:
                draft.scene.rejects.append(reject(face.name, error))
                continue
            record = {"file": face.name, **drawn.record}
            polygons = [np.asarray(polygon, dtype=np.float64) for polygon in drawn.polygon]
            return _Sprite(face, drawn.masked, landmarks, skin, drawn.mask, polygons, record)
        return None

    def _place(
        self,
        draft: _Draft,
        canvas: Canvas,
        sprite: _Sprite,
        alpha: NDArray[np.uint8],
        matrix: Matrix,
        window: tuple[int, int, int, int] | None = None,
    ) -> None:
        """Paste a sprite and sometimes paint an object in front of it."""
        random, scene = draft.random, draft.scene
        canvas.paste(sprite.image, alpha, matrix, sprite.mask, sprite.polygons, window)
        scene.faces.append(sprite.face.name)
        if sprite.record is not None:
            scene.masks.append(sprite.record)
        if window is None and random.random() < (0.06 if sprite.mask is not None else 0.3):
            landmarks = apply_matrix(matrix, sprite.landmarks)
            scene.occluders.append(paint_occluder(canvas, landmarks, sprite.skin, random))

    def _portrait(self, draft: _Draft) -> Canvas:
        """One face, from small to larger than the frame, in its own picture or as a cut-out."""
        draft.scene.layout = "portrait"
        random, (height, width) = draft.random, draft.size
        jaw = float(np.exp(random.uniform(np.log(0.14), np.log(0.98)))) * min(height, width)
        sprite = self._sprite(draft, jaw, draft.worn_share > 0.0, roomy_share=0.6)
        if sprite is None:
            return self._background(draft)
        rows, columns = sprite.image.shape[:2]
        scale = sprite.scale(jaw)
        covers = rows * scale >= height and columns * scale >= width
        angle = float(np.clip(random.normal(0.0, 9.0), -30.0, 30.0))
        flip = random.random() < 0.5
        spare = np.array([width, height]) / 2.0
        centre = spare + random.uniform(-1.0, 1.0, 2) * np.maximum(spare - 0.35 * jaw, 0.1 * spare)
        choice = random.random()
        in_own_picture = True
        if covers and choice < 0.7:
            # The face is placed so that its own picture still fills the frame.
            angle = 0.0
            matrix = sprite.matrix(jaw, centre, angle, flip)
            ends = apply_matrix(matrix, np.array([[0.0, 0.0], [columns - 1.0, rows - 1.0]]))
            low, high = ends.min(axis=0), ends.max(axis=0)
            frame = np.array([width - 1.0, height - 1.0])
            centre = centre - np.maximum(low, 0.0) + np.maximum(frame - high, 0.0)
            alpha = sprite.alpha
        elif choice < 0.45:
            fade = border_fade(rows, columns, random.uniform(0.0, 0.25) * jaw / scale)
            alpha = np.rint(fade * 255).astype(np.uint8)
        else:
            in_own_picture = False
            alpha = head_and_shoulders((rows, columns), sprite.landmarks, sprite.mask, random)
        if in_own_picture:
            # Background: its own picture without the mask, enlarged and out of focus.
            behind = cover(self._pictures(sprite.face.file), height, width, random)
            canvas = Canvas(out_of_focus(behind, random))
        else:
            canvas = self._background(draft)
        sprite, alpha = sprite.reduced(alpha, jaw)
        matrix = sprite.matrix(jaw, centre, angle, flip)
        if not in_own_picture:
            _paint_body(canvas, sprite, matrix, random)
        self._place(draft, canvas, sprite, alpha, matrix)
        return canvas

    def _crowd(self, draft: _Draft) -> Canvas:
        """Two to twelve people cut out and pasted on a background, larger ones in front."""
        draft.scene.layout = "crowd"
        random, (height, width) = draft.random, draft.size
        canvas = self._background(draft)
        shorter = min(height, width)
        count = int(min(12, 2 + random.geometric(0.28)))
        smallest = self._options.smallest_jaw * self._options.size / 640.0
        largest = min(0.42, 0.9 / count**0.5) * shorter
        base = float(np.exp(random.uniform(np.log(smallest), np.log(largest))))
        jaws = np.clip(base * np.exp(random.normal(0.0, 0.35, count)), smallest, 0.5 * shorter)
        spots: list[tuple[float, Points]] = []
        for jaw in sorted(float(value) for value in jaws):
            for _ in range(8):
                at = random.uniform((0.0, 0.1 * height), (width, 0.95 * height))
                if all(
                    abs(at[0] - other[0]) > 0.55 * (jaw + size)
                    or abs(at[1] - other[1]) > 0.7 * (jaw + size)
                    for size, other in spots
                ):
                    spots.append((jaw, at))
                    break
        any_worn = False
        for number, (jaw, at) in enumerate(spots):
            last_chance = draft.worn_share > 0.0 and not any_worn and number == len(spots) - 1
            worn = random.random() < draft.worn_share or last_chance
            sprite = self._sprite(draft, jaw, worn, roomy_share=0.75)
            if sprite is None:
                continue
            any_worn |= worn
            size = sprite.image.shape[:2]
            alpha = head_and_shoulders(size, sprite.landmarks, sprite.mask, random)
            sprite, alpha = sprite.reduced(alpha, jaw)
            angle = float(np.clip(random.normal(0.0, 8.0), -30.0, 30.0))
            matrix = sprite.matrix(jaw, at, angle, random.random() < 0.5)
            _paint_body(canvas, sprite, matrix, random)
            self._place(draft, canvas, sprite, alpha, matrix)
        return canvas

    def _grid(self, draft: _Draft) -> Canvas:
        """Portraits in a grid of tiles, as in a video conference or on a page of photos."""
        draft.scene.layout = "grid"
        random, (height, width) = draft.random, draft.size
        canvas = self._background(draft)
        rows, columns = int(random.integers(1, 4)), int(random.integers(2, 5))
        gap = int(random.integers(0, 12)) if random.random() < 0.7 else 0
        for row, column in product(range(rows), range(columns)):
            x0, x1 = (round(width * (column + step) / columns) for step in (0, 1))
            y0, y1 = (round(height * (row + step) / rows) for step in (0, 1))
            window = (x0 + gap, y0 + gap, x1 - gap, y1 - gap)
            low, high = np.array(window[:2]), np.array(window[2:])
            extent = (high - low).astype(np.float64)
            if extent.min() < 16:
                continue
            jaw = float(extent.min()) * random.uniform(0.35, 0.8)
            sprite = self._sprite(draft, jaw, random.random() < draft.worn_share)
            if sprite is None:
                continue
            # The tile's picture fills the tile.
            own = np.array(sprite.image.shape[1::-1], dtype=np.float64)
            jaw = max(jaw, jaw_width(sprite.landmarks) * float((extent / own).max()))
            sprite, alpha = sprite.reduced(sprite.alpha, jaw)
            matrix = sprite.matrix(jaw, (low + high) / 2.0, 0.0, random.random() < 0.5)
            ends = apply_matrix(matrix, np.array([[0.0, 0.0], sprite.image.shape[1::-1]]))
            before = np.maximum(ends.min(axis=0) - low, 0.0)
            matrix[:, 2] += np.maximum(high - ends.max(axis=0), 0.0) - before
            self._place(draft, canvas, sprite, alpha, matrix, window)
        return canvas


def _paint_body(
    canvas: Canvas, sprite: _Sprite, matrix: Matrix, random: np.random.Generator
) -> None:
    rows = sprite.image.shape[0]
    jaw = jaw_width(sprite.landmarks)
    landmarks = apply_matrix(matrix, sprite.landmarks)
    if float(sprite.landmarks[:, 1].min()) < 0.4 * jaw:
        paint_hair(canvas, landmarks, random)
    # If the portrait shows the chest, the body continues in the clothing's colour.
    clothing = None
    if rows - 1 - float(sprite.landmarks[8, 1]) > 0.35 * jaw:
        strip = sprite.image[-max(1, rows // 20) :, :: max(1, rows // 40)]
        clothing = np.median(strip.reshape(-1, 3), axis=0).astype(np.float32)
    paint_body(canvas, landmarks, sprite.skin, clothing, random)
