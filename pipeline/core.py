"""The pipeline: detector, refiner, inpainter and blender in a row."""

from __future__ import annotations

import asyncio
import os
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from itertools import islice
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, TypedDict, Unpack, overload

import numpy as np

from pipeline.face import Face, union_of
from pipeline.face_holes import face_of_each, holes_of, separate_holes
from pipeline.result import FaceFill, UnmaskResult
from pipeline.run.streaming import (
    OnError,
    check_on_error,
    paired,
    run_each,
    stream_results,
    usual_group,
)
from pipeline.stages.checks import check_blend, check_fills, check_holes, check_regions
from pipeline.stages.configured import ConfiguredStages
from pipeline.surroundings import own_arithmetic
from pipeline.variants import check_variants, reframed
from weights.base.errors import InputError
from weights.base.log import unmask_logger
from weights.base.protocols import STAGE_KINDS

if TYPE_CHECKING:
    import PIL.Image
    from numpy.typing import NDArray

    from pipeline.outlook import Outlook
    from weights.base.contracts import Hole, Image
    from weights.base.regions import MaskRegion
    from weights.images import PictureSource
    from weights.images.picture import SamePicture


StageProgress: TypeAlias = Callable[[str, int, int], object]
"""Is called with a stage's name, how much it has done and how much there is."""


class FillOptions(TypedDict, total=False):
    """Keywords of a call of `Pipeline`, which says what they are."""

    mask: Any
    reference: Any
    seed: int
    provenance: bool


