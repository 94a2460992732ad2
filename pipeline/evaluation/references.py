"""Measures filling from references on pairs of photos of one person, one of them masked."""

from __future__ import annotations

import hashlib
import os
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from detector.synthesis import CannotDrawMaskError, FaceAnnotation, draw_mask, load_faces
from inpainter.evaluation.loop import HoleFeatureNetwork
from inpainter.evaluation.picture_sheet import SheetRow
from inpainter.metrics.identity import DlibIdentity
from inpainter.metrics.landmarks import LandmarkFinder, landmark_error
from inpainter.metrics.pixel import psnr
from inpainter.metrics.realism import detectability_figure, distance_figure
from pipeline.core import Pipeline
from pipeline.dataset.seeds import item_generator
from pipeline.evaluation.drawn_faces import framed_case
from weights.base.contracts import Hole, Image
from weights.base.errors import InputError
from weights.base.regions import MaskRegion
from weights.images import read_picture
from weights.landmarks import FaceFrame, FoundFace, covered
from weights.landmarks.frame import Points

_CROP = 256
"""Side at which realism is measured, in pixels."""


@dataclass(frozen=True, eq=False)
class ReferencePair:
    """Two photos of one person, one with a drawn mask.

    Attributes:
        name: of the masked photo.
        truth: it without the mask, uint8 RGB `(H, W, 3)`.
        masked: it with the mask.
        hole: bool `(H, W)`, made from the mask by a refiner.
        landmarks: of the truth, `(68, 2)`.
        reference: the other photo, uint8 RGB.
        reference_landmarks: of the other photo.
    """

    name: str
    truth: Image
    masked: Image
    hole: Hole
    landmarks: Points
    reference: Image
    reference_landmarks: Points


def reference_pairs(
    folder: str | os.PathLike[str], pipeline: Pipeline, *, split: str = "test", seed: int = 0
) -> Iterator[ReferencePair]:
    """Draw a mask on each photo of people with two photos; the other photo is the reference.

    Args:
        folder: with a `faces.jsonl` whose entries name a `person`.
        pipeline: whose refiner makes the holes.
        split: part of the faces.
        seed: seeds the drawn masks.

    Raises:
        InputError: nobody has two photos, or a picture cannot be read.
    """
    people: defaultdict[str, list[FaceAnnotation]] = defaultdict(list)
    for face in load_faces(folder):
        if face.split == split and "person" in face.extra:
            people[str(face.extra["person"])].append(face)
    pairs = [own for _, own in sorted(people.items()) if len(own) == 2]
    if not pairs:
        raise InputError(f"No person appears twice in the split {split!r} of {folder}.")
    for first, second in pairs:
        for face, other in ((first, second), (second, first)):
            truth = read_picture(face.file).pixels
            random = item_generator(seed, face.file.name)
            try:
                drawn = draw_mask(truth, face.landmarks, random, worn="full")
            except CannotDrawMaskError:
                continue
            whole = drawn.mask | drawn.straps
            region = MaskRegion.from_mask(whole, straps=drawn.straps & ~drawn.mask)
            holes = pipeline.refiner.refine(drawn.masked, [region])
            if holes:
                yield ReferencePair(
                    face.file.name,
                    truth,
                    drawn.masked,
                    np.asarray(np.logical_or.reduce(holes), np.bool_),
                    face.landmarks,
                    read_picture(other.file).pixels,
                    other.landmarks,
                )


class AnnotatedLandmarks:
    """Stands in for the landmark network: returns the pairs' annotated landmarks."""

    def __init__(self, pairs: Iterable[ReferencePair]) -> None:
        self._known: dict[bytes, Points] = {}
        for pair in pairs:
            # A given hole is covered before landmarks are detected.
            self._known[_digest(covered(pair.masked, pair.hole))] = pair.landmarks
            self._known[_digest(pair.reference)] = pair.reference_landmarks

    def find(self, image: Image) -> FoundFace | None:
        """The face of a reference; None for an unknown photo."""
        points = self._known.get(_digest(image))
        return None if points is None else FoundFace(points, 1.0, 0.0)

    def find_near(self, image: Image, frame: FaceFrame) -> FoundFace:
        """The face of a masked photo with its hole covered, whatever the frame."""
        del frame
        return FoundFace(self._known[_digest(image)], 1.0, 1.0)


def _digest(image: Image) -> bytes:
    return hashlib.blake2b(image.tobytes()).digest()


