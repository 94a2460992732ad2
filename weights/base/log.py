"""The logger `unmask`, turned on by a program as usual, or by a user with `UNMASK_LOG`."""

from __future__ import annotations

import functools
import logging
import os

from weights.base.names import unknown_name

VARIABLE = "UNMASK_LOG"
"""The environment variable with a level from which messages go to standard error."""

LEVELS = ("debug", "info", "warning", "error")
"""The accepted levels."""


@functools.cache
def unmask_logger() -> logging.Logger:
    """Return the logger `unmask`; it is silent unless the program or the environment enables it.

    Raises:
        ConfigurationError: the environment variable holds an unknown level.
    """
    logger = logging.getLogger("unmask")
    logger.addHandler(logging.NullHandler())
    level = os.environ.get(VARIABLE, "").strip().lower()
    if level and level not in LEVELS:
        raise unknown_name(f"level in {VARIABLE}", level, LEVELS)
    if level:
        handler = logging.StreamHandler()
        handler.setFormatter(logging.Formatter("%(asctime)s %(name)s %(levelname)s: %(message)s"))
        logger.addHandler(handler)
        logger.setLevel(level.upper())
    return logger
