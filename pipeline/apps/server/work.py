"""The work of a request: from file contents to file contents."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass

from pipeline.apps.server.answer_format import AnswerFormat, choose_format
from pipeline.apps.server.answers import Detection, FoundHole, FoundMask
from pipeline.apps.server.body import Upload
from pipeline.apps.server.limits import ServerLimits
from pipeline.apps.server.outlines import mask_outlines
from pipeline.apps.server.query import CompletionQuery
from pipeline.core import Pipeline
from pipeline.outlook import SENTENCES, Outlook, estimate_outlook
from pipeline.result import UnmaskResult
from pipeline.steps import StageProgress
from weights.base.contracts import Image
from weights.base.regions import bounding_box
from weights.images import encode_picture, read_hole, read_picture
from weights.images.writing import losses

_PICTURE, _MASK, _REFERENCE = "The file sent", "The mask sent", "The reference photo sent"
"""Their names in messages."""


@dataclass(frozen=True)
class FilledPicture:
    """A picture with its holes filled, in one or more variants.

    Attributes:
        contents: of the files, one for each variant.
        format: of the files.
        notes: what could not be kept.
        result: the pipeline's.
    """

    contents: list[bytes]
    format: AnswerFormat
    notes: tuple[str, ...]
    result: UnmaskResult


def fill_picture(
    pipeline: Pipeline,
    upload: Upload,
    limits: ServerLimits,
    requested: tuple[AnswerFormat, ...] | None,
    query: CompletionQuery,
    progress: StageProgress | None = None,
) -> FilledPicture:
    """Take the masks off a picture, or fill the upload's masks; the same as `pipeline(content)`.

    Args:
        pipeline: does the work.
        upload: the picture and, if given, the holes, one for each face, and reference photos.
        limits: of the picture's pixels.
        requested: acceptable formats; None for the picture's own, or PNG if that is not one of
            `ANSWER_FORMATS`.
        query: says the quality, the number of fills and their seed.
        progress: as `Pipeline.run` calls it.

    Raises:
        InputError: the picture, a mask or a reference photo cannot be used, or there are several
            variants and a reference photo.
        OutputError: the format cannot hold the picture.
    """
    picture = read_picture(upload.picture, name=_PICTURE, max_pixels=limits.pixels)
    holes = [
        read_hole(mask, picture, name=_MASK, max_pixels=limits.pixels) for mask in upload.masks
    ]
    # A single mask is split into faces; of several, each is one face.
    mask = holes if len(holes) > 1 else next(iter(holes), None)
    references = _read_references(upload.references, limits)
    [result] = pipeline.run(
        [picture.pixels],
        [mask],
        [references or None],
        variants=query.variants,
        seed=query.seed,
        progress=progress,
    )
    form = choose_format(requested, picture.format)
    models = pipeline.model_names(detected=mask is None)
    as_sent = form == picture.format and query.quality is None
    # Without its content, the picture is restored as an image, to be encoded in another way.
    original = picture if as_sent else dataclasses.replace(picture, content=None)
    contents = []
    for image in result.variants:
        content = result.restored(original, image, models)
        if not as_sent:
            content = encode_picture(content, form, quality=query.quality, like=picture)
        contents.append(content)
    notes = picture.notes
    if contents[0] != upload.picture:
        notes += losses(picture, form)
    return FilledPicture(contents, form, notes, result)


def _read_references(contents: Sequence[bytes], limits: ServerLimits) -> list[Image]:
    """Read reference photos; together they may have as many pixels as one picture."""
    photos: list[Image] = []
    left = limits.pixels
    for content in contents:
        photo = read_picture(content, name=_REFERENCE, max_pixels=max(1, left)).pixels
        left -= photo.shape[0] * photo.shape[1]
        photos.append(photo)
    return photos


def find_masks(pipeline: Pipeline, upload: Upload, limits: ServerLimits) -> Detection:
    """Find the masks in a picture, and the holes that `fill_picture` would fill.

    Raises:
        InputError: the picture cannot be used.
    """
    pixels = read_picture(upload.picture, name=_PICTURE, max_pixels=limits.pixels).pixels
    timings: dict[str, float] = {}
    [(regions, faces)] = pipeline.find_faces([pixels], [timings])
    holes = [face.hole for face in faces]
    seen = pipeline.landmarks is not None
    outlooks = [estimate_outlook(pixels, face) if seen else Outlook() for face in faces]
    return Detection(
        width=pixels.shape[1],
        height=pixels.shape[0],
        masks=[
            FoundMask(
                box=region.box,
                score=region.score,
                label=region.label,
                outlines=mask_outlines(region.mask),
            )
            for region in regions
        ],
        holes=[
            FoundHole(
                box=bounding_box(hole) or (0, 0, 0, 0),
                outlines=mask_outlines(hole),
                masks=[index for index, region in enumerate(regions) if (region.mask & hole).any()],
                concerns=list(outlook.concerns),
                warnings=[SENTENCES[concern] for concern in outlook.concerns],
                chance=outlook.chance,
            )
            for hole, outlook in zip(holes, outlooks, strict=True)
        ],
    )
