"""One face of a data set, as its annotation or its folder describes it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray

SHARES: Final[Mapping[str, float]] = {"val": 0.05, "test": 0.05, "train": 0.9}
"""Shares of the parts of faces, in folders that name no parts."""


@dataclass(frozen=True)
class Face:
    """One annotated face picture.

    Attributes:
        path: the picture file.
        landmarks: iBUG points `(68, 2)`, x y in pixels, or None where there are none.
        split: "train", "val" or "test".
        labels: what else the annotation says, such as source, age, gender, ethnicity.
    """

    path: Path
    landmarks: NDArray[np.float64] | None
    split: str
    labels: dict[str, Any] = field(default_factory=dict)
