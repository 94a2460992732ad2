"""The steps from pictures to results, in order: the pipeline's main job."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from itertools import islice
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from inpainter.classical.single_picture import SinglePictureInpainter
from pipeline.face import Face, union_of
from pipeline.face_holes import holes_of, masks_of_each, separate_holes
from pipeline.outlook import estimate_outlook
from pipeline.result import FaceFill, UnmaskResult
from pipeline.stages.checks import check_blend, check_fills, check_holes, check_regions
from pipeline.stages.configured import ConfiguredStages
from pipeline.upright import LEAST_TILT, UprightView, level_square, tilt_of
from pipeline.variants import reframed
from pipeline.wearing import is_worn_low
from weights.base.contracts import check_image
from weights.base.errors import InputError
from weights.base.log import unmask_logger
from weights.base.protocols import (
    STAGE_KINDS,
    GuidedInpainter,
    ReferringInpainter,
    SofteningInpainter,
)
from weights.landmarks import LandmarkFinder, covered

if TYPE_CHECKING:
    from pipeline.references.filling import ChosenReference
    from weights.base.contracts import Hole, Image
    from weights.base.regions import MaskRegion


StageProgress: TypeAlias = Callable[[str, int, int], object]
"""Called with a stage's name, how much it has done and the total."""

Timings: TypeAlias = Sequence[dict[str, float]]
"""For each picture the seconds that its stages took."""


