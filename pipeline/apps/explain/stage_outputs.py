"""The stages' outputs for a picture, kept to be explained."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from pipeline.result import UnmaskResult
from weights.base.contracts import Image, Mask


@dataclass(frozen=True, eq=False)
class ExplainedFace:
    """One face's data between the stages.

    Attributes:
        crop: the inpainter's input, uint8 RGB `(side, side, 3)`; a tilted face is set upright.
        missing: its hole, bool `(side, side)`.
        coarse: the crop with the first guess of a coarse-to-fine network in the missing pixels;
            None if the inpainter makes no such guess.
        fill: the inpainter's output.
        blended: the face's square of the result, uint8 RGB, as it is in the picture.
    """

    crop: Image
    missing: Mask
    coarse: Image | None
    fill: Image
    blended: Image


@dataclass(frozen=True, eq=False)
class StageOutputs:
    """A picture, and each stage's output and time.

    Attributes:
        image: the picture, uint8 RGB `(H, W, 3)`.
        result: the pipeline's, with regions, holes, crops and times.
        faces: one for each of the result's faces.
        stages: kind of stage to the name of the one in use.
        given: whether the hole was the user's own, so that detector and refiner did not run.
    """

    image: Image
    result: UnmaskResult
    faces: tuple[ExplainedFace, ...]
    stages: Mapping[str, str]
    given: bool
