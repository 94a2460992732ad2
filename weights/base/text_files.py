"""Reading external text files: UTF-8, or UTF-16 with a byte order mark."""

from __future__ import annotations

import codecs
from pathlib import Path

from weights.base.errors import InputError


def read_lines(path: Path, what: str) -> list[str]:
    r"""Read the lines of a text file, which end only at `\n`, `\r\n` or `\r`.

    Unicode line separators, which JSON allows inside strings, do not end a line.

    Args:
        path: the file.
        what: what it is, for the error message, such as "the annotations".

    Raises:
        InputError: the file cannot be read, or has another encoding.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise InputError(f"Cannot read {what} {path}: {error.strerror or error}.") from error
    wide = content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    try:
        text = content.decode("utf-16" if wide else "utf-8-sig")
    except UnicodeDecodeError as error:
        raise InputError(f"Cannot read {what} {path}: it is not UTF-8 text.") from error
    lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    return lines if lines[-1] else lines[:-1]
