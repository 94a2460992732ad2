"""Finding the picture that kills its worker: what is begun over and over, and never ends."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence

MOST_LOSSES = 2
"""How many workers may be lost at a picture alone before it is given up."""


class CountsAttempts(Protocol):
    """Counts what was begun and has not ended, over all workers."""

    def begin(self, keys: Sequence[str]) -> list[int]:
        """Note that work begins; gives for each key how often it had begun without an end."""
        ...

    def end(self, keys: Sequence[str]) -> None:
        """Note that work ended well, and forget how often it began."""
        ...


class Attempts:
    """The count itself, which one process holds."""

    def __init__(self) -> None:
        self._begun: Counter[str] = Counter()

    def begin(self, keys: Sequence[str]) -> list[int]:
        """See `CountsAttempts`."""
        before = [self._begun[key] for key in keys]
        self._begun.update(keys)
        return before

    def end(self, keys: Sequence[str]) -> None:
        """See `CountsAttempts`."""
        for key in keys:
            self._begun.pop(key, None)


class SharedAttempts:
    """A count that workers of Ray share.

    Args:
        handle: of the actor that holds it.
    """

    def __init__(self, handle: Any) -> None:
        self._handle = handle

    @classmethod
    def start(cls, ray: Any) -> SharedAttempts:
        """Start the actor."""
        return cls(ray.remote(num_cpus=0)(Attempts).remote())

    def begin(self, keys: Sequence[str]) -> list[int]:
        """See `CountsAttempts`."""
        import ray

        before: list[int] = ray.get(self._handle.begin.remote(list(keys)))
        return before

    def end(self, keys: Sequence[str]) -> None:
        """See `CountsAttempts`."""
        import ray

        ray.get(self._handle.end.remote(list(keys)))