class PipelineSteps(ConfiguredStages):
    """The steps of a `Pipeline`; `unmask_pictures` runs all of them in order."""

    on_filled: Callable[[list[Image], list[Hole], list[Image]], object] | None = None
    """Called with the crops, holes and fills of each batch of faces; not passed on to copies."""

    def unmask_pictures(
        self,
        images: Sequence[Any],
        masks: Sequence[Any],
        references: Sequence[Any],
        variants: int,
        seed: int,
        progress: StageProgress,
    ) -> list[UnmaskResult]:
        """Take pictures through all steps; the arguments are those of `run`, already checked."""
        pictures = [_as_rgb(image) for image in images]
        given = [
            None if mask is None else holes_of(mask, (picture.shape[0], picture.shape[1]))
            for picture, mask in zip(pictures, masks, strict=True)
        ]
        timings = [dict.fromkeys(map(str, STAGE_KINDS), 0.0) for _ in pictures]

        # 1. Detect masks where no hole is given.
        regions = self._detect(pictures, given, timings)
        progress("detector", len(pictures), len(pictures))

        # 2. Refine them into holes, find the landmarks of the faces, and leave out low masks.
        faces: list[list[Face]] = []
        for index, picture in enumerate(pictures):
            own = given[index]
            with timed("refiner", [timings[index]]):
                if own is None:
                    regions[index], group = self._refine(index, picture, regions[index])
                else:
                    group = self._frame_given(index, picture, own, references[index])
                faces.append(self._upright(picture, group))
            progress("refiner", index + 1, len(pictures))

        # 3. Choose reference photos for the faces.
        every = [face for group in faces for face in group]
        chosen = self._choose_references(pictures, every, references, timings)

        # 4. Fill the crops of all faces together, once per variant.
        framings = [
            [reframed(group, number, seed) for group in faces] for number in range(variants)
        ]
        framed = [face for groups in framings for group in groups for face in group]
        if any(chosen):
            # Variants are not made from references, so these are the faces themselves.
            fills = self._complete_from(pictures, framed, chosen, timings, progress)
        else:
            fills = self.complete(pictures, framed, timings, progress)

        # 5. Blend the fills into the pictures.
        rest, used = iter(fills), iter(chosen)
        filled = [
            [(group, list(islice(rest, len(group)))) for group in groups] for groups in framings
        ]
        results = []
        for index, picture in enumerate(pictures):
            seconds = timings[index]
            first, *others = [self.blend(picture, *groups[index], seconds) for groups in filled]
            hole = union_of([face.hole for face in faces[index]], picture)
            fillings = tuple(self._face_fill(picture, face, next(used)) for face in faces[index])
            results.append(
                UnmaskResult(first, regions[index], hole, fillings, seconds, tuple(others))
            )
            progress("blender", index + 1, len(pictures))
        unmask_logger().info(
            "%d pictures, %d masks found, %d faces filled",
            len(pictures), sum(map(len, regions)), len(every),
        )  # fmt: skip
        for result in results:
            unmask_logger().debug("%r", result)
        return results

    def find_faces(
        self, pictures: list[Image], timings: Timings
    ) -> list[tuple[list[MaskRegion], list[Face]]]:
        """Take pictures through the detector and the refiner only.

        Args:
            pictures: uint8 RGB `(H, W, 3)` each.
            timings: one dict per picture; the seconds per stage are added to it.

        Returns:
            For each picture the masks to fill, in the order of their faces, and the faces, whose
            holes do not overlap.

        Raises:
            InputError: a third-party stage returned something of the wrong kind.
            WeightsError: the landmark weights, which show how a mask is worn, are missing.
        """
        regions = self._detect(pictures, [None] * len(pictures), timings)
        found = []
        for index, picture in enumerate(pictures):
            with timed("refiner", [timings[index]]):
                found.append(self._refine(index, picture, regions[index]))
        return found

    def _detect(
        self, pictures: list[Image], given: Sequence[list[Hole] | None], timings: Timings
    ) -> list[list[MaskRegion]]:
        wanted = [index for index, hole in enumerate(given) if hole is None]
        regions: list[list[MaskRegion]] = [[] for _ in pictures]
        if not wanted:
            return regions
        detector = self.detector
        with timed("detector", [timings[index] for index in wanted]):
            images = [pictures[index] for index in wanted]
            found = check_regions(detector, detector.detect(images), images)
        for index, own in zip(wanted, found, strict=True):
            regions[index] = own
        return regions

    def _refine(
        self, index: int, picture: Image, regions: list[MaskRegion]
    ) -> tuple[list[MaskRegion], list[Face]]:
        """Do the work of `find_faces` for one picture."""
        if not regions:
            return [], []
        refiner = self.refiner
        holes = separate_holes(check_holes(refiner, refiner.refine(picture, regions), picture))
        masks, untouched = masks_of_each(regions, holes)
        faces = [
            replace(face, regions=own)
            for face, own in zip(self._framed(index, picture, holes), masks, strict=True)
        ]
        faces = self._with_landmarks(picture, faces, required=not self.low_masks)
        kept = [face for face in faces if self.low_masks or not is_worn_low(face)]
        if len(kept) < len(faces):
            # A mask that is left alone is visible, not missing, in the crops of other faces.
            missing = union_of([face.hole for face in kept], picture)
            kept = [replace(face, missing=face.crop.take(missing)) for face in kept]
        return [region for face in kept for region in face.regions] + untouched, kept

    def _frame_given(
        self, index: int, picture: Image, holes: list[Hole], reference: Any
    ) -> list[Face]:
        """Frame the holes that a user gave, and find the faces' landmarks if that is cheap."""
        faces = self._framed(index, picture, holes)
        # Torch is slow to load, and a classical method does not need it.
        if reference is None and isinstance(self.inpainter, SinglePictureInpainter):
            return faces
        # What a hole hides must not influence the landmarks.
        return self._with_landmarks(covered(picture, union_of(holes, picture)), faces)

    def _framed(self, index: int, picture: Image, holes: list[Hole]) -> list[Face]:
        return Face.each(index, picture, holes, context=self.context, lift=self.lift)

    def _with_landmarks(
        self, picture: Image, faces: list[Face], *, required: bool = False
    ) -> list[Face]:
        """Find the landmarks of faces, once for every use of them.

        If the default weights are missing, the faces are returned as they are, unless `required`.
        """
        finder = self.landmark_finder
        if finder is None or not faces:
            return faces
        optional = not required and self.landmarks == "default"
        if isinstance(finder, LandmarkFinder) and not finder.load(missing_ok=optional):
            return faces
        return [replace(face, landmarks=finder.find_near(picture, face.frame)) for face in faces]

    @property
    def sets_upright(self) -> bool:
        """Whether tilted faces are rotated upright for the inpainter, as networks were trained."""
        return not isinstance(self.inpainter, SinglePictureInpainter)

    def _upright(self, picture: Image, faces: list[Face]) -> list[Face]:
        """Rotate the tilted faces of one picture upright, if that helps the inpainter."""
        if not self.sets_upright:
            return faces
        missing = union_of([face.hole for face in faces], picture)
        upright = []
        for face in faces:
            tilt = tilt_of(face.landmarks) or 0.0
            if abs(tilt) > LEAST_TILT:
                square = level_square(face.hole, tilt, context=self.context, lift=self.lift)
                view = UprightView.within(square, face.hole, missing, tilt)
                face = replace(face, upright=view)
            upright.append(face)
        return upright

    def complete(
        self,
        pictures: list[Image],
        faces: list[Face],
        timings: Timings,
        progress: StageProgress | None = None,
        *,
        sharp: bool = False,
    ) -> list[Image]:
        """Take faces through the inpainter only.

        Args:
            pictures: uint8 RGB `(H, W, 3)` each.
            faces: faces in them.
            timings: one dict per picture; the seconds are added to it.
            progress: called after each batch of faces, as in `run`.
            sharp: whether an inpainter that softens its fills leaves the softening to the caller.

        Returns:
            For each face its filled crop, uint8 RGB `(side, side, 3)`.

        Raises:
            InputError: a third-party inpainter returned something else.
        """
        if not faces:
            return []
        inpainter = self.inpainter
        fills: list[Image] = []
        for start in range(0, len(faces), self.batch_size):
            chunk = faces[start : start + self.batch_size]
            with timed("inpainter", [timings[face.picture] for face in chunk]):
                shown = [face.shown(pictures[face.picture]) for face in chunk]
                crops, holes = [crop for crop, _ in shown], [hole for _, hole in shown]
                landmarks = [face.shown_landmarks() for face in chunk]
                if sharp and isinstance(inpainter, SofteningInpainter):
                    guides = (landmarks,) if isinstance(inpainter, GuidedInpainter) else ()
                    completed = inpainter.complete_sharp(crops, holes, *guides)
                elif any(face.photo for face in chunk):
                    assert isinstance(inpainter, ReferringInpainter)
                    photos = [face.photo for face in chunk]
                    completed = inpainter.complete_guided(crops, holes, landmarks, photos)
                elif isinstance(inpainter, GuidedInpainter):
                    completed = inpainter.complete_guided(crops, holes, landmarks)
                else:
                    completed = inpainter.complete(crops, holes)
                completed = check_fills(inpainter, completed, crops)
                if self.on_filled is not None:
                    self.on_filled(crops, holes, completed)
                fills += [
                    face.placed(pictures[face.picture], fill)
                    for face, fill in zip(chunk, completed, strict=True)
                ]
            if progress is not None:
                progress("inpainter", len(fills), len(faces))
        return fills

    def _choose_references(
        self, pictures: list[Image], faces: list[Face], references: Sequence[Any], timings: Timings
    ) -> list[ChosenReference | None]:
        """Choose the reference photo of each face; None for a face without one."""
        chosen: list[ChosenReference | None] = [None] * len(faces)
        if all(one is None for one in references):
            return chosen
        from pipeline.references.filling import (
            check_single_face,
            read_references,
            reference_filling,
        )

        if self.landmark_finder is None:
            raise InputError("A reference needs landmarks: leave landmarks=None out.")
        filling = reference_filling(self.landmark_finder)
        counts = Counter(face.picture for face in faces)
        photos: dict[int, Any] = {}
        for index, face in enumerate(faces):
            given = references[face.picture]
            if given is None:
                continue
            check_single_face(counts[face.picture])
            with timed("reference", [timings[face.picture]]):
                if id(given) not in photos:
                    photos[id(given)] = filling.faces_of(read_references(given))
                if photos[id(given)]:
                    chosen[index] = filling.choose(pictures[face.picture], face, photos[id(given)])
        return chosen

    def _complete_from(
        self,
        pictures: list[Image],
        faces: list[Face],
        chosen: list[ChosenReference | None],
        timings: Timings,
        progress: StageProgress,
    ) -> list[Image]:
        """Take faces through the inpainter, and put the references' faces into the fills.

        An inpainter that takes photos does both; otherwise the photos are pasted.
        """
        inpainter = self.inpainter
        if isinstance(inpainter, ReferringInpainter) and inpainter.takes_photos:
            faces = [
                face if one is None else replace(face, landmarks=one.behind, photo=one.photo)
                for face, one in zip(faces, chosen, strict=True)
            ]
            return self.complete(pictures, faces, timings, progress)
        fills = self.complete(pictures, faces, timings, progress)
        for index, (face, one) in enumerate(zip(faces, chosen, strict=True)):
            if one is not None:
                with timed("reference", [timings[face.picture]]):
                    fills[index] = one.paste(pictures[face.picture], face, fills[index])
        return fills

    def blend(
        self, picture: Image, faces: list[Face], fills: list[Image], timings: dict[str, float]
    ) -> Image:
        """Take the faces of one picture through the blender only.

        Args:
            picture: uint8 RGB `(H, W, 3)`.
            faces: faces in it, whose holes do not overlap.
            fills: the filled crop of each, uint8 RGB `(side, side, 3)`.
            timings: the seconds are added to it.

        Returns:
            The picture with its holes filled, as a new array.

        Raises:
            InputError: a third-party blender returned something else.
        """
        result = picture.copy()
        if not faces:
            return result
        blender = self.blender
        with timed("blender", [timings]):
            for face, fill in zip(faces, fills, strict=True):
                inside, window = face.crop.inside, face.crop.window
                # The blender gets the holes of other faces too, as it must not read their colours.
                base = np.ascontiguousarray(picture[inside])
                part = np.ascontiguousarray(fill[window])
                blended = blender.blend(base, part, np.ascontiguousarray(face.missing[window]))
                blended = check_blend(blender, blended, base)
                np.copyto(result[inside], blended, where=face.hole[inside][:, :, None])
        return result

    def _face_fill(self, picture: Image, face: Face, reference: ChosenReference | None) -> FaceFill:
        """Describe a face that was filled."""
        return FaceFill(
            face.crop.square,
            face.hole,
            float(face.missing.mean()),
            max((region.score for region in face.regions), default=None),
            None if reference is None else reference.index,
            None if self.landmarks is None else estimate_outlook(picture, face),
            0.0 if face.upright is None else face.upright.tilt,
        )


@contextmanager
def timed(stage: str, timings: Timings) -> Iterator[None]:
    """Add the time spent inside, in seconds and in equal parts, to each picture's timings."""
    began = time.perf_counter()
    yield
    seconds = (time.perf_counter() - began) / len(timings)
    for own in timings:
        own[stage] = own.get(stage, 0.0) + seconds


def _as_rgb(image: Any) -> Image:
    if isinstance(image, np.ndarray) and not isinstance(image, np.ma.MaskedArray):
        with suppress(InputError):
            return np.asarray(check_image(image))
    from weights.images import read_picture

    return read_picture(image).pixels
