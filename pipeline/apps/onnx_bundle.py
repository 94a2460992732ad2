"""Detector and inpainter as ONNX files, with a JSON file that describes how to combine them.

Programs without Python and PyTorch need only these files to find and fill masks. The bundle has no
verifier, does not set tilted faces upright, and has no detail for large faces and no colour
matching.
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from weights.base.atomic import write_whole
from weights.base.errors import ExistsError
from weights.catalog.digest import file_sha256

DESCRIPTION = "pipeline.json"
"""Name of the JSON file in the folder."""

_CONFIDENCE = 0.25
_GROWTH = 0.04
"""How far a hole extends beyond the mask, as a fraction of its extent: the bundle has no
outliner."""


@dataclass(frozen=True)
class Bundle:
    """Result of an export.

    Attributes:
        folder: holds all files.
        files: their names.
        bytes: their total size.
    """

    folder: Path
    files: tuple[str, ...]
    bytes: int


def export_bundle(
    output: str | os.PathLike[str],
    *,
    detector: str | os.PathLike[str] = "default",
    inpainter: str | os.PathLike[str] = "default",
    image_size: int = 640,
    overwrite: bool = False,
) -> Bundle:
    """Write `detector.onnx`, `inpainter.onnx` and `pipeline.json` into a folder.

    Inputs and outputs are as in `export_detector` and in `export_inpainter` with bytes; both
    networks' outputs are compared with PyTorch's. `examples/onnx` shows how to use the files.

    Args:
        output: the folder.
        detector: weights of the detector: "default", a name of the catalog, or a .safetensors file.
        inpainter: weights of the inpainter, likewise.
        image_size: input side of the detector, a multiple of 32.
        overwrite: whether files of these names are replaced.

    Raises:
        MissingDependencyError: onnx, onnxscript or onnxruntime is missing.
        InputError: the side is not a multiple of 32.
        ConfigurationError: ONNX has no counterpart for an operator.
        WeightsError: weights are missing or damaged, or outputs differ from PyTorch's.
        ExistsError: a file exists and `overwrite` is False.
        OutputError: a file cannot be written.
    """
    from detector.export import export_detector
    from detector.find.letterbox import PADDING_GREY
    from inpainter.data.framing import CONTEXT, LIFT
    from inpainter.export import export_inpainter, network_of
    from weights.images.mark import NOTICE, unmask_version

    folder = Path(output)
    names = ("detector.onnx", "inpainter.onnx", DESCRIPTION)
    for name in names:
        if (folder / name).exists() and not overwrite:
            raise ExistsError(f"{folder / name} exists already: --overwrite replaces it.")
    export_detector(detector, folder / names[0], image_size=image_size, overwrite=overwrite)
    exported = export_inpainter(
        network_of(inpainter) or "gated",
        folder / names[1],
        weights=None if inpainter == "default" else inpainter,
        as_bytes=True,
        overwrite=overwrite,
    )
    description: dict[str, Any] = {
        "unmask": unmask_version(),
        "notice": NOTICE,
        "detector": {
            "file": names[0],
            "sha256": file_sha256(folder / names[0]),
            "image_size": image_size,
            "padding": PADDING_GREY,
            "confidence": _CONFIDENCE,
        },
        "hole": {"growth": _GROWTH},
        "crop": {"context": CONTEXT, "lift": LIFT},
        "inpainter": {
            "file": names[1],
            "sha256": file_sha256(folder / names[1]),
            "image_size": exported.image_size,
        },
    }
    write_whole(folder / DESCRIPTION, json.dumps(description, indent=2) + "\n", overwrite=overwrite)
    return Bundle(folder, names, sum((folder / name).stat().st_size for name in names))
