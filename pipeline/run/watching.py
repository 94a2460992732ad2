"""Watching a folder for new files that are complete."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TypeAlias

from pipeline.run.folder import FoundFile, find_files
from weights.base.errors import InputError

LOOKS = 2
"""Number of further polls without a change after which a file counts as complete."""


_Known: TypeAlias = tuple[tuple[int, int], int]
"""A file as last seen: its size and modification time, and for how many polls unchanged."""


class WatchedFolder:
    """Reports each picture and video of a folder once it is complete, and again after a change.

    It polls rather than relying on notifications, which network drives, containers and some systems
    do not send. It remembers one entry per file in the folder.

    Args:
        folder: the folder.
        output: where results go; files there are ignored.
        recursive: search subfolders too.

    Raises:
        InputError: there is no such folder, or results would go to the folder itself or above it,
            and be mistaken for new pictures.
    """

    def __init__(
        self,
        folder: str | os.PathLike[str],
        output: str | os.PathLike[str],
        *,
        recursive: bool = True,
    ) -> None:
        self._folder, self._output, self._recursive = Path(folder), Path(output), recursive
        if not self._folder.is_dir():
            raise InputError(f"To be watched, {folder} must be a folder that is there.")
        watched, results = self._folder.resolve(), self._output.resolve()
        if watched == results or results in watched.parents:
            raise InputError(
                f"Results in {output} would be taken for new pictures of {folder}: choose an "
                "output next to it or a separate folder inside it."
            )
        self._known: dict[Path, _Known] = {}

    def look(self) -> list[FoundFile]:
        """Poll once, and return the files that are complete now, sorted by name.

        Raises:
            InputError: the folder cannot be read at the moment; nothing remembered is lost.
        """
        found = find_files([self._folder], recursive=self._recursive, leave_out=self._output)
        known: dict[Path, _Known] = {}
        whole = []
        for file in found.files:
            try:
                status = file.path.stat()
            except OSError:
                continue
            state = status.st_size, status.st_mtime_ns
            before, unchanged = self._known.get(file.path, (None, 0))
            unchanged = unchanged + 1 if state == before else 0
            known[file.path] = state, unchanged
            if unchanged == LOOKS:
                whole.append(file)
        self._known = known
        return whole
