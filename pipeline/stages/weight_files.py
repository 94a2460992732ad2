"""The stage that a weight file was trained for."""

from __future__ import annotations

from typing import Any

from detector.find.weight_file import FORMAT
from weights.base.errors import WeightsError
from weights.base.protocols import StageKind
from weights.catalog.lookup import resolve
from weights.catalog.store import read_metadata


def stage_of_weights(weights: str) -> tuple[StageKind, dict[str, Any]]:
    """Return the kind of stage that weights are for, and the stage with these weights as a dict.

    Args:
        weights: a name of the catalog, or the path of a .safetensors file, whose header tells.

    Raises:
        ConfigurationError: the name is unknown.
        WeightsError: the file is missing, damaged, a pickle, or for neither a detector nor an
            inpainter.
    """
    header = read_metadata(resolve(weights))
    if header.get("format") == FORMAT:
        return "detector", {"name": "yolo", "weights": weights}
    if "architecture" in header:
        return "inpainter", {"name": header["architecture"], "weights": weights}
    raise WeightsError(
        f"The header of {weights} does not say for which detector or inpainter its weights are: "
        "use a file that 'unmask train' or 'unmask weights import' wrote."
    )
