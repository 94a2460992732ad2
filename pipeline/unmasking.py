"""`unmask()`: the one call for one picture."""

from __future__ import annotations

import inspect
import json
import threading
from collections import OrderedDict
from typing import Any

from pipeline.configuration import check_keys, configuration_keys
from pipeline.core import Pipeline
from pipeline.lazy_stage import LazyStage
from pipeline.protocols import STAGE_KINDS, StageKind

MOST_STAGES = 16
"""How many stages are kept loaded; the one that was not used for longest goes first."""

_stages: OrderedDict[tuple[str, str, str], LazyStage] = OrderedDict()
_lock = threading.Lock()


def _kept_stage(kind: StageKind, specification: Any, device: Any) -> Any:
    """The stage of a name or dict, made once per process; an object is its own stage."""
    if not isinstance(specification, str | dict):
        return specification
    try:
        key = (kind, json.dumps(specification, sort_keys=True), str(device))
    except (TypeError, ValueError):
        # Options that are objects have no reliable identity to keep a stage by.
        return specification
    with _lock:
        if key not in _stages:
            _stages[key] = LazyStage(kind, specification, device)
            while len(_stages) > MOST_STAGES:
                _stages.popitem(last=False)
        _stages.move_to_end(key)
        return _stages[key]


def unmask(
    image: Any,
    *,
    mask: Any = None,
    reference: Any = None,
    device: Any = "auto",
    return_result: bool = False,
    provenance: bool = True,
    **stages: Any,
) -> Any:
    """Take the face masks off the people in a picture.

    Stages are loaded once per process and kept, so a second call builds nothing; calls from several
    threads share them.

    Args:
        image: path, bytes, PIL picture, or uint8 array `(H, W)`, `(H, W, 3)` or `(H, W, 4)` in RGB
            order.
        mask: a hole of your own (True or above 127 = fill) instead of detection.
        reference: a photo of the same person without a mask, or a list of several, of which the one
            that fits best gives mouth, nose and chin; as `image`.
        device: "auto", "cpu", "cuda", "cuda:N" or "mps".
        return_result: return the `UnmaskResult`, whose image is uint8 RGB `(H, W, 3)`, instead.
        provenance: whether a filled picture carries the mark that a model edited it; False is for
            callers who say so by means of their own.
        **stages: `detector`, `refiner`, `inpainter`, `blender` and the other arguments of
            `Pipeline`.

    Returns:
        An array for an array, a PIL picture for a PIL picture (mode and size kept) or for a path,
        bytes of the same format for bytes. Where no mask is found it is unchanged.

    Raises:
        InputError: the picture or the mask is not what is said here, or no reference fits.
        ConfigurationError: a keyword, a stage or an option of one is unknown.
        WeightsError: the weights of a network are missing or damaged.
    """
    check_keys(
        "keyword of unmask()",
        stages,
        ["mask", "reference", "return_result", "provenance", *configuration_keys()],
    )
    defaults = inspect.signature(Pipeline).parameters
    chosen = {
        kind: _kept_stage(kind, stages.pop(kind, defaults[kind].default), device)
        for kind in STAGE_KINDS
    }
    pipeline = Pipeline(device=device, **chosen, **stages)
    return pipeline(
        image,
        mask=mask,
        reference=reference,
        return_result=return_result,
        provenance=provenance,
    )
