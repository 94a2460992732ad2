"""The pipeline: detector, refiner, inpainter and blender in a row."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, TypedDict, Unpack, overload

from pipeline.face_holes import holes_of
from pipeline.run.streaming import (
    OnError,
    check_on_error,
    paired,
    run_each,
    stream_results,
    usual_group,
)
from pipeline.steps import PipelineSteps
from pipeline.surroundings import own_arithmetic
from pipeline.variants import check_variants
from weights.base.errors import InputError
from weights.base.option_values import check_whole_number

if TYPE_CHECKING:
    import numpy as np
    import PIL.Image
    from numpy.typing import NDArray

    from pipeline.result import UnmaskResult
    from pipeline.steps import StageProgress
    from weights.images import PictureSource
    from weights.images.picture import SamePicture


PicturePath: TypeAlias = str | os.PathLike[str]
"""The path of a picture file."""


class FillOptions(TypedDict, total=False):
    """Keywords of `Pipeline.__call__`, which documents them."""

    mask: Any
    reference: Any
    seed: int
    provenance: bool


class PictureOptions(FillOptions, total=False):
    """Those of a call that returns pictures."""

    return_result: Literal[False]


class ResultOptions(FillOptions, total=False):
    """Those of a call that returns an `UnmaskResult`."""

    variants: int | None


class EitherOptions(FillOptions, total=False):
    """Those of a call whose `return_result` is known only when it runs."""

    return_result: bool


class Pipeline(PipelineSteps):
    """Takes masks off pictures; each stage can be swapped and works alone.

    Stages are checked when the pipeline is made and loaded on first use, so a pipeline that is only
    ever given holes never loads its detector.

    Args:
        detector: finds masks. A registered name, a dict `{"name": ..., **options}`,
            "package.module:Class", an object with the stage's method, or a function for one
            picture.
        refiner: turns detections into holes; likewise.
        inpainter: fills holes; likewise.
        blender: puts the fill back; likewise.
        device: passed to the stages that take one: "auto", "cpu", "cuda", "cuda:N" or "mps".
        context: side of the square that the inpainter sees over the hole's larger extent, at least
            1; None for the value used in training.
        lift: how far that square is moved up, as a fraction of its side, 0 to 0.5; None likewise.
        batch_size: how many faces the inpainter takes at once.
        landmarks: finds face landmarks, which are needed to recognise masks under the chin, to
            estimate the outlook of each fill and to warp a reference: "default", a catalog name, a
            .safetensors file, or an object like `LandmarkFinder`; None for none of this.
        low_masks: whether to fill masks worn under the chin, where they do not hide the mouth.

    Raises:
        ConfigurationError: an argument, a stage or an option of one is unknown.
        InputError: a number is out of range.
    """

    @classmethod
    def from_config(cls, path: str | os.PathLike[str]) -> Pipeline:
        """Make the pipeline that a YAML file describes; its keys are the constructor's arguments.

        Raises:
            InputError: the file cannot be read.
            ConfigurationError: it is not a YAML mapping, or a key or a name in it is unknown; the
                message suggests the nearest.
        """
        from pipeline.configuration import read_configuration

        return cls(**read_configuration(path))

    @overload
    def __call__(
        self,
        image: PictureSource,
        *,
        return_result: Literal[True],
        **options: Unpack[ResultOptions],
    ) -> UnmaskResult: ...

    @overload
    def __call__(
        self, image: SamePicture, *, variants: None = ..., **options: Unpack[PictureOptions]
    ) -> SamePicture: ...

    @overload
    def __call__(
        self, image: SamePicture, *, variants: int, **options: Unpack[PictureOptions]
    ) -> list[SamePicture]: ...

    @overload
    def __call__(
        self, image: PicturePath, *, variants: None = ..., **options: Unpack[PictureOptions]
    ) -> PIL.Image.Image: ...

    @overload
    def __call__(
        self, image: PicturePath, *, variants: int, **options: Unpack[PictureOptions]
    ) -> list[PIL.Image.Image]: ...

    @overload
    def __call__(
        self, image: PictureSource, *, variants: None = ..., **options: Unpack[EitherOptions]
    ) -> NDArray[np.uint8] | bytes | PIL.Image.Image | UnmaskResult: ...

    @overload
    def __call__(
        self, image: PictureSource, *, variants: int | None, **options: Unpack[EitherOptions]
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
        """Take the masks off one picture and return it in the type it came in.

        Args:
            image: path, bytes, PIL picture, or uint8 array `(H, W)`, `(H, W, 3)` or `(H, W, 4)` in
                RGB order.
            mask: the user's own hole (True, a byte above 127 or a float above 0.5 = fill) instead
                of detection; or a list of holes, one per face, if masks touch.
            reference: a photo of the same person without a mask, or a list of several, to take
                mouth, nose and chin from; same types as `image`.
            variants: return a list of this many different fills; the first is the usual one.
            seed: seeds the further variants; the same seed gives the same fills.
            return_result: return the `UnmaskResult`, whose image is uint8 RGB, instead.
            provenance: whether a filled picture carries the mark that a model edited it; False is
                for callers who mark it themselves.

        Returns:
            An array for an array, a PIL picture for a PIL picture or a path, bytes in the same
            format for bytes; unchanged if no mask was found. A list of these for `variants`.

        Raises:
            InputError: the picture, the mask or a number is invalid, no reference fits, or both a
                reference and several variants are given.
            WeightsError: there is a reference, and the weights that find landmarks are missing.
        """
        from weights.images import read_picture

        picture = read_picture(image)
        holes = None if mask is None else holes_of(mask, picture)
        [result] = self.run([picture.pixels], [holes], [reference], variants=variants, seed=seed)
        if return_result:
            return result
        models = self.model_names(detected=mask is None)
        restored = [
            result.restored(picture, image, models, provenance=provenance)
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
        """Take the masks off pictures; all go through each stage together.

        The result for a picture does not depend on which others are in the call.

        Args:
            images: uint8 RGB arrays `(H, W, 3)`, or anything else that `unmask` takes.
            masks: per picture None, or the user's own hole, which is filled exactly as it is; or a
                list of holes, one per face, if masks touch.
            references: per picture None, or a photo of the same person without a mask, or a list of
                several, of which the one that fits best is used; same types as `unmask` takes.
            variants: how many different fills each result has; masks are detected only once.
            seed: seeds the further variants; the same seed gives the same fills.
            on_error: "raise" stops at the first picture that fails; "return" does the others and
                puts the error in place of its result.
            progress: called with the name of a stage, how much it has done and the total: pictures,
                or faces for the inpainter.

        Raises:
            InputError: a picture, a mask, a reference or a number is invalid, no reference of a
                picture fits, both a reference and several variants are given, or a third-party
                stage returned something of the wrong kind.
            ConfigurationError: `on_error` is something else.
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
        _check_several(images, Sequence, "a sequence")
        masks = _one_each(masks, "masks", len(images))
        references = _one_each(references, "references", len(images))
        check_variants(variants, seed, references)
        if on_error == "return" and images:
            run = partial(self.run, variants=variants, seed=seed, progress=progress)
            return run_each(run, images, masks, references)
        with own_arithmetic():
            return self.unmask_pictures(
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
        """Await `run` in its own thread, so that the event loop is not blocked."""
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
        """Take the masks off pictures as they come; yield each result as soon as it is ready.

        Only one batch of pictures is in memory at a time, so `images` may be an endless generator.
        The results are those of `run`.

        Args:
            images: as for `run`, but any iterable.
            masks: likewise one entry per picture.
            variants: as for `run`.
            seed: likewise.
            batch: how many pictures go through the stages together; None is 8 on a GPU and 1 on a
                CPU, where larger batches are no faster.
            on_error: "raise" stops at a picture that fails, after the results before it; "return"
                yields the error in place of its result and continues.

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
        _check_several(images, Iterable, "an iterable")
        if batch is not None:
            check_whole_number("batch", batch)
        check_variants(variants, seed, ())
        pairs = ((image, None) for image in images) if masks is None else paired(images, masks)
        run = partial(self.run, variants=variants, seed=seed)
        return stream_results(run, pairs, batch or usual_group(self), on_error)


def _check_several(images: Any, kind: type, called: str) -> None:
    """Refuse a single picture, or its path, in the place of several."""
    if isinstance(images, str | bytes | os.PathLike) or not isinstance(images, kind):
        raise InputError(
            f"images must be {called} of pictures, but got {type(images).__name__}: "
            "for one picture call the pipeline itself."
        )


def _one_each(given: Sequence[Any] | None, what: str, count: int) -> Sequence[Any]:
    """Return one entry per picture, all None if nothing was given."""
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
