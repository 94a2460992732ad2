"""Training faces for the landmark network, each bare and with a drawn mask."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from detector.data.annotations import AnnotatedPicture, spread
from detector.data.stored_samples import StoredSamples
from detector.synthesis import (
    CannotDrawMaskError,
    FaceAnnotation,
    TemplateFolder,
    draw_mask,
    load_faces,
)
from detector.synthesis.holes import FaceMaskHoles
from weights.base.contracts import Image
from weights.base.errors import InputError
from weights.landmarks.frame import FaceFrame
from weights.landmarks.points import covered_by

MARGIN = 1.4
"""Side of a stored crop relative to the face's frame, leaving room for rotation, shift and
scale."""


@dataclass(frozen=True, eq=False)
class LandmarkFaces(StoredSamples):
    """Crops of faces.

    Attributes:
        pictures: uint8 RGB `(N, S, S, 3)`, each `MARGIN` times as wide as the face's frame.
        points: iBUG points `(N, 68, 2)`, 0 to 1 across the crop.
        hidden: bool `(N, 68)`, True for points under a mask.
    """

    pictures: NDArray[np.uint8]
    points: NDArray[np.float32]
    hidden: NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.pictures)


def collect_faces(
    folders: Sequence[str | os.PathLike[str]],
    part: str,
    *,
    size: int,
    rendered: float = 1.0,
    templates: str | os.PathLike[str] | None = None,
    most_pictures: int | None = None,
    said: Callable[[str], object] | None = None,
) -> LandmarkFaces:
    """Crop the faces of annotated folders, bare and with a drawn mask.

    Args:
        folders: each with a `faces.jsonl`; a folder named twice gets different masks each time.
        part: the split to read, "train" or "val".
        size: side of the crops, in pixels.
        rendered: fraction of the masks that are fully rendered; the others are flat patches of a
            mask's shape, which take a tenth of the time.
        templates: folder of mask photos, used in addition to drawn masks.
        most_pictures: maximum pictures per folder, spread over it.
        said: called with a line for every finished folder.

    Raises:
        InputError: a folder cannot be read, or none has a face of that split.
    """
    photos = None if templates is None else TemplateFolder(templates)
    pictures: list[Image] = []
    points: list[NDArray[np.float32]] = []
    hidden: list[NDArray[np.bool_]] = []
    for number, folder in enumerate(folders):
        faces = spread([one for one in load_faces(folder) if one.split == part], most_pictures)
        before = len(pictures)
        for face in faces:
            image = AnnotatedPicture(face.file).load()
            frame = FaceFrame.around(face.landmarks, upright=False)
            frame = FaceFrame(frame.x, frame.y, MARGIN * frame.side)
            bare, places = frame.take(image, size), frame.to_square(face.landmarks)
            digest = hashlib.sha256(face.file.name.encode()).digest()
            random = np.random.default_rng([number, int.from_bytes(digest[:8], "big")])
            shown = [(bare, np.zeros(68, bool))]
            if random.random() < rendered:
                shown += _drawn(image, face, frame, size, random, photos)
            else:
                shown.append(lay_patch(bare, size * places - 0.5, random))
            for picture, covered in shown:
                pictures.append(picture)
                points.append(places.astype(np.float32))
                hidden.append(covered)
        if said is not None:
            said(f"{folder}, {part}: {len(faces)} faces, {len(pictures) - before} crops")
    if not pictures:
        raise InputError(
            f"There are no faces of the split {part!r} in {', '.join(map(str, folders))}."
        )
    return LandmarkFaces(np.stack(pictures), np.stack(points), np.stack(hidden))


def _drawn(
    image: Image,
    face: FaceAnnotation,
    frame: FaceFrame,
    size: int,
    random: np.random.Generator,
    photos: TemplateFolder | None,
) -> list[tuple[Image, NDArray[np.bool_]]]:
    """The face with a mask, and which points it hides; empty if no mask can be drawn."""
    try:
        drawn = draw_mask(image, face.landmarks, random, templates=photos)
    except CannotDrawMaskError:
        return []
    return [(frame.take(drawn.masked, size), covered_by(face.landmarks, drawn.mask))]


def lay_patch(
    picture: Image, points: NDArray[np.float64], random: np.random.Generator
) -> tuple[Image, NDArray[np.bool_]]:
    """Paste a flat patch of a mask's shape on a face, with grain and light from one side.

    Args:
        picture: uint8 RGB `(H, W, 3)`.
        points: iBUG points `(68, 2)`, x y in pixels.
        random: random generator.

    Returns:
        The picture with the patch, and which points it hides, bool `(68,)`.
    """
    height, width = picture.shape[:2]
    patch = FaceMaskHoles(growth=(0.0, 0.0), varied_share=0.8)(points, (height, width), random)
    colour = random.uniform(0.0, 255.0, 3)
    if random.random() < 0.6:
        colour = colour.mean() + random.uniform(0.0, 0.4) * (colour - colour.mean())
    across, down = np.meshgrid(np.linspace(-1.0, 1.0, width), np.linspace(-1.0, 1.0, height))
    slope = random.normal(0.0, 0.5, 2)
    light = np.exp(slope[0] * across + slope[1] * down + random.normal(0.0, 0.05, patch.shape))
    cloth = np.clip(colour * light[..., None], 0.0, 255.0).astype(np.uint8)
    return np.where(patch[..., None], cloth, picture), covered_by(points, patch)
