"""Runs a measurement in its own process, so that its memory and threads are its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from typing import Any


class MeasurementError(Exception):
    """A measurement's process returned no result; the message says why."""


def measure_alone(module: str, task: Mapping[str, Any], time_limit: float) -> dict[str, Any]:
    """Run `python -m module` with a task as JSON, and read the line of JSON that it prints.

    Args:
        module: dotted name of a module that can be run.
        task: its only argument; `threads` in it sets the CPU threads.
        time_limit: seconds after which it is killed.

    Raises:
        MeasurementError: it took too long, failed or printed nothing.
    """
    try:
        done = subprocess.run(
            [sys.executable, "-m", module, json.dumps(dict(task))],
            capture_output=True,
            text=True,
            check=False,
            timeout=time_limit,
            env={**os.environ, "OMP_NUM_THREADS": str(task["threads"])},
        )
    except subprocess.TimeoutExpired:
        raise MeasurementError(f"took longer than {time_limit:.0f} seconds") from None
    lines = done.stdout.splitlines()
    if done.returncode != 0 or not lines:
        said = done.stderr.strip().splitlines()
        raise MeasurementError(said[-1] if said else f"exit status {done.returncode}")
    found: dict[str, Any] = json.loads(lines[-1])
    return found


def answer(measure: Callable[[dict[str, Any]], dict[str, Any]]) -> None:
    """Run as the program of `measure_alone`: measure the task and print the result."""
    print(json.dumps(measure(json.loads(sys.argv[1]))))
