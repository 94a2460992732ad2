"""The digest that identifies weight files."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

from weights.base.errors import WeightsError


def file_sha256(path: str | os.PathLike[str]) -> str:
    """SHA-256 of a file's content, 64 lower-case hexadecimal digits.

    Raises:
        WeightsError: the file cannot be read.
    """
    try:
        with Path(path).open("rb") as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest()
    except OSError as error:
        raise WeightsError(f"Cannot read {os.fspath(path)}: {error.strerror or error}.") from error
