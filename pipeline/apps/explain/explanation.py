"""Shows how a result came about: what each stage did with a picture.

from pipeline.apps.explain.explanation import explain
explain("photo.jpg").save("photo.explain.png")
"""

from __future__ import annotations

import copy
import threading
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

from pipeline.apps.explain.drawing import draw_explanation
from pipeline.apps.explain.stage_outputs import ExplainedFace, StageOutputs
from pipeline.crop import Crop
from pipeline.stages.lazy import LazyStage
from weights.base.protocols import GuidedInpainter

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from pipeline.core import Pipeline
    from weights.base.contracts import Image, Mask
    from weights.base.protocols import Inpainter


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
        from weights.images import write_picture
        from weights.images.mark import make_mark

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
    from pipeline.core import Pipeline as MadePipeline
    from pipeline.face_holes import holes_of
    from pipeline.warm_up import warm_up
    from weights.images import read_picture

    picture = read_picture(image)
    holes = None if mask is None else holes_of(mask, picture)
    chosen = pipeline
    if chosen is None:
        chosen = MadePipeline(device=device)
        # The times must not include loading the stages.
        warm_up(chosen, detected=mask is None)
    return explain_pictures(chosen, [picture.pixels], [holes])[0]


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
    guided = isinstance(pipeline.inpainter, GuidedInpainter)
    recorder = (_RecordingGuidedInpainter if guided else _RecordingInpainter)(pipeline)
    recorded = copy.copy(pipeline)
    recorded._stages = {**pipeline._stages, "inpainter": LazyStage("inpainter", recorder)}
    results = recorded.run(images, masks, references, variants=variants, seed=seed)
    given = [False] * len(images) if masks is None else [mask is not None for mask in masks]
    stages = {str(kind): stage.name for kind, stage in pipeline._stages.items()}
    explanations, start = [], 0
    for image, result, own in zip(images, results, given, strict=True):
        records = recorder.records[start : start + len(result.faces)]
        start += len(result.faces)
        faces = tuple(
            _face(record, Crop(*face.crop, *result.image.shape[:2]), result.image)
            for record, face in zip(records, result.faces, strict=True)
        )
        explanations.append(Explanation(image, result, faces, stages, own))
    return explanations


@dataclass(frozen=True, eq=False)
class _Record:
    """Inputs and outputs of the inpainter for one face; the coarse guess has the network's size."""

    crop: Image
    missing: Mask
    fill: Image
    coarse: Image | None


class _RecordingInpainter:
    """Passes crops to the pipeline's inpainter and records inputs and outputs, in order."""

    def __init__(self, pipeline: Pipeline) -> None:
        self._pipeline = pipeline
        self.records: list[_Record] = []

    def __repr__(self) -> str:
        # A message about a wrong output must name the stage it came from.
        own = repr(self._pipeline.inpainter)
        name = type(self._pipeline.inpainter).__name__
        return own if own.startswith("inpainter ") else f"inpainter {name!r}"

    def complete(self, crops: Sequence[Image], holes: Sequence[Mask]) -> list[Image]:
        return self._recorded(self._pipeline.inpainter.complete, crops, holes)

    def _recorded(
        self,
        complete: Callable[..., list[Image]],
        crops: Sequence[Image],
        holes: Sequence[Mask],
        *guides: Any,
    ) -> list[Image]:
        with _coarse_guesses(self._pipeline.inpainter) as guesses:
            fills = complete(crops, holes, *guides)
        # A network that runs on a crop more than once has no single guess to show.
        known = len(guesses) == len(crops)
        if isinstance(fills, list | tuple) and len(fills) == len(crops):
            for index, (crop, hole, fill) in enumerate(zip(crops, holes, fills, strict=True)):
                self.records.append(_Record(crop, hole, fill, guesses[index] if known else None))
        return fills


class _RecordingGuidedInpainter(_RecordingInpainter):
    """Also passes landmarks and photos on."""

    @property
    def takes_photos(self) -> bool:
        return bool(getattr(self._pipeline.inpainter, "takes_photos", False))

    def complete_guided(
        self, crops: Sequence[Image], holes: Sequence[Mask], *guides: Any
    ) -> list[Image]:
        inpainter = self._pipeline.inpainter
        assert isinstance(inpainter, GuidedInpainter)
        return self._recorded(inpainter.complete_guided, crops, holes, *guides)


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


def _face(record: _Record, crop: Crop, result: Image) -> ExplainedFace:
    coarse = record.coarse
    if coarse is not None:
        side = record.missing.shape[0]
        enlarged: NDArray[Any] = cv2.resize(coarse, (side, side), interpolation=cv2.INTER_LINEAR)
        coarse = np.where(record.missing[:, :, None], enlarged, record.crop).astype(np.uint8)
    return ExplainedFace(record.crop, record.missing, coarse, record.fill, crop.take(result))
