"""Removing the temporary folder that torch creates for its compiler."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

_VARIABLE = "TORCHINDUCTOR_CACHE_DIR"


@contextmanager
def no_folder_left_by_torch() -> Iterator[None]:
    """Remove the temporary folder that torch creates for its compiler, if it stayed empty.

    Torch creates it as soon as torchvision is imported, and stores its name in a variable.
    """
    before = os.environ.get(_VARIABLE)
    try:
        yield
    finally:
        if before is None and _VARIABLE in os.environ:
            with suppress(OSError):
                Path(os.environ.pop(_VARIABLE)).rmdir()


@contextmanager
def torch_folder_removed() -> Iterator[None]:
    """Make torch's compiler use a temporary folder that is removed after the block."""
    before = os.environ.get(_VARIABLE)
    with tempfile.TemporaryDirectory() as folder:
        os.environ[_VARIABLE] = folder
        try:
            yield
        finally:
            os.environ.pop(_VARIABLE, None)
            if before is not None:
                os.environ[_VARIABLE] = before
