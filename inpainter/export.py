"""Completion networks as ONNX files, for programs without PyTorch."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from inpainter.networks.registry import FACE_GENERATORS, NETWORKS
from inpainter.registry import CLASSICAL
from inpainter.self_guided import self_guided
from inpainter.tensors import from_bytes, to_bytes
from inpainter.weight_files import load_completion_network
from weights.base.atomic import atomic_path
from weights.base.errors import ConfigurationError, InputError, WeightsError
from weights.base.names import unknown_name
from weights.base.onnx_export import LICENCE, OnnxNetwork, check_target, exporter_silenced
from weights.catalog.lookup import resolve
from weights.catalog.store import read_metadata


@dataclass(frozen=True)
class ExportedInpainter:
    """The result of an export.

    Attributes:
        path: the ONNX file.
        bytes: its size in bytes.
        image_size: side of its pictures, pixels.
        any_batch: whether it takes batches of any size; otherwise one picture at a time.
        difference: largest difference from PyTorch's completed pictures; black to white is 2, or
            255 with bytes.
    """

    path: Path
    bytes: int
    image_size: int
    any_batch: bool
    difference: float


def export_inpainter(
    network: str,
    output: str | os.PathLike[str],
    *,
    weights: str | os.PathLike[str] | None = None,
    image_size: int | None = None,
    as_bytes: bool = False,
    tolerance: float | None = None,
    overwrite: bool = False,
) -> ExportedInpainter:
    """Write a trained completion network as ONNX, after checking its output against PyTorch's.

    The file takes `image`, float32 RGB `(N, 3, S, S)` in [-1, 1], and `hole`, float32
    `(N, 1, S, S)`, 1 = missing, and returns `completed` like the image: filled in the hole and
    unchanged elsewhere. A network conditioned on landmarks finds them itself. With `as_bytes`,
    pictures are uint8 `(N, S, S, 3)` and holes uint8 `(N, S, S)`, above 127 = missing. N is
    arbitrary if the network's operators allow it, else 1. The file's metadata document all this.

    Args:
        network: the network's registered name.
        output: the .onnx file.
        weights: a name of the catalog or a .safetensors file; None for the catalog's.
        image_size: side of the pictures in pixels; None for the training size.
        as_bytes: use bytes instead of floats for input and output.
        tolerance: largest accepted difference, see `ExportedInpainter`; None for 0.01 of 2, or 2 of
            255.
        overwrite: whether to replace an existing file.

    Raises:
        MissingDependencyError: onnx, onnxscript or onnxruntime is missing.
        InputError: the side is below 1, or the name does not end in .onnx.
        ConfigurationError: the name is not that of a network (as for classical methods), or ONNX
            has no counterpart for one of its operators.
        WeightsError: the weights are missing or damaged, or the pictures differ by more than
            `tolerance`; then nothing is written.
        OutputError: the file exists and `overwrite` is False, or cannot be written.
    """
    target = check_target(output, overwrite=overwrite)
    if image_size is not None and image_size < 1:
        raise InputError(f"image_size must be 1 or more, but is {image_size!r}.")
    _check_network(network)
    loaded: Any = load_completion_network(network, weights)
    return write_onnx(
        self_guided(loaded),
        target,
        name=network,
        side=image_size or int(loaded.input_size),
        as_bytes=as_bytes,
        tolerance=tolerance,
        overwrite=overwrite,
        source="the catalog" if weights is None else Path(weights).name,
    )


def network_of(weights: str | os.PathLike[str]) -> str | None:
    """The network that weights belong to, by their record or header; None for "default".

    Raises:
        ConfigurationError: the name is unknown.
        WeightsError: the file does not exist or cannot be read.
    """
    if os.fspath(weights) == "default":
        return None
    file = resolve(weights, "inpainter")
    return read_metadata(file).get("architecture")


def _check_network(name: str) -> None:
    if name in CLASSICAL:
        raise ConfigurationError(
            f"{name!r} completes without a network: there is nothing to write as ONNX."
        )
    if name == "semantic" or name in FACE_GENERATORS:
        raise ConfigurationError(
            f"{name!r} cannot be written as ONNX: the method 'semantic' searches the latents of a "
            "face generator by gradient descent, for which ONNX has no operators."
        )
    if name not in NETWORKS:
        raise unknown_name("completion network", name, NETWORKS)


def write_onnx(
    network: nn.Module,
    target: Path,
    *,
    name: str,
    side: int,
    as_bytes: bool = False,
    tolerance: float | None = None,
    overwrite: bool = False,
    source: str = "",
) -> ExportedInpainter:
    """Write a loaded completion network; see `export_inpainter`."""
    check_target(target, overwrite=overwrite)
    # Merge weights that are sums in training.
    merge = getattr(network, "merge", None)
    plain = merge() if callable(merge) else network
    wrapped = _Completed(plain.float().cpu(), as_bytes=as_bytes).eval()
    program, any_batch = _exported(wrapped, name, side)
    program.model.producer_name = "unmask"
    program.model.metadata_props.update(_metadata(name, side, as_bytes, any_batch, source))
    if tolerance is None:
        tolerance = 2.0 if as_bytes else 0.01
    with atomic_path(target, overwrite=overwrite) as temporary:
        program.save(temporary)
        difference = _difference(temporary, wrapped, side, any_batch)
        if not difference <= tolerance:
            raise WeightsError(
                f"The exported network {name!r} differs from PyTorch's by {difference:.2g}, more "
                f"than {tolerance:g}; nothing was written."
            )
    return ExportedInpainter(target, target.stat().st_size, side, any_batch, difference)


class _Completed(nn.Module):
    """A completion network that returns only the completed picture, from floats or bytes."""

    def __init__(self, network: nn.Module, *, as_bytes: bool) -> None:
        super().__init__()
        self.network, self.as_bytes = network, as_bytes
        self.opset = int(getattr(network, "onnx_opset", 18))

    def forward(self, image: Tensor, hole: Tensor) -> Tensor:
        if not self.as_bytes:
            return self.network(image, hole).completed
        missing = (hole > 127)[:, None]
        painted = self.network(from_bytes(image), missing.float()).prediction
        # Known bytes are returned unchanged, regardless of rounding.
        return torch.where(missing.permute(0, 2, 3, 1), to_bytes(painted), image)

    def sample(self, count: int, side: int) -> tuple[Tensor, Tensor]:
        """Reproducible random pictures with a hole in the middle."""
        random = torch.Generator().manual_seed(0)
        hole = torch.zeros(count, 1, side, side)
        hole[:, :, side // 3 : max(side // 3 + 1, 3 * side // 4), side // 4 : 1 + 3 * side // 4] = 1
        if self.as_bytes:
            pixels = torch.randint(0, 256, (count, side, side, 3), generator=random)
            return pixels.to(torch.uint8), (255 * hole[:, 0]).to(torch.uint8)
        return torch.rand(count, 3, side, side, generator=random) * 2.0 - 1.0, hole


def _exported(network: _Completed, name: str, side: int) -> tuple[Any, bool]:
    """Trace a network for batches of any size, or else for single pictures."""
    # Whatever a network loads on its first call must be loaded before tracing.
    with torch.no_grad():
        network(*network.sample(1, side))
    batch = torch.export.Dim("batch")
    problem: Exception | None = None
    for count, shapes in ((2, ({0: batch}, {0: batch})), (1, None)):
        try:
            with exporter_silenced():
                program = torch.onnx.export(
                    network,
                    network.sample(count, side),
                    dynamo=True,
                    verbose=False,
                    input_names=["image", "hole"],
                    output_names=["completed"],
                    dynamic_shapes=shapes,
                    opset_version=network.opset,
                )
        except Exception as error:
            problem = error
            continue
        assert program is not None
        if shapes is None:
            return program, False
        # Some operators silently fix the batch size to the traced one.
        sides = program.model.graph.inputs[0].shape
        if sides is not None and not isinstance(sides[0], int):
            return program, True
    reason = str(problem.__cause__ or problem).strip().splitlines()[0] if problem else ""
    raise ConfigurationError(
        f"The network {name!r} cannot be written as ONNX, which has no equivalent of one of its "
        f"operators ({reason.strip()[:200]})."
    ) from problem


def _metadata(
    name: str, side: int, as_bytes: bool, any_batch: bool, source: str
) -> Mapping[str, str]:
    floats = "float32 RGB (N, 3, S, S), -1 to 1; hole float32 (N, 1, S, S), 1 = missing"
    pixels = "uint8 RGB (N, S, S, 3); hole uint8 (N, S, S), above 127 = missing"
    return {
        "task": "completion of faces; a filled face is a guess, never evidence of who someone is",
        "architecture": name,
        "image_size": str(side),
        "any_batch": json.dumps(any_batch),
        "input": pixels if as_bytes else floats,
        "completed": "as the image: painted in the hole, untouched elsewhere",
        "source": source,
        "license": LICENCE,
    }


def _difference(file: Path, network: _Completed, side: int, any_batch: bool) -> float:
    """Compare both networks on random pictures, singly and in a batch of another size."""
    exported = OnnxNetwork(file)
    worst = 0.0
    for count in (1, 3) if any_batch else (1,):
        image, hole = network.sample(count, side)
        (found,) = exported.run(None, {"image": image.numpy(), "hole": hole.numpy()})
        with torch.inference_mode():
            expected = network(image, hole)
        distance = (torch.from_numpy(found).float() - expected.float()).abs().max()
        worst = max(worst, float(distance))
    return worst
