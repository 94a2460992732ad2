"""Shared parts of ONNX exports: loading libraries, checks, silencing, and comparing outputs."""

from __future__ import annotations

import functools
import importlib
import logging
import os
import sys
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from weights.base.errors import ConfigurationError, InputError, MissingDependencyError, OutputError
from weights.base.silence import silenced
from weights.base.torch_folder import torch_folder_removed

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from numpy.typing import NDArray

LICENCE: Final = "AGPL-3.0-or-later"
"""Licence of exported networks, written to the file's metadata."""

LIBRARIES: Final = ("onnx", "onnxscript", "onnxruntime")
"""Libraries needed to export and to compare."""


def check_target(output: str | os.PathLike[str], *, overwrite: bool) -> Path:
    """Return the path of an ONNX file that may be written.

    Raises:
        MissingDependencyError: one of `LIBRARIES` is missing.
        InputError: the name does not end in .onnx.
        OutputError: the file exists and `overwrite` is False.
    """
    missing = [name for name in LIBRARIES if find_spec(name) is None]
    if missing:
        raise MissingDependencyError(
            f"The export to ONNX needs {', '.join(missing)}: install with "
            "pip install 'unmask[export]'."
        )
    target = Path(output)
    if target.suffix != ".onnx":
        raise InputError(f"An ONNX file's name must end in .onnx, but is {target.name!r}.")
    if target.exists() and not overwrite:
        raise OutputError(f"{target} exists already and is not overwritten unless asked.")
    return target


def load_onnx_runtime() -> Any:
    """Import ONNX Runtime without its telemetry, which since 1.32 reports every start."""
    os.environ["ORT_DISABLE_TELEMETRY"] = "1"
    return importlib.import_module("onnxruntime")


def onnx_session(
    model: str | bytes,
    provider: tuple[str, Mapping[str, Any]] = ("CPUExecutionProvider", {}),
    *,
    threads: int = 0,
) -> Any:
    """Open a network with ONNX Runtime.

    Args:
        model: the file, or its content.
        provider: execution provider, with its options.
        threads: number of threads; 0 leaves it to ONNX Runtime.
    """
    onnxruntime = load_onnx_runtime()
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    # Errors only, which are raised as exceptions too.
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(model, options, providers=[provider])


def load_openvino() -> Any:
    """Import OpenVINO without its telemetry, which reports every start."""
    if "openvino" in sys.modules:
        return sys.modules["openvino"]
    # OpenVINO works without its telemetry package if that cannot be imported.
    sys.modules["openvino_telemetry"] = None  # type: ignore[assignment]
    try:
        return importlib.import_module("openvino")
    finally:
        del sys.modules["openvino_telemetry"]


def openvino_works() -> bool:
    """Whether OpenVINO can run here: not in a process forked after it was started.

    Its threads do not exist in the child, and waiting for them hangs, even with a new core.
    """
    return _core_starter in (None, os.getpid())


def openvino_core() -> Any:
    """Return this process's only OpenVINO core.

    Its CPU plugin gives the thread a stack for signal handlers. When one of several cores is
    destroyed, that stack may be freed and Ctrl-C crash; so a single core is kept forever.
    """
    global _core_starter
    _core_starter = os.getpid()
    return _openvino_core()


_core_starter: int | None = None


@functools.cache
def _openvino_core() -> Any:
    return load_openvino().Core()


@contextmanager
def exporter_silenced() -> Iterator[None]:
    """Suppress the exporter's messages, its telemetry, and the files it leaves behind.

    The exported network is compared afterwards.
    """
    load_onnx_runtime()
    with torch_folder_removed(), silenced("torch.onnx", logging.CRITICAL):
        yield


class OnnxNetwork:
    """An ONNX file opened with ONNX Runtime on the CPU, to compare its outputs.

    Args:
        file: the file.

    Raises:
        ConfigurationError: ONNX Runtime cannot load it.
    """

    def __init__(self, file: str | os.PathLike[str]) -> None:
        load_onnx_runtime()
        with _errors_converted("load"):
            self._session = onnx_session(os.fspath(file))

    def run(
        self, outputs: Sequence[str] | None, given: Mapping[str, NDArray[Any]]
    ) -> list[NDArray[Any]]:
        """Run the network.

        Args:
            outputs: names of the outputs, None for all.
            given: each input by its name.

        Raises:
            ConfigurationError: ONNX Runtime cannot run it.
        """
        with _errors_converted("compute"):
            found: list[NDArray[Any]] = self._session.run(outputs, given)
        return found


@contextmanager
def _errors_converted(action: str) -> Iterator[None]:
    """Turn ONNX Runtime's exceptions, which share no base class, into `ConfigurationError`."""
    try:
        yield
    except Exception as error:
        reason = str(error).strip().splitlines() or [type(error).__name__]
        raise ConfigurationError(
            f"ONNX Runtime cannot {action} the exported network ({reason[0][:200]}): try another "
            "size or another version of onnxruntime; no file was left."
        ) from error
