"""The temporary folder that torch makes for its compiler, which no program should leave behind."""

from __future__ import annotations

import os
import tempfile
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_VARIABLE = "TORCHINDUCTOR_CACHE_DIR"


@contextmanager
def no_folder_left_by_torch() -> Iterator[None]:
    """Remove the temporary folder that torch makes for its compiler, if it stayed empty.

    It makes one as soon as torchvision is imported, and sets a variable to its name.
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
    """Inside the block, have torch's compiler use a folder that goes with all that it holds."""
    before = os.environ.get(_VARIABLE)
    with tempfile.TemporaryDirectory() as folder:
        os.environ[_VARIABLE] = folder
        try:
            yield
        finally:
            os.environ.pop(_VARIABLE, None)
            if before is not None:
                os.environ[_VARIABLE] = before
