"""Files decoded once and served from memory, as many as fit."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

from weights.base.errors import InputError

_Entry = TypeVar("_Entry")
_Arrays = TypeVar("_Arrays", bound="tuple[NDArray[Any], ...]")

MEMORY_SHARE = 0.5
"""Fraction of the available memory that decoded files may take."""


def decoding_memory() -> float:
    """Return the bytes that decoded files may take; processes that train together share them.

    Unlimited if the system does not report its memory.
    """
    # torchrun and Lightning's own launcher both set how many processes share this machine.
    processes = os.environ.get("LOCAL_WORLD_SIZE") or os.environ.get("WORLD_SIZE") or "1"
    return MEMORY_SHARE * available_memory() / max(1, int(processes))


def available_memory() -> float:
    """Return the bytes available without swapping; on Linux, this includes caches."""
    try:
        lines = Path("/proc/meminfo").read_text(encoding="ascii").splitlines()
        sizes = dict(line.split(":", 1) for line in lines)
        return 1024.0 * float(sizes["MemAvailable"].split()[0])
    except (OSError, ValueError, KeyError):
        pass
    try:
        return float(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE"))
    except (AttributeError, ValueError, OSError):
        return float("inf")


class DecodedFiles(Generic[_Entry, _Arrays]):
    """Entries whose files are decoded once, on all cores, until their memory is full.

    The rest is decoded on each access, so that data sets of any size can be used.

    Args:
        entries: what to decode; entries that cannot be decoded are left out and listed in `failed`.
        decode: reads the files of one entry; raises `InputError` on failure.
        what: what the entries are, in the plural, for the error message.
        memory: bytes to keep at most; None for `decoding_memory`.

    Raises:
        InputError: none can be decoded.
    """

    def __init__(
        self,
        entries: Sequence[_Entry],
        decode: Callable[[_Entry], _Arrays],
        what: str,
        memory: float | None = None,
    ) -> None:
        self._decode = decode
        self._left = decoding_memory() if memory is None else memory
        with ThreadPoolExecutor() as pool:
            decoded = list(pool.map(self._kept_or_reason, entries))
        chosen = [
            (entry, one)
            for entry, one in zip(entries, decoded, strict=True)
            if not isinstance(one, str)
        ]
        self.entries = [entry for entry, _ in chosen]
        self._kept = [one for _, one in chosen]
        self.failed = [one for one in decoded if isinstance(one, str)]
        if not self.entries:
            raise InputError(f"None of the {what} can be decoded: " + "; ".join(self.failed[:3]))

    def _kept_or_reason(self, entry: _Entry) -> _Arrays | str | None:
        if self._left <= 0:
            return None
        try:
            arrays = self._decode(entry)
        except InputError as error:
            return str(error)
        # Threads may exceed this by a picture each, which does not matter.
        self._left -= sum(np.asarray(one).nbytes for one in arrays)
        return arrays

    def __len__(self) -> int:
        return len(self.entries)

    def __getitem__(self, index: int) -> _Arrays:
        """Return the arrays of one entry.

        Raises:
            InputError: it is not in memory, and its files cannot be decoded.
        """
        kept = self._kept[index]
        return self._decode(self.entries[index]) if kept is None else kept

    def __iter__(self) -> Iterator[_Arrays]:
        """Yield the arrays of all entries that can be decoded."""
        for index in range(len(self)):
            try:
                arrays = self[index]
            except InputError:
                continue
            yield arrays
