"""Files and folders on any file system that Arrow supports: local paths, s3://, gs://, hdfs://."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from weights.base.atomic import write_whole
from weights.base.errors import ExistsError, InputError, OutputError


@dataclass(frozen=True)
class Place:
    """A file or a folder, which need not exist.

    Attributes:
        filesystem: a `pyarrow.fs.FileSystem`.
        path: within it, with slashes.
    """

    filesystem: Any
    path: str

    @classmethod
    def named(cls, text: str | os.PathLike[str]) -> Place:
        """The place of a local path or a URI.

        Raises:
            InputError: the URI is of a kind that Arrow does not know.
        """
        import pyarrow
        import pyarrow.fs

        name = os.fspath(text)
        if not is_uri(name):
            return cls(pyarrow.fs.LocalFileSystem(), Path(name).absolute().as_posix())
        try:
            filesystem, path = pyarrow.fs.FileSystem.from_uri(name)
        except (pyarrow.ArrowInvalid, pyarrow.ArrowNotImplementedError, OSError) as error:
            raise InputError(f"{name} cannot be opened: {_line(error)}.") from error
        return cls(filesystem, path)

    def __truediv__(self, name: str) -> Place:
        return Place(self.filesystem, f"{self.path.rstrip('/')}/{name}")

    @property
    def is_local(self) -> bool:
        """Whether it is on a local file system."""
        return bool(self.filesystem.type_name == "local")

    def exists(self) -> bool:
        """Whether it is an existing file."""
        import pyarrow.fs

        return bool(self.filesystem.get_file_info(self.path).type == pyarrow.fs.FileType.File)

    def files(self) -> Iterator[str]:
        """Relative paths of all files in a folder and its subfolders, sorted; no hidden ones."""
        import pyarrow.fs

        selector = pyarrow.fs.FileSelector(self.path, recursive=True, allow_not_found=True)
        folder = self.path.rstrip("/") + "/"
        for info in sorted(self.filesystem.get_file_info(selector), key=lambda info: info.path):
            name = info.path.removeprefix(folder)
            hidden = any(part.startswith(".") for part in name.split("/"))
            if info.type == pyarrow.fs.FileType.File and not hidden:
                yield name

    def read(self) -> bytes:
        """The content of a file.

        Raises:
            InputError: it cannot be read.
        """
        try:
            with self.filesystem.open_input_stream(self.path) as stream:
                content: bytes = stream.read()
        except OSError as error:
            raise InputError(f"{self.path} cannot be read: {_line(error)}.") from error
        return content

    def write(self, content: bytes, *, overwrite: bool = False) -> None:
        """Write a file atomically.

        Raises:
            ExistsError: it exists and may not be replaced.
            OutputError: it cannot be written.
        """
        if self.is_local:
            write_whole(self.path, content, overwrite=overwrite)
            return
        if not overwrite and self.exists():
            raise ExistsError(f"{self.path} exists already and is not overwritten unless asked.")
        try:
            # Object stores show a file only once it is closed.
            with self.filesystem.open_output_stream(self.path) as stream:
                stream.write(content)
        except OSError as error:
            raise OutputError(f"Cannot write {self.path}: {_line(error)}.") from error


def is_uri(text: str) -> bool:
    """Whether a text is a URI rather than a path."""
    return "://" in text


def _line(error: BaseException) -> str:
    said = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    return " ".join(said.split()).removesuffix(".")