class Pipeline(ConfiguredStages):
    """Takes masks off pictures; each stage can be swapped and works alone.

    Stages are checked when the pipeline is made and loaded when they are first used, so a pipeline
    that is only ever given holes never loads its detector.

    Args:
        detector: finds masks. A registered name, a dict `{"name": ..., **options}`,
            "package.module:Class", an object with the stage's method, or a function for one
            picture.
        refiner: makes holes of what was found; likewise.
        inpainter: fills holes; likewise.
        blender: puts the fill back; likewise.
        device: passed to the stages that take one: "auto", "cpu", "cuda", "cuda:N" or "mps".
        context: side of the square that the inpainter sees over the hole's larger extent, at least
            1; None takes what the networks were trained with.
        lift: how far that square is moved up, as a share of its side, 0 to 0.5; None likewise.
        batch_size: how many faces go through the inpainter at once.
        landmarks: finds the landmarks of faces, by which the outlook of each fill is told and a
            reference is bent: "default", a name of the catalog, a .safetensors file, or an object
            as `LandmarkFinder`; None for neither.

    Raises:
        ConfigurationError: an argument, a stage or an option of one is unknown.
        InputError: a number is out of its range.
    """

    @classmethod
    def from_config(cls, path: str | os.PathLike[str]) -> Pipeline:
        """Make the pipeline that a YAML file describes; its keys are the constructor's arguments.

        Raises:
            InputError: the file cannot be read.
            ConfigurationError: it is no YAML mapping, or a key or a name in it is unknown; the
                sentence names the nearest.
        """
        from pipeline.configuration import read_configuration

        return cls(**read_configuration(path))

    @overload
    def __call__(
        self,
        image: PictureSource,
        *,
        variants: int | None = ...,
        return_result: Literal[True],
        **options: Unpack[FillOptions],
    ) -> UnmaskResult: ...

    @overload
    def __call__(
        self,
        image: SamePicture,
        *,
        variants: None = ...,
        return_result: Literal[False] = ...,
        **options: Unpack[FillOptions],
    ) -> SamePicture: ...

    @overload
    def __call__(
        self,
        image: SamePicture,
        *,
        variants: int,
        return_result: Literal[False] = ...,
        **options: Unpack[FillOptions],
    ) -> list[SamePicture]: ...

    @overload
    def __call__(
        self,
        image: str | os.PathLike[str],
        *,
        variants: None = ...,
        return_result: Literal[False] = ...,
        **options: Unpack[FillOptions],
    ) -> PIL.Image.Image: ...

    @overload
    def __call__(
        self,
        image: str | os.PathLike[str],
        *,
        variants: int,
        return_result: Literal[False] = ...,
        **options: Unpack[FillOptions],
    ) -> list[PIL.Image.Image]: ...

    @overload
    def __call__(
        self,
        image: PictureSource,
        *,
        variants: None = ...,
        return_result: bool = ...,
        **options: Unpack[FillOptions],
    ) -> NDArray[np.uint8] | bytes | PIL.Image.Image | UnmaskResult: ...

    @overload
    def __call__(
        self,
        image: PictureSource,
        *,
        variants: int | None,
        return_result: bool = ...,
        **options: Unpack[FillOptions],
    ) -> Any: ...

    def __call__(
        self,
        image: Any,
        *,
        mask: Any = None,
        reference: Any = None,
        variants: int | None = None,
        seed: int = 0,
        return_result: bool = False,
        provenance: bool = True,
    ) -> Any:
        """Take the masks off one picture; it comes back as what it was.

        Args:
            image: path, bytes, PIL picture, or uint8 array `(H, W)`, `(H, W, 3)` or `(H, W, 4)` in
                RGB order.
            mask: a hole of the user's own (True, a byte above 127 or a float above 0.5 = fill)
                instead of detection; or a list of holes, one per face, where masks touch.
            reference: a photo of the same person without a mask, or a list of several, to take
                mouth, nose and chin from; as `image`.
            variants: give a list of so many different fills, of which the first is the usual one.
            seed: of the further variants; the same one gives the same fills.
            return_result: return the `UnmaskResult`, whose image is uint8 RGB, instead.
            provenance: whether a filled picture carries the mark that a model edited it; False is
                for callers who say so by means of their own.

        Returns:
            An array for an array, a PIL picture for a PIL picture or a path, bytes in the same
            format for bytes; unchanged where no mask was found. A list of such for `variants`.

        Raises:
            InputError: the picture, the mask or a number is not what is said here, no reference
                fits, or there are a reference and several variants.
            WeightsError: there is a reference, and the weights that find landmarks are missing.
        """
        from weights.images import read_picture, restore

        picture = read_picture(image)
        holes = None if mask is None else holes_of(mask, picture)
        [result] = self.run([picture.pixels], [holes], [reference], variants=variants, seed=seed)
        if return_result:
            return result
        models = self.model_names(detected=mask is None)
        restored = [
            restore(
                picture,
                image,
                result.hole,
                models=models,
                from_reference=result.from_reference,
                guesses=len(result.variants),
                provenance=provenance,
            )
            for image in result.variants
        ]
        return restored[0] if variants is None else restored

    @overload
    def run(
        self,
        images: Sequence[PictureSource],
        masks: Sequence[Any] | None = ...,
        references: Sequence[Any] | None = ...,
        *,
        variants: int | None = ...,
        seed: int = ...,
        on_error: Literal["raise"] = ...,
        progress: StageProgress | None = ...,
    ) -> list[UnmaskResult]: ...

    @overload
    def run(
        self,
        images: Sequence[PictureSource],
        masks: Sequence[Any] | None = ...,
        references: Sequence[Any] | None = ...,
        *,
        variants: int | None = ...,
        seed: int = ...,
        on_error: Literal["return"],
        progress: StageProgress | None = ...,
    ) -> list[UnmaskResult | Exception]: ...

    def run(
        self,
        images: Sequence[PictureSource],
        masks: Sequence[Any] | None = None,
        references: Sequence[Any] | None = None,
        *,
        variants: int | None = None,
        seed: int = 0,
        on_error: OnError = "raise",
        progress: StageProgress | None = None,
    ) -> list[UnmaskResult] | list[UnmaskResult | Exception]:
        """Take the masks off pictures, all of them through each stage together.

        The result for a picture does not depend on which others are in the call.

        Args:
            images: uint8 RGB arrays `(H, W, 3)`, or anything else that `unmask` takes.
            masks: per picture None, or a hole of the user's own, which is filled exactly as it is;
                or a list of holes, one per face, where masks touch.
            references: per picture None, or a photo of the same person without a mask, or a list of
                several, of which the one that fits best is used; they are what `unmask` takes.
            variants: how many different fills each result has; masks are sought once for all.
            seed: of the further variants; the same one gives the same fills.
            on_error: "raise" ends at the first picture that cannot be done; "return" does the
                others, and puts the error in the place of its result.
            progress: is called with the name of a stage, how much it has done and how much there
                is: pictures, and faces for the inpainter.

        Raises:
            InputError: a picture, a mask, a reference or a number is not what is said here, no
                reference of a picture fits, there are a reference and several variants, or a
                third-party stage returned something that is none of its kind.
            ConfigurationError: `on_error` is another word.
            WeightsError: there is a reference, and the weights that find landmarks are missing.

        Examples:
            >>> import numpy as np
            >>> photo = np.full((64, 64, 3), 127, np.uint8)
            >>> hole = np.zeros((64, 64), bool)
            >>> hole[30:50, 20:44] = True
            >>> [result] = Pipeline(inpainter="telea").run([photo], [hole])
            >>> result.image.shape, len(result.faces), bool((result.hole == hole).all())
            ((64, 64, 3), 1, True)
        """
        check_on_error(on_error)
        if isinstance(images, str | bytes | os.PathLike) or not isinstance(images, Sequence):
            raise InputError(
                f"images must be a sequence of pictures, but got {type(images).__name__}: "
                "for one picture call the pipeline itself."
            )
        masks = _one_each(masks, "masks", len(images))
        references = _one_each(references, "references", len(images))
        check_variants(variants, seed, references)
        if on_error == "return" and images:
            run = partial(self.run, variants=variants, seed=seed, progress=progress)
            return run_each(run, images, masks, references)
        with own_arithmetic():
            return self._run(
                images, masks, references, variants or 1, seed, progress or (lambda *_: None)
            )

    async def run_async(
        self,
        images: Sequence[PictureSource],
        masks: Sequence[Any] | None = None,
        references: Sequence[Any] | None = None,
        *,
        variants: int | None = None,
        seed: int = 0,
    ) -> list[UnmaskResult]:
        """Await `run` in a thread of its own, so that an event loop goes on meanwhile."""
        return await asyncio.to_thread(
            self.run, images, masks, references, variants=variants, seed=seed
        )

    @overload
    def stream(
        self,
        images: Iterable[PictureSource],
        masks: Iterable[Any] | None = ...,
        *,
        variants: int | None = ...,
        seed: int = ...,
        batch: int | None = ...,
        on_error: Literal["raise"] = ...,
    ) -> Iterator[UnmaskResult]: ...

    @overload
    def stream(
        self,
        images: Iterable[PictureSource],
        masks: Iterable[Any] | None = ...,
        *,
        variants: int | None = ...,
        seed: int = ...,
        batch: int | None = ...,
        on_error: Literal["return"],
    ) -> Iterator[UnmaskResult | Exception]: ...

    def stream(
        self,
        images: Iterable[PictureSource],
        masks: Iterable[Any] | None = None,
        *,
        variants: int | None = None,
        seed: int = 0,
        batch: int | None = None,
        on_error: OnError = "raise",
    ) -> Iterator[UnmaskResult] | Iterator[UnmaskResult | Exception]:
        """Take the masks off pictures as they come; give each result as soon as it is there.

        Only one group of pictures is in memory at a time, so `images` may be a generator without
        end. The results are those of `run`.

        Args:
            images: as for `run`, but any iterable.
            masks: likewise one entry per picture.
            variants: as for `run`.
            seed: likewise.
            batch: how many pictures go through the stages together; None is 8 on a GPU and 1 on a
                CPU, where more is no faster.
            on_error: "raise" ends at a picture that cannot be done, after the results before it;
                "return" gives its error in the place of its result and goes on.

        Raises:
            InputError, ConfigurationError: as `run`.

        Examples:
            >>> import numpy as np
            >>> photo = np.full((64, 64, 3), 127, np.uint8)
            >>> hole = np.zeros((64, 64), bool)
            >>> hole[30:50, 20:44] = True
            >>> pipeline = Pipeline(inpainter="telea")
            >>> [len(result.faces) for result in pipeline.stream([photo, photo], [hole, hole])]
            [1, 1]
        """
        check_on_error(on_error)
        if isinstance(images, str | bytes | os.PathLike) or not isinstance(images, Iterable):
            raise InputError(
                f"images must be an iterable of pictures, but got {type(images).__name__}: "
                "for one picture call the pipeline itself."
            )
        if batch is not None and (isinstance(batch, bool) or batch < 1):
            raise InputError(f"batch must be a whole number from 1, but is {batch!r}.")
        check_variants(variants, seed, ())
        pairs = ((image, None) for image in images) if masks is None else paired(images, masks)
        run = partial(self.run, variants=variants, seed=seed)
        return stream_results(run, pairs, batch or usual_group(self), on_error)

    def _run(
        self,
        images: Sequence[Any],
        masks: Sequence[Any],
        references: Sequence[Any],
        variants: int,
        seed: int,
        progress: StageProgress,
    ) -> list[UnmaskResult]:
        pictures = [_as_rgb(image) for image in images]
        given = [
            None if mask is None else holes_of(mask, (picture.shape[0], picture.shape[1]))
            for picture, mask in zip(pictures, masks, strict=True)
        ]
        timings = [dict.fromkeys(map(str, STAGE_KINDS), 0.0) for _ in pictures]
        regions = self._detect(pictures, given, timings)
        progress("detector", len(pictures), len(pictures))
        faces = []
        for index, picture in enumerate(pictures):
            faces.append(self._faces(index, picture, given[index], regions[index], timings[index]))
            progress("refiner", index + 1, len(pictures))
        every = [face for group in faces for face in group]
        outlooks = self._outlooks(pictures, every, given, timings)
        framings = [
            [reframed(group, number, seed) for group in faces] for number in range(variants)
        ]
        framed = [face for groups in framings for group in groups for face in group]
        fills = self.complete(pictures, framed, timings, progress)
        used = self._refer(pictures, every, fills, references, timings)
        rest = iter(fills)
        filled = [
            [(group, list(islice(rest, len(group)))) for group in groups] for groups in framings
        ]
        results = []
        start = 0
        for index, picture in enumerate(pictures):
            own = slice(start, start + len(faces[index]))
            start += len(faces[index])
            images = [self.blend(picture, *groups[index], timings[index]) for groups in filled]
            results.append(
                self._assemble(
                    images,
                    regions[index],
                    faces[index],
                    used[own],
                    outlooks[own],
                    timings[index],
                )
            )
            progress("blender", index + 1, len(pictures))
        unmask_logger().info(
            "%d pictures, %d masks found, %d faces filled",
            len(pictures), sum(map(len, regions)), len(every),
        )  # fmt: skip
        for result in results:
            unmask_logger().debug("%r", result)
        return results

    def find_holes(
        self, pictures: list[Image], timings: list[dict[str, float]]
    ) -> list[list[Hole]]:
        """Take pictures through the detector and the refiner only.

        Args:
            pictures: uint8 RGB `(H, W, 3)` each.
            timings: one dict per picture, to which the seconds per stage are added.

        Returns:
            For each picture its holes, bool `(H, W)`, which do not overlap; none where no mask is.

        Raises:
            InputError: a third-party stage returned something that is none of its kind.
        """
        regions = self.find_regions(pictures, timings)
        return [
            self.refine(picture, own, seconds)
            for picture, own, seconds in zip(pictures, regions, timings, strict=True)
        ]

    def find_regions(
        self, pictures: list[Image], timings: list[dict[str, float]]
    ) -> list[list[MaskRegion]]:
        """Take pictures through the detector only; for each, the masks in it.

        Args and raises as `find_holes`.
        """
        return self._detect(pictures, [None] * len(pictures), timings)

    def refine(
        self, picture: Image, regions: list[MaskRegion], timings: dict[str, float]
    ) -> list[Hole]:
        """Take the masks of one picture through the refiner only.

        Args:
            picture: uint8 RGB `(H, W, 3)`.
            regions: the masks in it; the refiner is not asked where there are none.
            timings: where the seconds are added.

        Returns:
            Holes, bool `(H, W)`, which do not overlap.

        Raises:
            InputError: a third-party refiner returned something else.
        """
        if not regions:
            return []
        refiner = self.refiner
        with _timed("refiner", [timings]):
            return separate_holes(check_holes(refiner, refiner.refine(picture, regions), picture))

    def _detect(
        self,
        pictures: list[Image],
        given: Sequence[list[Hole] | None],
        timings: list[dict[str, float]],
    ) -> list[list[MaskRegion]]:
        wanted = [index for index, hole in enumerate(given) if hole is None]
        regions: list[list[MaskRegion]] = [[] for _ in pictures]
        if not wanted:
            return regions
        detector = self.detector
        with _timed("detector", [timings[index] for index in wanted]):
            images = [pictures[index] for index in wanted]
            found = check_regions(detector, detector.detect(images), images)
        for index, own in zip(wanted, found, strict=True):
            regions[index] = own
        return regions

    def _faces(
        self,
        index: int,
        picture: Image,
        given: list[Hole] | None,
        regions: list[MaskRegion],
        timings: dict[str, float],
    ) -> list[Face]:
        if given is None and not regions:
            return []
        holes = self.refine(picture, regions, timings) if given is None else given
        with _timed("refiner", [timings]):
            return Face.each(index, picture, holes, context=self.context, lift=self.lift)

    def complete(
        self,
        pictures: list[Image],
        faces: list[Face],
        timings: list[dict[str, float]],
        progress: StageProgress | None = None,
    ) -> list[Image]:
        """Take faces through the inpainter only.

        Args:
            pictures: uint8 RGB `(H, W, 3)` each.
            faces: faces in them.
            timings: one dict per picture, to which the seconds are added.
            progress: is called after each group of faces, as that of `run`.

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
            with _timed("inpainter", [timings[face.picture] for face in chunk]):
                crops = [face.turned(face.crop.take(pictures[face.picture])) for face in chunk]
                holes = [face.turned(face.missing) for face in chunk]
                completed = check_fills(inpainter, inpainter.complete(crops, holes), crops)
                fills += map(Face.turned, chunk, completed)
            if progress is not None:
                progress("inpainter", len(fills), len(faces))
        return fills

    def _outlooks(
        self,
        pictures: list[Image],
        faces: list[Face],
        given: Sequence[list[Hole] | None],
        timings: list[dict[str, float]],
    ) -> list[Outlook | None]:
        """Say of each face what is to be expected of its fill."""
        if self.landmarks is None or not faces:
            return [None] * len(faces)
        from pipeline.outlook import estimate_outlook, outlook_finder

        finder = outlook_finder(self.landmarks, str(self.device))
        outlooks: list[Outlook | None] = []
        for face in faces:
            with _timed("refiner", [timings[face.picture]]):
                detected = given[face.picture] is None
                outlooks.append(
                    estimate_outlook(pictures[face.picture], face, finder, detected=detected)
                )
        return outlooks

    def _refer(
        self,
        pictures: list[Image],
        faces: list[Face],
        fills: list[Image],
        references: Sequence[Any],
        timings: list[dict[str, float]],
    ) -> list[int | None]:
        """Put references' faces into the fills; give for each face the reference in use."""
        used: list[int | None] = [None] * len(faces)
        if all(one is None for one in references):
            return used
        from pipeline.references.filling import check_single_face, reference_filling
        from pipeline.references.reading import read_references

        if self.landmarks is None:
            raise InputError("A reference needs landmarks: leave landmarks=None out.")
        filling = reference_filling(self.landmarks, str(self.device))
        counts = Counter(face.picture for face in faces)
        photos: dict[int, Any] = {}
        for index, face in enumerate(faces):
            given = references[face.picture]
            if given is None:
                continue
            check_single_face(counts[face.picture])
            with _timed("reference", [timings[face.picture]]):
                if id(given) not in photos:
                    photos[id(given)] = filling.faces_of(read_references(given))
                if photos[id(given)]:
                    fills[index], used[index] = filling.fill(
                        pictures[face.picture], face, fills[index], photos[id(given)]
                    )
        return used

    def blend(
        self, picture: Image, faces: list[Face], fills: list[Image], timings: dict[str, float]
    ) -> Image:
        """Take the faces of one picture through the blender only.

        Args:
            picture: uint8 RGB `(H, W, 3)`.
            faces: faces in it, whose holes do not overlap.
            fills: the filled crop of each, uint8 RGB `(side, side, 3)`.
            timings: where the seconds are added.

        Returns:
            The picture with its holes filled, as a new array.

        Raises:
            InputError: a third-party blender returned something else.
        """
        result = picture.copy()
        if not faces:
            return result
        blender = self.blender
        with _timed("blender", [timings]):
            for face, fill in zip(faces, fills, strict=True):
                inside, window = face.crop.inside, face.crop.window
                # The blender sees the holes of other faces too, as it must not read their colours.
                base = np.ascontiguousarray(picture[inside])
                part = np.ascontiguousarray(fill[window])
                blended = blender.blend(base, part, np.ascontiguousarray(face.missing[window]))
                blended = check_blend(blender, blended, base)
                np.copyto(result[inside], blended, where=face.hole[inside][:, :, None])
        return result

    def _assemble(
        self,
        images: list[Image],
        regions: list[MaskRegion],
        faces: list[Face],
        used: list[int | None],
        outlooks: list[Outlook | None],
        timings: dict[str, float],
    ) -> UnmaskResult:
        holes = [face.hole for face in faces]
        owners = face_of_each(regions, holes)
        scores: dict[int, float] = {}
        for region, owner in zip(regions, owners, strict=True):
            scores[owner] = max(region.score, scores.get(owner, 0.0))
        prefetch = sorted(range(len(regions)), key=owners.__getitem__)
        return UnmaskResult(
            image=images[0],
            regions=[regions[index] for index in prefetch],
            hole=union_of(holes, images[0]),
            faces=tuple(
                FaceFill(
                    face.crop.square,
                    face.hole,
                    float(face.missing.mean()),
                    scores.get(index),
                    reference,
                    outlook,
                )
                for index, (face, reference, outlook) in enumerate(
                    zip(faces, used, outlooks, strict=True)
                )
            ),
            timings=timings,
            others=tuple(images[1:]),
        )


