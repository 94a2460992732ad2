"""Running networks with torch, or with ONNX Runtime or OpenVINO from an exported copy.

A network is exported on first use into a cache keyed by its weights; nothing is downloaded. Inputs
and outputs are torch tensors for every backend.
"""

from __future__ import annotations

import hashlib
import os
import tempfile
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from copy import deepcopy
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final, Literal, get_args

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from weights.base.atomic import write_whole
from weights.base.errors import ConfigurationError, MissingDependencyError, OutputError
from weights.base.names import unknown_name
from weights.base.onnx_export import (
    LIBRARIES,
    exporter_silenced,
    load_onnx_runtime,
    onnx_session,
    openvino_core,
    openvino_works,
)
from weights.images.mark import unmask_version

Compute = Callable[[Sequence[NDArray[Any]]], Sequence[NDArray[Any]]]

Backend = Literal["torch", "onnxruntime", "openvino"]

BACKENDS: Final = ("auto", *get_args(Backend))
"""Accepted names; "auto" is OpenVINO on a CPU if it is installed, else torch."""

_OPSET: Final = 18

_PROVIDERS: Final = {
    "cpu": "CPUExecutionProvider",
    "cuda": "CUDAExecutionProvider",
    "mps": "CoreMLExecutionProvider",
}
"""ONNX Runtime's names for torch devices."""


def choose_backend(name: str, device: torch.device) -> Backend:
    """Choose the backend for networks on a device.

    "auto" is OpenVINO on a CPU if it is installed, otherwise torch. Nothing is measured.

    Args:
        name: one of `BACKENDS`.
        device: where networks run.

    Raises:
        ConfigurationError: the name is unknown, or that library cannot use the device.
        MissingDependencyError: a required library is not installed.
    """
    if name == "auto":
        wanted = device.type == "cpu" and not _missing("openvino")
        return "openvino" if wanted else "torch"
    chosen: Backend | None = next((one for one in get_args(Backend) if one == name), None)
    if chosen is None:
        raise unknown_name("backend", str(name), BACKENDS)
    missing = [] if chosen == "torch" else _missing(chosen)
    if missing:
        extra = "openvino" if chosen == "openvino" else "export"
        raise MissingDependencyError(
            f"The backend {name!r} needs {', '.join(missing)}: install with "
            f"pip install 'unmask[{extra}]'."
        )
    if chosen == "openvino" and device.type != "cpu":
        raise ConfigurationError(
            f"The backend 'openvino' runs on the CPU, not on {str(device)!r}: choose device='cpu' "
            "or backend='torch'."
        )
    return chosen


def _missing(backend: str) -> list[str]:
    needed = {*LIBRARIES, backend}
    return sorted(library for library in needed if find_spec(library) is None)


def on_backend(
    backend: Backend, network: nn.Module, device: torch.device, dtype: torch.dtype = torch.float32
) -> Callable[..., Any]:
    """Prepare a network to be run by torch or another library.

    Args:
        backend: the backend, see `choose_backend`.
        network: takes tensors and returns one or a tuple of them, each with the batch first.
        device: where it runs.
        dtype: of its arithmetic; ONNX Runtime always computes in float32.

    Returns:
        A callable with the network's signature and results.
    """
    if backend != "torch":
        return CompiledNetwork(network, backend, device, dtype)
    return network.to(device, dtype)


def to_network_input(pictures: NDArray[np.uint8], device: torch.device) -> Tensor:
    """Turn uint8 RGB `(N, H, W, 3)` into `(N, 3, H, W)` in [0, 1], channels last in memory.

    NumPy does the arithmetic: torch's threads take longer to start, and then slow down those of
    OpenVINO by waiting for more work.
    """
    scaled = np.multiply(pictures, np.float32(1.0 / 255.0), dtype=np.float32)
    return torch.from_numpy(scaled).to(device).permute(0, 3, 1, 2)


