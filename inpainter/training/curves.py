"""The curves of a run as one picture, for those who do not start TensorBoard."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from weights.base.atomic import atomic_path

if TYPE_CHECKING:
    from pathlib import Path

CURVES = "curves"
"""Folder of a run with TensorBoard's files."""

_COLUMNS = 3


def draw_curves(folder: Path, picture: Path) -> None:
    """Draw every scalar that TensorBoard's files in a folder hold, one small plot each.

    Args:
        folder: with the files of all calls of a run.
        picture: the PNG; none is written where there is no scalar.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    # It warns of every file but the newest, though it reads them all.
    logging.getLogger("tensorboard").setLevel(logging.ERROR)
    events = EventAccumulator(str(folder), size_guidance={"scalars": 0})
    events.Reload()
    names = [name for name in sorted(events.Tags()["scalars"]) if name != "epoch"]
    if not names:
        return
    rows = -(-len(names) // _COLUMNS)
    figure = Figure(figsize=(4.0 * _COLUMNS, 2.6 * rows), layout="constrained")
    FigureCanvasAgg(figure)
    for index, name in enumerate(names):
        axes = figure.add_subplot(rows, _COLUMNS, index + 1)
        points = events.Scalars(name)
        axes.plot([one.step for one in points], [one.value for one in points], marker=".")
        axes.set_title(name, fontsize=9)
        axes.grid(alpha=0.3)
    with atomic_path(picture, overwrite=True) as temporary:
        figure.savefig(temporary, dpi=100)
