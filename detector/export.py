"""Exports detectors as ONNX files, for programs without PyTorch."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from detector.find.weight_file import fused, load_detector, outputs_only
from weights.base.atomic import atomic_path
from weights.base.errors import InputError, WeightsError
from weights.base.onnx_export import LICENCE, OnnxNetwork, check_target, exporter_silenced
from weights.catalog.lookup import resolve

if TYPE_CHECKING:
    import os
    from collections.abc import Mapping
    from pathlib import Path

    import torch
    from numpy.typing import NDArray

    from detector.find.architecture import DetectorConfiguration

OPSET = 18
"""ONNX operator set, supported since ONNX Runtime 1.14 (2023)."""

_COMPARED_SHARE = 0.9


@dataclass(frozen=True)
class ExportedDetector:
    """Result of an export.

    Attributes:
        path: the ONNX file.
        bytes: its size.
        differences: for each output the largest difference from PyTorch's, as a fraction of the
            output's largest magnitude.
    """

    path: Path
    bytes: int
    differences: Mapping[str, float]


def export_detector(
    weights: str | os.PathLike[str],
    output: str | os.PathLike[str],
    *,
    image_size: int | None = None,
    tolerance: float = 1e-3,
    overwrite: bool = False,
) -> ExportedDetector:
    """Write a detector's fused network as ONNX, after comparing its outputs with PyTorch's.

    The file takes `image`, float32 RGB `(N, 3, S, S)` in [0, 1], letterboxed, any N. It returns
    `candidates` and `prototypes` `(N, 32, S/4, S/4)`. With a one-to-one head the candidates are
    rows `(N, K, 38)` of x0, y0, x1, y1 in pixels, score, class and 32 coefficients, by descending
    score; otherwise `(N, 4 + classes + 32, A)`, of centre x, centre y, width, height, the score of
    each class and coefficients, which need non-maximum suppression. A mask is where the sum of
    prototypes weighted by the coefficients is above 0, inside the box. The file's metadata document
    this, the classes, the side and the licence.

    Args:
        weights: "default", a name of the catalog, or a .safetensors file.
        output: the .onnx file.
        image_size: side of the pictures, a multiple of 32; None for that of the training.
        tolerance: largest accepted difference, see `ExportedDetector`.
        overwrite: whether a file of that name is replaced.

    Raises:
        MissingDependencyError: onnx, onnxscript or onnxruntime is missing.
        InputError: the side is not a multiple of 32, or the name does not end in .onnx.
        WeightsError: the weights are missing or damaged, or the outputs differ by more than
            `tolerance`, in which case nothing is written.
        OutputError: the file exists and `overwrite` is False, or cannot be written.
    """
    target = check_target(output, overwrite=overwrite)
    file = resolve(weights, "detector")
    network, configuration = load_detector(file)
    side = configuration.image_size if image_size is None else image_size
    if side < 32 or side % 32:
        raise InputError(f"image_size must be a multiple of 32 and at least 32, but is {side!r}.")

    import torch

    wrapped = outputs_only(fused(network, configuration))
    # Otherwise the head compares the batch with the previous one, which would fix its size.
    wrapped.network.model[-1].dynamic = True
    with exporter_silenced():
        program = torch.onnx.export(
            wrapped,
            (torch.zeros(2, 3, side, side),),
            dynamo=True,
            verbose=False,
            input_names=["image"],
            output_names=["candidates", "prototypes"],
            dynamic_shapes=({0: torch.export.Dim("batch")},),
            opset_version=OPSET,
        )
    assert program is not None
    program.model.producer_name = "unmask"
    program.model.metadata_props.update(_metadata(configuration, side, file.name))
    with atomic_path(target, overwrite=overwrite) as temporary:
        program.save(temporary)
        differences = _differences(temporary, wrapped, configuration, side)
        worst = max(differences, key=lambda name: differences[name])
        if not differences[worst] <= tolerance:
            raise WeightsError(
                f"The exported network differs from PyTorch's: {worst} by "
                f"{differences[worst]:.2g} of its largest value, more than {tolerance:g}; nothing "
                "was written."
            )
    return ExportedDetector(target, target.stat().st_size, differences)


def _metadata(configuration: DetectorConfiguration, side: int, source: str) -> dict[str, str]:
    candidates = (
        "rows of x0 y0 x1 y1 (pixels), score, class, 32 coefficients"
        if configuration.one_to_one
        else "centre x, centre y, width, height (pixels), score of each class, 32 coefficients; "
        "needs non-maximum suppression"
    )
    return {
        "task": "instance segmentation of worn face masks",
        "architecture": configuration.architecture,
        "names": json.dumps(dict(enumerate(configuration.class_names))),
        "image_size": str(side),
        "one_to_one": json.dumps(configuration.one_to_one),
        "input": "RGB, 0 to 1, scaled with its proportions kept and padded to a square",
        "candidates": candidates,
        "mask": "sum of coefficients times prototypes above 0, inside the box",
        "source": source,
        "license": f"{LICENCE}; the network's definition is Ultralytics', AGPL-3.0",
    }


def _differences(
    file: Path, network: torch.nn.Module, configuration: DetectorConfiguration, side: int
) -> dict[str, float]:
    """Compare both networks on a random picture, singly and in a batch."""
    import torch

    exported = OnnxNetwork(file)
    random = np.random.default_rng(0)
    worst = {"candidates": 0.0, "prototypes": 0.0}
    for batch in (1, 3):
        pixels = random.random((batch, 3, side, side), dtype=np.float32)
        found = exported.run(list(worst), {"image": pixels})
        with torch.no_grad():
            expected = [one.numpy() for one in network(torch.from_numpy(pixels))]
        if configuration.one_to_one:
            found[0] = _in_order_of(found[0], expected[0])
            kept = max(1, round(_COMPARED_SHARE * expected[0].shape[1]))
            found[0], expected[0] = found[0][:, :kept], expected[0][:, :kept]
        for name, one, other in zip(worst, found, expected, strict=True):
            largest = float(np.abs(other).max()) or 1.0
            worst[name] = max(worst[name], float(np.abs(one - other).max()) / largest)
    return worst


def _in_order_of(rows: NDArray[np.float32], expected: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return for each expected row `(N, K, 38)` the nearest row.

    Rows of nearly equal score may swap places, and some of the last ones, near the selection's
    cut-off, may be missing.
    """
    nearest = [
        one[np.abs(other[:, None, :] - one[None, :, :]).max(axis=2).argmin(axis=1)]
        for one, other in zip(rows, expected, strict=True)
    ]
    return np.stack(nearest)
