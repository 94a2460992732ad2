"""Progress of requests that asked to be followed."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from pipeline.apps.server.answers import Progress
from pipeline.steps import StageProgress

WAITING: Final = "waiting"
"""Stands for the stage before the first one begins."""

_SHARES: Final = {"detector": 0.2, "refiner": 0.1, "inpainter": 0.6, "blender": 0.1}
"""Rough fraction of a request's time taken by each stage, in order."""


class ProgressBoard:
    """Progress of requests by name; each is forgotten with its response."""

    def __init__(self) -> None:
        self._steps: dict[str, Progress] = {}

    def look(self, name: str) -> Progress:
        """Return a request's progress; without a stage if the request is unknown."""
        return self._steps.get(name, Progress())

    @contextmanager
    def following(self, name: str | None) -> Iterator[StageProgress | None]:
        """Yield the progress callback for `Pipeline.run`; None without a name."""
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
    # Once a stage is done, the next one is running.
    current = stages[min(index + (done == total), len(stages) - 1)]
    return Progress(stage=current, share=before + _SHARES[stage] * done / total)
