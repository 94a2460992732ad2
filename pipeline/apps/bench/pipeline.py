"""Benchmarks the pipeline's time and memory on a picture with one masked face."""

from __future__ import annotations

import contextlib
import ctypes
import gc
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from pipeline.core import Pipeline
from weights.base.contracts import Image

FACE_SHARE = 0.22
"""Width of the mask relative to that of the benchmark picture."""


@dataclass(frozen=True)
class Timing:
    """Time over several runs, in seconds unless said otherwise.

    Attributes:
        median: of all runs; the figure to quote.
        fastest: of all runs.
        slowest: of all runs.
    """

    median: float
    fastest: float
    slowest: float

    @classmethod
    def of(cls, seconds: list[float]) -> Timing:
        """Summarise measured times."""
        return cls(statistics.median(seconds), min(seconds), max(seconds))


def timed_runs(run: Callable[[], object], runs: int, *, unit: float = 1.0) -> Timing:
    """Time `runs` calls of `run`, in units of `unit` seconds."""
    taken = []
    for _ in range(runs):
        began = time.perf_counter()
        run()
        taken.append((time.perf_counter() - began) / unit)
    return Timing.of(taken)


@dataclass(frozen=True)
class Benchmark:
    """What `measure_pipeline` found.

    Attributes:
        stages: seconds of each stage and of the whole call, by name.
        faces: faces filled per run.
        peak_memory: largest resident size of this process so far, bytes.
    """

    stages: dict[str, Timing]
    faces: int
    peak_memory: int


def benchmark_picture(width: int = 1280, height: int = 960) -> Image:
    """Draw a head with a pale-blue mask before a blurred wall: uint8 RGB `(height, width, 3)`.

    It is not a real face; it only has to be detected, so that every stage has work to do. For times
    that are valid for your pictures, use one of them.
    """
    random = np.random.default_rng(0)
    wall = random.integers(90, 150, (6, 8, 3)).astype(np.uint8)
    picture = cv2.resize(wall, (width, height), interpolation=cv2.INTER_CUBIC)
    unit = FACE_SHARE * width / 2
    centre = np.array([width / 2, 0.55 * height])

    def ellipse(x: float, y: float, a: float, b: float, colour: tuple[int, int, int]) -> None:
        at = np.rint(centre + unit * np.array([x, y])).astype(int)
        axes = (max(1, round(unit * a)), max(1, round(unit * b)))
        cv2.ellipse(picture, at.tolist(), axes, 0, 0, 360, colour, -1, cv2.LINE_AA)

    ellipse(0.0, 2.9, 2.3, 1.6, (60, 66, 92))
    ellipse(0.0, -0.85, 1.2, 1.25, (58, 44, 36))
    ellipse(0.0, 1.1, 0.5, 0.8, (196, 150, 124))
    ellipse(0.0, -0.2, 1.05, 1.4, (214, 168, 142))
    for side in (-1.0, 1.0):
        ellipse(0.42 * side, -0.42, 0.2, 0.1, (240, 238, 234))
        ellipse(0.42 * side, -0.42, 0.09, 0.1, (50, 40, 38))
        ellipse(0.42 * side, -0.68, 0.26, 0.05, (70, 52, 42))
    half = [(0.0, -0.32), (0.35, -0.2), (1.0, -0.1), (0.92, 0.6), (0.45, 1.15), (0.0, 1.28)]
    outline = np.array(half + [(-x, y) for x, y in reversed(half[1:-1])])
    points = np.rint((centre + unit * outline) * 16).astype(np.int32)
    cv2.fillPoly(picture, [points[:, None]], (178, 208, 226), cv2.LINE_AA, 4)
    for fold in (0.3, 0.5, 0.7):
        line = centre + unit * np.array(
            [[-0.93, fold - 0.08], [0, fold + 0.04], [0.93, fold - 0.08]]
        )
        cv2.polylines(
            picture, [np.rint(line).astype(np.int32)], False, (150, 184, 206), 2, cv2.LINE_AA
        )
    grain = random.normal(0, 3, picture.shape)
    return np.clip(picture + grain, 0, 255).astype(np.uint8)


def measure_pipeline(pipeline: Pipeline, picture: Image, runs: int = 7) -> Benchmark:
    """Time a warm pipeline on one picture.

    Args:
        pipeline: runs once as a warm-up.
        picture: uint8 RGB `(H, W, 3)`.
        runs: timed runs.
    """
    result = pipeline.run([picture])[0]
    seconds: dict[str, list[float]] = {}
    for _ in range(runs):
        began = time.perf_counter()
        result = pipeline.run([picture])[0]
        whole = time.perf_counter() - began
        for stage, taken in {**result.timings, "whole call": whole}.items():
            seconds.setdefault(stage, []).append(taken)
    return Benchmark(
        {stage: Timing.of(taken) for stage, taken in seconds.items()},
        len(result.faces),
        peak_memory(),
    )


def peak_memory() -> int:
    """Peak resident size of this process, in bytes; 0 if it cannot be read."""
    try:
        import resource
    except ImportError:
        return 0
    size = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return size if sys.platform == "darwin" else 1024 * size


def memory_growth(run: Callable[[], object]) -> int:
    """Run something, and return this process's peak growth meanwhile, in bytes.

    On systems other than Linux a process cannot reset its peak size; growth below an earlier peak
    counts as 0.
    """
    try:
        Path("/proc/self/clear_refs").write_text("5", encoding="ascii")
    except OSError:
        before = peak_memory()
        run()
        return peak_memory() - before
    # Garbage and cached free memory would hide as much growth.
    gc.collect()
    _give_free_memory_back()
    size = _status("VmRSS")
    run()
    return max(0, _status("VmHWM") - size)


def _give_free_memory_back() -> None:
    # Only glibc caches much, and only glibc has this function.
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).malloc_trim(0)


def _status(entry: str) -> int:
    """One of the sizes that Linux reports for this process, in bytes."""
    for line in Path("/proc/self/status").read_text(encoding="ascii").splitlines():
        name, _, value = line.partition(":")
        if name == entry:
            return 1024 * int(value.split()[0])
    return 0


def time_program(arguments: list[str], runs: int = 3) -> Timing:
    """Time whole runs of this Python with arguments such as `["-c", "import pipeline"]`."""
    command = [sys.executable, *arguments]
    return timed_runs(lambda: subprocess.run(command, check=True, stdout=subprocess.DEVNULL), runs)
