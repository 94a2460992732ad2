"""Benchmarks the completion networks: size, arithmetic, time and memory."""

from __future__ import annotations

import inspect
import os
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final

from inpainter.networks.registry import NETWORKS
from inpainter.registry import create_model
from pipeline.apps.bench.own_process import MeasurementError, answer, measure_alone
from pipeline.apps.bench.pipeline import Timing, memory_growth, timed_runs
from pipeline.evaluation.document import Table, cells, markdown_table
from weights.base.errors import InputError, UnmaskError
from weights.base.names import import_object
from weights.base.onnx_export import onnx_session, openvino_core

BACKENDS: Final[dict[str, str]] = {
    "fp32": "torch fp32",
    "bf16": "torch bf16",
    "onnxruntime": "ONNX Runtime",
    "openvino": "OpenVINO",
}
"""Backends, and their headings in tables."""

SIDES: Final = (256, 512, 1024)
"""Sides of the pictures whose multiply-adds are counted."""


@dataclass(frozen=True)
class ModelFigures:
    """Cost of one completion network.

    Attributes:
        name: the network's registered name.
        parameters: number of parameters.
        multiply_adds: per picture, by its side; Fourier transforms and deformable convolutions are
            not counted.
        milliseconds: per picture, by backend; backends that cannot run it are missing.
        peak_memory: peak growth of the process while building the network and completing one
            picture in fp32, in bytes; None if not measured.
        failures: reason for each missing backend.
    """

    name: str
    parameters: int
    multiply_adds: dict[int, int]
    milliseconds: dict[str, Timing] = field(default_factory=dict)
    peak_memory: int | None = None
    failures: dict[str, str] = field(default_factory=dict)

    @property
    def growth(self) -> float:
        """Multiply-adds at the largest side over those at the smallest: 16 is linear in area."""
        return self.multiply_adds[max(SIDES)] / self.multiply_adds[min(SIDES)]


def count_model(name: str) -> ModelFigures:
    """Count a network's parameters and multiply-adds, without running it.

    A network built for one side is rebuilt for each.

    Raises:
        ConfigurationError: the name is unknown.
    """
    import torch

    from weights.catalog.description import count_multiply_adds, count_parameters

    parameters, multiply_adds = 0, {}
    for side in SIDES:
        with torch.device("meta"):
            network = create_model(name, **_options(name, side)).eval()
            if side == SIDES[0]:
                parameters = count_parameters(network)
            image, hole = torch.zeros(1, 3, side, side), torch.ones(1, 1, side, side)
            multiply_adds[side] = count_multiply_adds(network, image, hole)
    return ModelFigures(name, parameters, multiply_adds)


def _options(name: str, side: int) -> dict[str, Any]:
    if (
        name in NETWORKS
        and "resolution" in inspect.signature(import_object(NETWORKS[name])).parameters
    ):
        return {"resolution": side}
    return {}


def measure_models(
    names: Sequence[str],
    *,
    backends: Sequence[str] = tuple(BACKENDS),
    side: int = 256,
    threads: int = 2,
    runs: int = 5,
    time_limit: float = 600.0,
) -> Iterator[ModelFigures]:
    """Measure networks with random weights on the CPU, each in its own process.

    Args:
        names: registered networks.
        backends: which of `BACKENDS` to time; those that are not installed are left out.
        side: of the timed pictures, pixels.
        threads: CPU threads.
        runs: timed runs of each, after a warm-up run.
        time_limit: seconds after which a network's process is killed.

    Yields:
        Each network's figures as soon as they are measured.

    Raises:
        ConfigurationError: a name is unknown.
        InputError: a backend is unknown.
    """
    for backend in backends:
        if backend not in BACKENDS:
            raise InputError(f"Unknown backend {backend!r}: use some of {', '.join(BACKENDS)}.")
    for name in names:
        counted = count_model(name)
        if not backends:
            yield counted
            continue
        task = {"name": name, "side": side, "threads": threads, "runs": runs}
        try:
            found = measure_alone(
                "pipeline.apps.bench.networks", {**task, "backends": list(backends)}, time_limit
            )
        except MeasurementError as reason:
            yield replace(counted, failures=dict.fromkeys(backends, str(reason)))
            continue
        found["milliseconds"] = {
            backend: Timing(**timing) for backend, timing in found["milliseconds"].items()
        }
        yield replace(counted, **found)


