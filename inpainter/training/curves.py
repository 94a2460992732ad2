"""A run's curves as one picture, for use without TensorBoard."""

from __future__ import annotations

import logging
from pathlib import Path

from weights.base.atomic import atomic_path

CURVES = "curves"
"""A run's folder of TensorBoard files."""

_COLUMNS = 3


def draw_curves(folder: Path, picture: Path) -> None:
    """Plot every scalar in a folder's TensorBoard files, one small plot each.

    Args:
        folder: folder with the files of all calls of a run.
        picture: the PNG; not written if there are no scalars.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    # It warns about every file but the newest, although it reads them all.
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
