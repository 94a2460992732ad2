"""Shows how a result came about: what each stage did with a picture.

from pipeline.apps.explain.explanation import explain
explain("photo.jpg").save("photo.explain.png")
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from pipeline.apps.explain.drawing import draw_explanation
from pipeline.apps.explain.stage_outputs import ExplainedFace, StageOutputs
from pipeline.core import Pipeline
from pipeline.crop import Crop
from pipeline.face_holes import holes_of
from pipeline.warm_up import warm_up
from weights.base.contracts import Hole, Image, Mask
from weights.base.protocols import Inpainter
from weights.images import read_picture, write_picture
from weights.images.mark import make_mark


@dataclass(frozen=True, eq=False)
class Explanation(StageOutputs):
    """What each stage did with a picture, ready to be drawn."""

    @property
    def models(self) -> tuple[str, ...]:
        """Names of the models used, for the provenance mark."""
        kinds = ("inpainter",) if self.given else ("detector", "inpainter")
        return tuple(self.stages[kind] for kind in kinds)

    def draw(self, width: int = 1440) -> Image:
        """Draw everything in one picture, uint8 RGB `(height, width, 3)`.

        Args:
            width: in pixels, at least 480.

        Raises:
            InputError: the width is too small.
        """
        return draw_explanation(self, width)

    def save(self, path: str | os.PathLike[str], *, overwrite: bool = False) -> Path:
        """Write the drawn picture, with the provenance mark if a face was filled.

        Raises:
            OutputError: the file exists and `overwrite` is False, or it cannot be written.
        """
        filled, from_reference = self.result.hole.any(), self.result.from_reference
        mark = make_mark(self.models, from_reference=from_reference) if filled else None
        return write_picture(path, self.draw(), overwrite=overwrite, mark=mark)


def explain(
    image: Any, *, mask: Any = None, pipeline: Pipeline | None = None, device: Any = "auto"
) -> Explanation:
    """Take the masks off a picture and record what each stage did.

    Args:
        image: anything that `unmask` takes.
        mask: a hole of the user's own, or a list of holes, as `unmask` takes.
        pipeline: to explain; None for the default one.
        device: of the default pipeline.

    Raises:
        InputError: the picture or the mask is invalid.
        WeightsError: the weights of a network are missing or damaged.
    """
    picture = read_picture(image)
    holes = None if mask is None else holes_of(mask, picture)
    if pipeline is None:
        pipeline = Pipeline(device=device)
        # The times must not include loading the stages.
        warm_up(pipeline, detected=mask is None)
    return explain_pictures(pipeline, [picture.pixels], [holes])[0]


def explain_pictures(
    pipeline: Pipeline,
    images: Sequence[Image],
    masks: Sequence[Any] | None = None,
    references: Sequence[Any] | None = None,
    *,
    variants: int | None = None,
    seed: int = 0,
) -> list[Explanation]:
    """Do what `pipeline.run` does, and explain each result; of several variants the first.

    Args:
        pipeline: does the work; not modified.
        images: uint8 RGB `(H, W, 3)` each.
        masks: per picture what `Pipeline.run` takes.
        references: likewise.
        variants: as `Pipeline.run` takes it.
        seed: likewise.

    Raises:
        InputError: as `Pipeline.run`.
    """
    records: list[tuple[Image, Mask, Image, Image | None]] = []
    recorded = pipeline.with_stages()
    with _coarse_guesses(pipeline.inpainter) as guesses:

        def record(crops: list[Image], holes: list[Hole], fills: list[Image]) -> None:
            # A network that runs on a crop more than once has no single guess to show.
            known = len(guesses) == len(crops)
            coarse = list(guesses) if known else [None] * len(crops)
            records.extend(zip(crops, holes, fills, coarse, strict=True))
            guesses.clear()

        recorded.on_filled = record
        results = recorded.run(images, masks, references, variants=variants, seed=seed)
    given = [False] * len(images) if masks is None else [mask is not None for mask in masks]
    explanations, rest = [], iter(records)
    for image, result, own in zip(images, results, given, strict=True):
        faces = tuple(
            _face(*next(rest), Crop(*face.crop, *result.image.shape[:2]).take(result.image))
            for face in result.faces
        )
        explanations.append(Explanation(image, result, faces, pipeline.stage_names, own))
    return explanations


@contextmanager
def _coarse_guesses(inpainter: Inpainter) -> Iterator[list[Image]]:
    """Yield a list that collects the coarse pictures, uint8 RGB, that a network makes meanwhile."""
    guesses: list[Image] = []
    register = getattr(getattr(inpainter, "network", None), "register_forward_hook", None)
    if register is None:
        yield guesses
        return
    thread = threading.get_ident()

    def keep(_module: Any, _inputs: Any, output: Any) -> None:
        coarse = getattr(output, "coarse", None)
        # Other threads may use the same network at the same time.
        if coarse is not None and threading.get_ident() == thread:
            levels = coarse.detach().float().add(1.0).mul(127.5).round().clamp(0, 255)
            guesses.extend(levels.permute(0, 2, 3, 1).cpu().numpy().astype(np.uint8))

    handle = register(keep)
    try:
        yield guesses
    finally:
        handle.remove()


def _face(
    crop: Image, missing: Mask, fill: Image, coarse: Image | None, blended: Image
) -> ExplainedFace:
    """Describe a face; its coarse guess has the network's size."""
    if coarse is not None:
        enlarged = cv2.resize(coarse, missing.shape, interpolation=cv2.INTER_LINEAR)
        coarse = np.where(missing[:, :, None], enlarged, crop).astype(np.uint8)
    return ExplainedFace(crop, missing, coarse, fill, blended)
