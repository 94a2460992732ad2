"""Converting what mask-finding functions commonly return to regions."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np

from weights.base.contracts import Mask
from weights.base.regions import MaskRegion


def regions_of(found: Any) -> list[MaskRegion] | Any:
    """Convert a function's detections in one picture to regions.

    Args:
        found: None; a `MaskRegion`; one mask `(H, W)`, which counts as one region; several `(N, H,
            W)`; a label map `(H, W)` of integers with 0 for the rest of the picture; Ultralytics'
            `Results`; or a list of any of these. Masks are bool, or uint8 with values above 127 for
            masked pixels; uint8 with labels 1, 2, 3, ... without a gap is a label map. Tensors are
            converted to arrays.

    Returns:
        The regions, one per non-empty mask. Anything else is returned as it is, for `check_regions`
        to refuse.
    """
    if found is None:
        return []
    if isinstance(found, MaskRegion):
        return [found]
    if hasattr(found, "orig_shape") and hasattr(found, "masks"):
        return _of_results(found)
    if isinstance(found, list | tuple):
        parts = [regions_of(one) for one in found]
        if not all(isinstance(part, list) for part in parts):
            return list(found)
        return [region for part in parts for region in part]
    if hasattr(found, "detach"):
        found = found.detach().cpu().numpy()
    if not isinstance(found, np.ndarray):
        return found
    masks = _masks(found)
    if masks is None:
        return found
    return [MaskRegion.from_mask(mask) for mask in masks if mask.any()]


def _masks(found: Any) -> list[Mask] | None:
    """The masks in an array, or None if it is of no known kind."""
    if found.ndim == 3 and found.dtype in (np.bool_, np.uint8):
        least = 0 if found.dtype == np.bool_ else 127
        return [mask > least for mask in found]
    if found.ndim != 2:
        return None
    if found.dtype == np.bool_:
        return [found]
    if not np.issubdtype(found.dtype, np.integer):
        return None
    labels = np.unique(found[found > 0])
    counts_up = np.array_equal(labels, np.arange(1, len(labels) + 1))
    if found.dtype == np.uint8 and not counts_up:
        return [found > 127]
    return [found == label for label in labels]


def _of_results(results: Any) -> list[MaskRegion]:
    """The outlines of Ultralytics' `Results`, filled at the picture's size."""
    if results.masks is None:
        return []
    regions = []
    boxes = results.boxes
    for index, outline in enumerate(results.masks.xy):
        mask = np.zeros(tuple(results.orig_shape[:2]), np.uint8)
        if len(outline) > 2:
            cv2.fillPoly(mask, [np.rint(outline).astype(np.int32)], 1)
        if mask.any():
            label = str(results.names[int(boxes.cls[index])])
            regions.append(MaskRegion.from_mask(mask > 0, float(boxes.conf[index]), label))
    return regions
