"""Ray, loaded without its usage statistics, and started locally unless a cluster is named."""

from __future__ import annotations

import logging
import math
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from weights.base import stopping
from weights.base.optional_libraries import imported_for

_SILENT = {"RAY_USAGE_STATS_ENABLED": "0", "RAY_DATA_USAGE_DISABLED": "1"}
"""Turns off the usage statistics of Ray and Ray Data."""

_ON_LOOPBACK = {"RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0"}
"""Makes Ray's processes listen on 127.0.0.1 only, on any system; read at import."""


def load_ray() -> Any:
    """Return the module `ray`, with its usage statistics off.

    Raises:
        MissingDependencyError: Ray Data is not installed.
    """
    os.environ.update(_SILENT)
    if "ray" not in sys.modules and "RAY_ADDRESS" not in os.environ:
        os.environ.update(_ON_LOOPBACK)
    with imported_for("Working on a cluster", "Ray Data", "ray"):
        import ray
        import ray.data
    return ray


@contextmanager
def ray_cluster(ray: Any, cpus: float) -> Iterator[None]:
    """Run Ray inside the block: as the program started it, on `RAY_ADDRESS`'s cluster, or here.

    Args:
        ray: the module.
        cpus: how many CPUs to use if Ray is started on this machine.
    """
    logging.getLogger("ray.data").setLevel(logging.ERROR)
    context = ray.data.DataContext.get_current()
    context.enable_progress_bars = False
    context.print_on_execution_start = False
    # A stage that cannot be loaded will not load on a retry either.
    context.max_consecutive_actor_init_deaths = 0
    if ray.is_initialized():
        yield
        return
    here: dict[str, Any] = {"log_to_driver": False, "logging_level": logging.ERROR}
    if "RAY_ADDRESS" not in os.environ:
        here |= {"address": "local", "num_cpus": math.ceil(cpus), "include_dashboard": False}
    ray.init(**here)
    # Ray has replaced our signal handlers by its own.
    stopping.take_signals_back()
    try:
        yield
    finally:
        ray.shutdown()
