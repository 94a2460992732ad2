"""Keeping a library's advice about itself out of the user's terminal."""

from __future__ import annotations

import logging
import warnings
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from contextlib import AbstractContextManager


@contextmanager
def silenced(logger: str, level: int, module: str = "") -> Iterator[None]:
    """Inside the block, a library's messages below a level and its warnings are not shown.

    Args:
        logger: its logger.
        level: of `logging`.
        module: regular expression of the modules whose warnings are meant; all where empty.
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
    """Inside the block, Lightning's hints and warnings about loaders are not shown; errors are."""
    return silenced("lightning.pytorch", logging.ERROR, r"lightning(\.|$)")
