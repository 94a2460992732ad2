"""`unmask()`: one call for one picture."""

from __future__ import annotations

import json
import threading
from collections import OrderedDict
from typing import TYPE_CHECKING, Any, Literal, overload

from pipeline.core import PicturePath, Pipeline
from pipeline.stages.configured import check_keys, configuration_defaults
from pipeline.stages.lazy import LazyStage
from weights.base.protocols import STAGE_KINDS, StageKind

if TYPE_CHECKING:
    import numpy as np
    import PIL.Image
    from numpy.typing import NDArray

    from pipeline.result import UnmaskResult
    from weights.images import PictureSource
    from weights.images.picture import SamePicture

MOST_STAGES = 16
"""How many stages are kept loaded; the least recently used is dropped first."""

_stages: OrderedDict[tuple[str, str, str], LazyStage] = OrderedDict()
_lock = threading.Lock()


def _cached_stage(kind: StageKind, specification: Any, device: Any) -> Any:
    """The stage for a name or dict, made once per process; an object is returned as it is."""
    if not isinstance(specification, str | dict):
        return specification
    try:
        key = (kind, json.dumps(specification, sort_keys=True), str(device))
    except (TypeError, ValueError):
        # Options that are objects make no reliable cache key.
        return specification
    with _lock:
        if key not in _stages:
            _stages[key] = LazyStage(kind, specification, device)
            while len(_stages) > MOST_STAGES:
                _stages.popitem(last=False)
        _stages.move_to_end(key)
        return _stages[key]


@overload
def unmask(
    image: PictureSource,
    *,
    variants: int | None = ...,
    return_result: Literal[True],
    **options: Any,
) -> UnmaskResult: ...


@overload
def unmask(
    image: SamePicture, *, variants: None = ..., return_result: Literal[False] = ..., **options: Any
) -> SamePicture: ...


@overload
def unmask(
    image: SamePicture, *, variants: int, return_result: Literal[False] = ..., **options: Any
) -> list[SamePicture]: ...


@overload
def unmask(
    image: PicturePath, *, variants: None = ..., return_result: Literal[False] = ..., **options: Any
) -> PIL.Image.Image: ...


@overload
def unmask(
    image: PicturePath, *, variants: int, return_result: Literal[False] = ..., **options: Any
) -> list[PIL.Image.Image]: ...


@overload
def unmask(
    image: PictureSource, *, variants: None = ..., return_result: bool = ..., **options: Any
) -> NDArray[np.uint8] | bytes | PIL.Image.Image | UnmaskResult: ...


def unmask(
    image: Any,
    *,
    mask: Any = None,
    reference: Any = None,
    variants: int | None = None,
    seed: int = 0,
    device: Any = "auto",
    return_result: bool = False,
    provenance: bool = True,
    **stages: Any,
) -> Any:
    """Take the face masks off the people in a picture.

    Stages are loaded once per process and kept for later calls; threads share them.

    Args:
        image: path, bytes, PIL picture, or uint8 array `(H, W)`, `(H, W, 3)` or `(H, W, 4)` in RGB
            order.
        mask: your own hole (True, a byte above 127 or a float above 0.5 = fill) instead of
            detection; or a list of holes, one per face, if masks touch.
        reference: a photo of the same person without a mask, or a list of several, of which the one
            that fits best provides mouth, nose and chin; same types as `image`.
        variants: return a list of this many different, equally plausible fills; the first is the
            usual one.
        seed: seeds the further variants; the same seed gives the same fills.
        device: "auto", "cpu", "cuda", "cuda:N" or "mps".
        return_result: return the `UnmaskResult`, whose image is uint8 RGB `(H, W, 3)`, instead; its
            `variants` holds all fills.
        provenance: whether a filled picture carries the mark that a model edited it; False is for
            callers who mark it themselves.
        **stages: `detector`, `refiner`, `inpainter`, `blender` and the other arguments of
            `Pipeline`.

    Returns:
        An array for an array, a PIL picture for a PIL picture (mode and size kept) or for a path,
        bytes of the same format for bytes. Unchanged if no mask is found. A list of these for
        `variants`.

    Raises:
        InputError: the picture, the mask or a number is invalid, no reference fits, or both a
            reference and several variants are given.
        ConfigurationError: a keyword, a stage or an option of one is unknown.
        WeightsError: the weights of a network are missing or damaged.

    Examples:
        >>> import numpy as np
        >>> photo = np.full((64, 64, 3), 127, np.uint8)
        >>> hole = np.zeros((64, 64), bool)
        >>> hole[30:50, 20:44] = True
        >>> unmask(photo, mask=hole, inpainter="telea").shape
        (64, 64, 3)
    """
    known = ["mask", "reference", "variants", "seed", "return_result", "provenance"]
    check_keys("keyword of unmask()", stages, known)
    defaults = configuration_defaults()
    chosen = {
        kind: _cached_stage(kind, stages.pop(kind, defaults[kind]), device) for kind in STAGE_KINDS
    }
    pipeline = Pipeline(device=device, **chosen, **stages)
    return pipeline(
        image,
        mask=mask,
        reference=reference,
        variants=variants,
        seed=seed,
        return_result=return_result,
        provenance=provenance,
    )
