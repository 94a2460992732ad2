"""Imports Ultralytics without its side effects.

On import Ultralytics writes a settings file, queries a DNS server to see if it is online, replaces
`torch.save` and `PIL.Image.open`, sets environment variables, warning filters, print options and
OpenCV's thread count, and prints through its own logger; in training it reports to any analytics
services whose packages are installed. All code here imports Ultralytics through `import_quietly`,
which prevents or reverts all that.

What stays: Ultralytics considers the process offline (`ultralytics.utils.ONLINE` is False), its
settings are kept in memory only, and its logger has no handler, so that its messages reach the
application's logging if configured and are dropped otherwise. The effects of an earlier import by
other code remain.
"""

from __future__ import annotations

import importlib
import logging
import os
import sys
import tempfile
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import Any

_LOCK = threading.RLock()

_ENVIRONMENT = {
    "YOLO_OFFLINE": "true",
    "YOLO_VERBOSE": "false",
    "YOLO_AUTOINSTALL": "false",
}

_REPORTING_SETTINGS: dict[str, Any] = {
    "sync": False,
    "clearml": False,
    "comet": False,
    "dvc": False,
    "mlflow": False,
    "raytune": False,
    "tensorboard": False,
    "wandb": False,
    "vscode_msg": False,
    "openvino_msg": False,
}


def import_quietly(module: str) -> ModuleType:
    """Import a module of Ultralytics, leaving the process as it was.

    Args:
        module: its dotted name, such as "ultralytics.nn.tasks".

    Raises:
        ImportError: Ultralytics is not installed, or has no such module.
    """
    with _LOCK:
        loaded = sys.modules.get(module)
        if loaded is not None:
            return loaded
        first = "ultralytics" not in sys.modules
        with _process_state_kept(), tempfile.TemporaryDirectory(prefix="unmask-") as settings:
            os.environ.update(_ENVIRONMENT, YOLO_CONFIG_DIR=settings)
            imported = importlib.import_module(module)
            if first:
                _silence()
        return imported


def _silence() -> None:
    """Keep settings in memory, switch reporting off and remove the logger's handler."""
    utilities = importlib.import_module("ultralytics.utils")
    utilities.SETTINGS._save = lambda: None
    dict.update(utilities.SETTINGS, _REPORTING_SETTINGS)
    logger = utilities.LOGGER
    for handler in list(logger.handlers):
        logger.removeHandler(handler)
    logger.addHandler(logging.NullHandler())
    logger.propagate = True
    logger.setLevel(logging.WARNING)


@contextmanager
def _process_state_kept() -> Iterator[None]:
    """Restore environment, patched functions, print options, filters and threads afterwards."""
    import cv2
    import numpy as np
    import PIL.Image
    import torch

    patched: list[tuple[Any, str]] = [
        (torch, "save"),
        (PIL.Image, "open"),
        (cv2, "imread"),
        (cv2, "imwrite"),
        (cv2, "imshow"),
    ]
    functions = [(owner, name, getattr(owner, name)) for owner, name in patched]
    environment = dict(os.environ)
    numpy_options = np.get_printoptions()
    torch_options = dict(vars(torch._tensor_str.PRINT_OPTS))
    opencv_threads = cv2.getNumThreads()
    levels = {name: logging.getLogger(name).level for name in ("sentry_sdk", "coremltools")}
    try:
        with warnings.catch_warnings():
            yield
    finally:
        for owner, name, function in functions:
            setattr(owner, name, function)
        for name in set(os.environ) - set(environment):
            del os.environ[name]
        os.environ.update(environment)
        np.set_printoptions(**numpy_options)
        torch.set_printoptions(**torch_options)
        cv2.setNumThreads(opencv_threads)
        for name, level in levels.items():
            logging.getLogger(name).setLevel(level)
