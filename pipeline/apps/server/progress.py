"""How far requests are that want to be followed."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from pipeline.apps.server.answers import Progress

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pipeline.steps import StageProgress

WAITING: Final = "waiting"
"""In the place of a stage before the first one begins."""

_SHARES: Final = {"detector": 0.2, "refiner": 0.1, "inpainter": 0.6, "blender": 0.1}
"""About how much of a request's time each stage takes, in the order of the stages."""


class ProgressBoard:
    """Says by name how far requests are; each is forgotten with its answer."""

    def __init__(self) -> None:
        self._steps: dict[str, Progress] = {}

    def look(self, name: str) -> Progress:
        """Return how far a request is; of one that is unknown, no stage."""
        return self._steps.get(name, Progress())

    @contextmanager
    def following(self, name: str | None) -> Iterator[StageProgress | None]:
        """Give what `Pipeline.run` is to call while a request is worked on; None for no name."""
        if name is None:
            yield None
            return
        self._steps[name] = Progress(stage=WAITING)
        try:
            yield lambda *progress: self._steps.update({name: _overall(*progress)})
        finally:
            self._steps.pop(name, None)


def _overall(stage: str, done: int, total: int) -> Progress:
    stages = list(_SHARES)
    index = stages.index(stage)
    before = sum(list(_SHARES.values())[:index])
    # Once all of a stage is done, it is the next one that is worked on.
    current = stages[min(index + (done == total), len(stages) - 1)]
    return Progress(stage=current, share=before + _SHARES[stage] * done / total)
