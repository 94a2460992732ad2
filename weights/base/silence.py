"""Silencing libraries' log messages and warnings."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager


@contextmanager
def silenced(logger: str, level: int, module: str = "") -> Iterator[None]:
    """Hide a library's messages below a level and its warnings inside the block.

    Args:
        logger: its logger.
        level: of `logging`.
        module: regular expression of the modules whose warnings are hidden; empty for all.
    """
    library = logging.getLogger(logger)
    before = library.level
    library.setLevel(level)
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", module=module)
            yield
    finally:
        library.setLevel(before)


def lightning_silenced() -> AbstractContextManager[None]:
    """Hide Lightning's hints and warnings about loaders inside the block, but not errors."""
    return silenced("lightning.pytorch", logging.ERROR, r"lightning(\.|$)")
