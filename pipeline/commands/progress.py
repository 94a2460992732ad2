"""Progress bar of long commands."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeAlias

from weights.base.printable import printable

Update: TypeAlias = Callable[..., None]
"""Called with the number done and, where it is known only now, the total."""


@contextmanager
def progress_bar(
    description: str, total: int | None = None, *, unit: str = "pictures", shown: bool = True
) -> Iterator[Update]:
    """Yield a function that takes the number done and shows it in a bar on stderr, if a terminal.

    The bar shows the number done, the rate and the time left, and disappears when the block ends.
    Nothing is written to a pipe or a log. Work that resumes an earlier run begins with the number
    that run had done.

    Args:
        description: what is going on, such as "Unmasking".
        total: number in all; None if not yet known.
        unit: what is counted, in the plural.
        shown: False for no bar.
    """
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeRemainingColumn,
    )

    with Progress(
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[rate]}"),
        TimeRemainingColumn(compact=True),
        TextColumn("left"),
        console=Console(stderr=True),
        disable=not (shown and sys.stderr.isatty()),
        transient=True,
    ) as progress:
        began = time.perf_counter()
        done_before: int | None = None
        task = progress.add_task(printable(description), total=total, rate="")

        def update(done: int, total: int | None = None) -> None:
            nonlocal done_before
            if total is not None:
                progress.update(task, total=total)
            if done_before is None:
                done_before = done if done > 1 else 0
                if done_before:
                    # What an earlier run did says nothing about the speed of this one.
                    progress.reset(task, completed=done)
            rate = (done - done_before) / max(time.perf_counter() - began, 1e-9)
            progress.update(
                task, completed=done, rate=f"{rate:.1f} {unit}/s" if done > done_before else ""
            )

        yield update
