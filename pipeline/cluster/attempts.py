"""Finding the picture that kills its worker: it is begun repeatedly and never finished."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

MOST_LOSSES = 2
"""How many workers may be lost to a single picture before it is given up."""


class Attempts:
    """Counts work that was begun but not finished."""

    def __init__(self) -> None:
        self._begun: Counter[str] = Counter()

    def begin(self, keys: Sequence[str]) -> list[int]:
        """Record that work begins; return how often each key was begun before without finishing."""
        before = [self._begun[key] for key in keys]
        self._begun.update(keys)
        return before

    def end(self, keys: Sequence[str]) -> None:
        """Record that work finished, and reset its counts."""
        for key in keys:
            self._begun.pop(key, None)


class SharedAttempts:
    """An `Attempts` counter shared by Ray workers.

    Args:
        handle: of the actor that holds the counter.
    """

    def __init__(self, handle: Any) -> None:
        self._handle = handle

    @classmethod
    def start(cls, ray: Any) -> SharedAttempts:
        """Start the actor."""
        return cls(ray.remote(num_cpus=0)(Attempts).remote())

    def begin(self, keys: Sequence[str]) -> list[int]:
        """See `Attempts`."""
        import ray

        return ray.get(self._handle.begin.remote(list(keys)))

    def end(self, keys: Sequence[str]) -> None:
        """See `Attempts`."""
        import ray

        ray.get(self._handle.end.remote(list(keys)))