def _one_each(given: Sequence[Any] | None, what: str, count: int) -> Sequence[Any]:
    """Give one entry per picture, all None where nothing was given."""
    if given is None:
        return [None] * count
    if isinstance(given, str | bytes | os.PathLike) or not isinstance(given, Sequence):
        raise InputError(
            f"{what} must be a sequence with one entry per picture, but got {type(given).__name__}."
        )
    if len(given) != count:
        raise InputError(
            f"{what} must have one entry per picture, {count} here, but has {len(given)}."
        )
    return given


@contextmanager
def _timed(stage: str, timings: Sequence[dict[str, float]]) -> Iterator[None]:
    """Add the seconds that pass within, in equal parts, to what each picture's stage took."""
    began = time.perf_counter()
    yield
    seconds = (time.perf_counter() - began) / len(timings)
    for own in timings:
        own[stage] = own.get(stage, 0.0) + seconds


def _is_rgb(image: Any) -> bool:
    return (
        isinstance(image, np.ndarray)
        and image.dtype == np.uint8
        and image.ndim == 3
        and (image.shape[2] == 3 and image.size > 0)
    )


def _as_rgb(image: Any) -> Image:
    if _is_rgb(image) and not isinstance(image, np.ma.MaskedArray):
        rgb: Image = np.asarray(image)
        return rgb
    from weights.images import read_picture

    return read_picture(image).pixels