@dataclass(frozen=True)
class ReferenceMeasurement:
    """Result of the measurement.

    Attributes:
        figures: `guess` and `reference`, means over the same photos, each with `psnr`, `identity`
            to the truth, `identity_to_reference`, `landmark_error` and `face_found`,
            `realism_distance` and `detectability` if there are instruments for them;
            `identity_floor` between both true photos, `way` from the guess to it, `photos`,
            `refused` and `seconds` per photo of the step.
        refusals: name of a photo to the reason its reference was refused.
        rows: pictures, in the order of the pairs.
    """

    figures: dict[str, Any]
    refusals: dict[str, str]
    rows: list[SheetRow]


def measure_references(
    pairs: Iterable[ReferencePair],
    pipeline: Pipeline,
    *,
    identity: DlibIdentity | None = None,
    finder: LandmarkFinder | None = None,
    features: HoleFeatureNetwork | None = None,
    said: Callable[[str], object] | None = None,
) -> ReferenceMeasurement:
    """Fill each masked photo both freely and from its reference, and compare both with the truth.

    Args:
        pairs: from `reference_pairs`.
        pipeline: fills the given holes.
        identity: measures identity distances.
        finder: finds landmarks in the results.
        features: measures realism.
        said: called with a line for each photo.
    """
    values: defaultdict[str, list[float]] = defaultdict(list)
    looks: defaultdict[str, list[Any]] = defaultdict(list)
    refusals: dict[str, str] = {}
    rows = []
    for pair in pairs:
        guess = pipeline.run([pair.masked], [pair.hole])[0]
        try:
            filled = pipeline.run([pair.masked], [pair.hole], [pair.reference])[0]
        except InputError as reason:
            refusals[pair.name] = str(reason)
            continue
        values["seconds"].append(filled.timings["reference"])
        if identity is not None:
            values["identity_floor"].append(_between(identity, pair, pair.truth))
        results = {"guess": guess.image, "reference": filled.image}
        for system, image in results.items():
            for name, value in _measured(pair, image, identity, finder).items():
                values[f"{system}.{name}"].append(value)
        if features is not None:
            for system, image in {"truth": pair.truth, **results}.items():
                case = framed_case(pair.name, image, pair.hole, {}, _CROP)
                looks[system].append(features([case.image], [case.hole])[0])
        rows.append(
            SheetRow(
                pair.name,
                {"masked": pair.masked, "photo": pair.reference, **results, "truth": pair.truth},
            )
        )
        if said is not None:
            said(f"{len(rows)}: {pair.name}")
    return ReferenceMeasurement(_figures(values, looks, len(rows), len(refusals)), refusals, rows)


def _measured(
    pair: ReferencePair,
    image: Image,
    identity: DlibIdentity | None,
    finder: LandmarkFinder | None,
) -> dict[str, float]:
    measured = {"psnr": psnr(image, pair.truth, pair.hole)}
    if identity is not None:
        measured["identity"] = identity(image, pair.truth, pair.landmarks)
        measured["identity_to_reference"] = _between(identity, pair, image)
    if finder is not None:
        found = finder(image)
        measured["face_found"] = float(found is not None)
        measured["landmark_error"] = (
            np.nan if found is None else landmark_error(found, pair.landmarks)
        )
    return measured


def _between(identity: DlibIdentity, pair: ReferencePair, image: Image) -> float:
    own = identity.describe(image, pair.landmarks)
    other = identity.describe(pair.reference, pair.reference_landmarks)
    return float(np.linalg.norm(own - other))


def _figures(
    values: dict[str, list[float]], looks: dict[str, list[Any]], photos: int, refused: int
) -> dict[str, Any]:
    figures: dict[str, Any] = {"photos": photos, "refused": refused, "guess": {}, "reference": {}}
    for name, column in values.items():
        system, _, metric = name.rpartition(".")
        (figures[system] if system else figures)[metric] = float(np.nanmean(column))
    if looks:
        true = np.stack(looks["truth"])
        for system in ("guess", "reference"):
            filled = np.stack(looks[system])
            for metric, measure in (
                ("realism_distance", distance_figure),
                ("detectability", detectability_figure),
            ):
                estimate = measure(filled, true).estimate
                figures[system][metric] = estimate.mean
                figures[system][f"{metric}_interval"] = [estimate.low, estimate.high]
    if "identity_floor" in figures:
        begun, ended = (figures[one]["identity"] for one in ("guess", "reference"))
        figures["way"] = (begun - ended) / max(begun - figures["identity_floor"], 1e-6)
    return figures
