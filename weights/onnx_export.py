"""What every export to ONNX needs: its libraries, its checks, quiet, and a session to compare."""

from __future__ import annotations

import logging
import os
import warnings
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from weights.errors import InputError, MissingDependencyError, OutputError

if TYPE_CHECKING:
    from collections.abc import Iterator

LICENCE: Final = "AGPL-3.0-or-later"
"""Licence of exported networks, as it stands in the file's metadata."""

LIBRARIES: Final = ("onnx", "onnxscript", "onnxruntime")
"""What is needed to write and to compare."""


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


@contextmanager
def exporter_silenced() -> Iterator[None]:
    """Keep back the exporter's remarks on its own workings; what counts is compared afterwards."""
    logger = logging.getLogger("torch.onnx")
    level = logger.level
    logger.setLevel(logging.CRITICAL)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logger.setLevel(level)


def open_session(file: str | os.PathLike[str]) -> Any:
    """Open an ONNX file with ONNX Runtime on the CPU, which then reports errors only."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(
        os.fspath(file), options, providers=["CPUExecutionProvider"]
    )
