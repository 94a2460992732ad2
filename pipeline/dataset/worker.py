"""Makes single items of a data set, independently of process and order."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

from detector.synthesis import CannotDrawMaskError, TemplateFolder
from pipeline.dataset.checks import reject
from pipeline.dataset.face_pictures import FacePictures
from pipeline.dataset.labels import yolo_lines
from pipeline.dataset.manifest import Line
from pipeline.dataset.pairs import make_pair
from pipeline.dataset.scenes import SceneComposer, SceneOptions
from pipeline.dataset.seeds import item_generator
from pipeline.dataset.settings import DatasetSettings
from pipeline.dataset.source_face import SourceFace
from pipeline.dataset.stored_pictures import store_hole, store_picture, store_text
from weights.base.dealing import Part
from weights.base.errors import InputError
from weights.base.protocols import Refiner


@dataclass(frozen=True)
class Item:
    """An item to be made: a pair, a mask drawn on one face; or a composed scene.

    Attributes:
        name: names its files and determines its random numbers.
        part: its split.
        face: index of the pair's face in the plan; None for a scene.
    """

    name: str
    part: Part
    face: int | None = None


Made: TypeAlias = tuple[Line | None, list[Line]]
"""An item's line in the manifest, None if it could not be made, and the unusable files, a line of
the reject list for each."""


@dataclass(frozen=True)
class WorkPlan:
    """The data that every process gets.

    Attributes:
        out: folder of the data set.
        faces: all faces.
        members: indices into `faces`, for each split.
        negatives: pictures without masks, for each split.
        settings: of the data set.
    """

    out: Path
    faces: Sequence[SourceFace]
    members: Mapping[Part, Sequence[int]]
    negatives: Mapping[Part, Sequence[Path]]
    settings: DatasetSettings


def _plain(value: Any) -> Any:
    """Convert a record's arrays and NumPy numbers to JSON values, rounded to four decimals."""
    if isinstance(value, Mapping):
        return {str(key): _plain(entry) for key, entry in value.items()}
    if isinstance(value, np.ndarray | np.generic):
        return _plain(value.tolist())
    if isinstance(value, list | tuple):
        return [_plain(entry) for entry in value]
    if isinstance(value, Path):
        return value.name
    return round(value, 4) if isinstance(value, float) else value


def _points(polygon: NDArray[np.floating]) -> list[list[float]]:
    return [[round(float(x), 2), round(float(y), 2)] for x, y in polygon]


class Worker:
    """Makes items and writes their files.

    Args:
        plan: the data that every process gets.

    Raises:
        ConfigurationError: the refiner is unknown.
        InputError: the template folder is invalid.
    """

    def __init__(self, plan: WorkPlan) -> None:
        from pipeline.stages.registry import create_stage

        self._plan = plan
        settings = plan.settings
        self._pictures = FacePictures()
        self._templates = None if settings.templates is None else TemplateFolder(settings.templates)
        self._refiner: Refiner = create_stage("refiner", settings.refiner)
        options = SceneOptions(size=settings.scene_size, maskless=settings.maskless)
        self._composers: dict[Part, SceneComposer] = {
            part: SceneComposer(
                [plan.faces[index] for index in members],
                plan.negatives[part],
                options,
                self._templates,
                self._pictures,
            )
            for part, members in plan.members.items()
        }

    def __call__(self, item: Item) -> Made:
        """Make one item; an unusable face or picture becomes a reject.

        Raises:
            OutputError: the files cannot be written.
        """
        if item.face is None:
            return self._make_scene(item)
        face = self._plan.faces[item.face]
        try:
            return self._make_pair(item, face)
        except (CannotDrawMaskError, InputError, cv2.error) as error:
            return None, [{"item": item.name, **reject(face.name, error)}]

    def _make_pair(self, item: Item, face: SourceFace) -> Made:
        settings = self._plan.settings
        image = self._pictures(face.file)
        pair = make_pair(
            image,
            np.asarray(face.landmarks, dtype=np.float64),
            item_generator(settings.seed, item.name),
            self._refiner,
            size=settings.size,
            templates=self._templates,
        )
        folder, out = f"pairs/{item.part}", self._plan.out
        suffix = "png" if settings.picture_format == "png" else "jpg"
        files = {
            "image": f"{folder}/images/{item.name}.{suffix}",
            "masked": f"{folder}/masked/{item.name}.{suffix}",
            "hole": f"{folder}/holes/{item.name}.png",
        }
        store_picture(out / files["image"], pair.image)
        store_picture(out / files["masked"], pair.masked)
        store_hole(out / files["hole"], pair.hole)
        line: Line = {
            "kind": "pair",
            "name": item.name,
            "part": item.part,
            "files": files,
            "sources": [face.name],
            "seed": settings.seed,
            "size": [pair.image.shape[1], pair.image.shape[0]],
            "polygons": [_points(polygon) for polygon in pair.polygons],
            "records": [_plain(pair.record)],
        }
        return line, []

    def _make_scene(self, item: Item) -> Made:
        settings = self._plan.settings
        random = item_generator(settings.seed, item.name)
        scene = self._composers[item.part].compose(random)
        polygons = [outline for outlines in scene.outlines for outline in outlines]
        height, width = scene.image.shape[:2]
        image = f"detection/images/{item.part}/{item.name}.jpg"
        label = f"detection/labels/{item.part}/{item.name}.txt"
        store_picture(self._plan.out / image, scene.image, quality=int(random.integers(84, 96)))
        store_text(self._plan.out / label, yolo_lines(polygons, width, height))
        line: Line = {
            "kind": "scene",
            "name": item.name,
            "part": item.part,
            "files": {"image": image, "label": label},
            "sources": sorted(set(scene.faces)),
            "seed": settings.seed,
            "size": [width, height],
            "layout": scene.layout,
            "polygons": [_points(polygon) for polygon in polygons],
            "records": _plain(scene.masks),
            "negative": scene.negative,
            "occluders": scene.occluders,
            "degradations": scene.degradations,
        }
        return line, [{"item": item.name, **one} for one in scene.rejects]
