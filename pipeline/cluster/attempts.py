"""Finding the picture that kills its worker: what is begun over and over, and never ends."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

MOST_LOSSES = 2
"""How many workers may be lost at a picture alone before it is given up."""


class Attempts:
    """Counts what was begun and has not ended."""

    def __init__(self) -> None:
        self._begun: Counter[str] = Counter()

    def begin(self, keys: Sequence[str]) -> list[int]:
        """Note that work begins; gives for each key how often it had begun without an end."""
        before = [self._begun[key] for key in keys]
        self._begun.update(keys)
        return before

    def end(self, keys: Sequence[str]) -> None:
        """Note that work ended well, and forget how often it began."""
        for key in keys:
            self._begun.pop(key, None)


class SharedAttempts:
    """The count of `Attempts` that workers of Ray share.

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
        """See `Attempts`."""
        import ray

        return ray.get(self._handle.begin.remote(list(keys)))

    def end(self, keys: Sequence[str]) -> None:
        """See `Attempts`."""
        import ray

        ray.get(self._handle.end.remote(list(keys)))