class CompiledNetwork:
    """A network run by ONNX Runtime or OpenVINO, one picture of a batch at a time.

    Torch takes over where OpenVINO does not work, see `openvino_works`.

    Args:
        network: as for `on_backend`.
        backend: the backend.
        device: where it runs.
        dtype: of its arithmetic, if the library offers a choice.
    """

    def __init__(
        self, network: nn.Module, backend: Backend, device: torch.device, dtype: torch.dtype
    ) -> None:
        # Later changes to the network, such as hooks, are not exported.
        self._network = deepcopy(network).cpu().float().eval()
        self._backend, self._device, self._dtype = backend, device, dtype
        self._lock = threading.Lock()
        self._compiled: dict[tuple[int, tuple[torch.Size, ...]], Compute] = {}

    def __call__(self, *inputs: Tensor) -> Any:
        """Run the network on a batch; it is recompiled for inputs of a new size."""
        given = [one.float().cpu() for one in inputs]
        if self._backend == "openvino" and not openvino_works():
            with torch.inference_mode():
                computed = self._network(*given)
            outputs = [computed] if isinstance(computed, Tensor) else list(computed)
        else:
            pictures = zip(*(one.split(1) for one in given), strict=True)
            with self._lock:
                compute = self._compiled_for(given)
                found = [
                    [torch.from_numpy(array.copy()) for array in compute(arrays)]
                    for arrays in ([np.ascontiguousarray(one) for one in own] for own in pictures)
                ]
            outputs = [torch.cat(parts) for parts in zip(*found, strict=True)]
        outputs = [one.to(self._device) for one in outputs]
        return outputs[0] if len(outputs) == 1 else tuple(outputs)

    def _compiled_for(self, inputs: list[Tensor]) -> Compute:
        # A forked process lacks the threads of what its parent compiled.
        key = os.getpid(), tuple(one.shape[1:] for one in inputs)
        if key not in self._compiled:
            content = _exported(self._network, tuple(one[:1] for one in inputs))
            if self._backend == "openvino":
                self._compiled[key] = _with_openvino(content, self._dtype)
            else:
                self._compiled[key] = _with_onnx_runtime(content, self._device)
        return self._compiled[key]


def _with_onnx_runtime(content: bytes, device: torch.device) -> Compute:
    provider = _PROVIDERS.get(device.type, device.type)
    if provider not in load_onnx_runtime().get_available_providers():
        raise ConfigurationError(
            f"The installed ONNX Runtime has no {provider} for the device {str(device)!r}: install "
            "one that does, or choose another backend or device."
        )
    place = {} if device.index is None else {"device_id": device.index}
    session = onnx_session(content, (provider, place), threads=torch.get_num_threads())
    names = [one.name for one in session.get_inputs()]
    return lambda arrays: session.run(None, dict(zip(names, arrays, strict=True)))


def _with_openvino(content: bytes, dtype: torch.dtype) -> Compute:
    core = openvino_core()
    compiled = core.compile_model(
        core.read_model(content, b""),
        "CPU",
        {
            "PERFORMANCE_HINT": "LATENCY",
            "INFERENCE_NUM_THREADS": torch.get_num_threads(),
            "INFERENCE_PRECISION_HINT": "bf16" if dtype == torch.bfloat16 else "f32",
        },
    )
    return lambda arrays: list(compiled(list(arrays)).values())


def cache_folder() -> Path:
    """Folder of exported networks: in `UNMASK_HOME` if it is set, else in the user's cache."""
    home = os.environ.get("UNMASK_HOME")
    if home:
        return Path(home).expanduser() / "exported"
    return Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache").expanduser() / "unmask" / "exported"


def _exported(network: nn.Module, sample: tuple[Tensor, ...]) -> bytes:
    """Return a network as ONNX for one picture of the sample's shape, from the cache if possible.

    If the cache cannot be written, it is not used.
    """
    file = cache_folder() / f"{_key(network, sample)}.onnx"
    if file.is_file():
        return file.read_bytes()
    with tempfile.TemporaryDirectory() as folder, exporter_silenced():
        written = Path(folder) / "network.onnx"
        program = torch.onnx.export(
            network, sample, dynamo=True, verbose=False, opset_version=_OPSET
        )
        assert program is not None
        program.save(written)
        content = written.read_bytes()
    with suppress(OutputError):
        write_whole(file, content, overwrite=True)
    return content


def _key(network: nn.Module, sample: tuple[Tensor, ...]) -> str:
    """Cache key of an exported network: layers, weights, shapes, and versions of the exporters."""
    shapes = [tuple(one.shape) for one in sample]
    digest = hashlib.sha256(
        repr((network, shapes, unmask_version(), torch.__version__, _OPSET)).encode()
    )
    for name, tensor in network.state_dict().items():
        digest.update(name.encode())
        digest.update(tensor.contiguous().numpy().tobytes())
    return digest.hexdigest()