def measure_here(task: Mapping[str, Any]) -> dict[str, Any]:
    """Measure one network in this process.

    Args:
        task: `name`, `backends`, `side`, `threads` and `runs`.
    """
    import torch

    torch.set_num_threads(task["threads"])
    torch.manual_seed(0)
    side = task["side"]
    image, hole = torch.rand(1, 3, side, side) * 2.0 - 1.0, torch.zeros(1, 1, side, side)
    hole[:, :, side // 3 : 5 * side // 6, side // 5 : 4 * side // 5] = 1.0
    image = image.contiguous(memory_format=torch.channels_last)
    built: list[Any] = []

    def build_and_complete() -> None:
        network = create_model(task["name"], **_options(task["name"], side)).eval()
        built.append(network.to(memory_format=torch.channels_last))
        with torch.inference_mode():
            built[0](image, hole)

    grown = memory_growth(build_and_complete)
    network = built[0]
    milliseconds: dict[str, Timing] = {}
    failures: dict[str, str] = {}
    # ONNX first: bfloat16 changes the network permanently.
    for backend in sorted(task["backends"], key=["fp32", "onnxruntime", "openvino", "bf16"].index):
        if backend in ("onnxruntime", "openvino") and find_spec(backend) is None:
            failures[backend] = f"{backend} is not installed"
            continue
        try:
            run = _call(backend, network, image, hole, task)
            run()
            milliseconds[backend] = timed_runs(run, task["runs"], unit=1e-3)
        except (UnmaskError, RuntimeError, NotImplementedError) as error:
            failures[backend] = str(error).strip().splitlines()[0]
    return {
        "milliseconds": {backend: asdict(timing) for backend, timing in milliseconds.items()},
        "peak_memory": grown,
        "failures": failures,
    }


def _call(
    backend: str, network: Any, image: Any, hole: Any, task: Mapping[str, Any]
) -> Callable[[], Any]:
    """Prepare a network on a backend; return the function that completes the image with it."""
    import torch

    from inpainter.export import write_onnx

    if backend == "fp32":
        return torch.inference_mode()(lambda: network(image, hole))
    if backend == "bf16":
        halved, small_image, small_hole = (one.to(torch.bfloat16) for one in (network, image, hole))
        return torch.inference_mode()(lambda: halved(small_image, small_hole))
    given = {"image": image.contiguous().numpy(), "hole": hole.numpy()}
    threads = task["threads"]
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "network.onnx"
        # Agreement means nothing with random weights; `unmask export` compares trained ones.
        write_onnx(network, file, name=task["name"], side=task["side"], tolerance=float("inf"))
        if backend == "onnxruntime":
            session = onnx_session(os.fspath(file), threads=threads)
            return lambda: session.run(None, given)
        options = {"INFERENCE_NUM_THREADS": threads}
        compiled = openvino_core().compile_model(os.fspath(file), "CPU", options)
    return lambda: compiled(given)


def models_table(figures: Sequence[ModelFigures], backends: Sequence[str]) -> str:
    """Format figures as a Markdown table, with a dash for what could not be measured."""
    headings = (
        "network",
        "parameters",
        *(f"GMACs at {side}" for side in SIDES[:2]),
        f"cost at {SIDES[2]} over {SIDES[0]}",
        *(f"{BACKENDS[backend]}, ms" for backend in backends),
        *(["peak memory, MiB"] if backends else []),
    )
    rows = []
    for one in figures:
        texts = [
            one.name,
            f"{one.parameters:,}",
            *(f"{one.multiply_adds[side] / 1e9:.2f}" for side in SIDES[:2]),
            f"{one.growth:.1f}",
        ]
        for backend in backends:
            timing = one.milliseconds.get(backend)
            texts.append("-" if timing is None else f"{timing.median:.0f}")
        if backends:
            memory = one.peak_memory
            texts.append("-" if memory is None else f"{memory / 2**20:.0f}")
        rows.append(cells(*texts))
    return markdown_table(Table("", headings, tuple(rows))) + "\n"


if __name__ == "__main__":
    answer(measure_here)
