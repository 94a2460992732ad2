"""Shared parts of training commands: run options, recipe changes, the final report."""

from __future__ import annotations

import argparse
import functools
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from weights.base import stopping
from weights.base.dotted_paths import import_from_working_directory
from weights.base.errors import UnmaskError, system_fault
from weights.base.run_settings import RunOptions
from weights.base.torch_folder import no_folder_left_by_torch
from weights.base.yaml_text import parse_yaml

_MOST_MINUTES = 1_000_000


def add_run_options(
    parser: argparse.ArgumentParser,
    *,
    device: str = "'auto', 'cpu', 'cuda', 'cuda:N' or 'mps'",
    seed: int | None = 0,
    time_budget: str = "",
) -> None:
    """Add options for a run's folder, device, seed and time budget, and for restarting.

    Args:
        parser: of the command.
        device: help of `--device`.
        seed: the default; None for the recipe's.
        time_budget: addition to the help of `--time-budget`, such as ", all calls together".
    """
    parser.add_argument("--output", required=True, type=Path, help="folder of the run")
    parser.add_argument("--device", default="auto", help=device)
    parser.add_argument("--threads", type=whole_number(1), help="number of CPU threads")
    whose = ", instead of the recipe's" if seed is None else ""
    parser.add_argument(
        "--seed", type=whole_number(0), default=seed, help=f"seed of all chance{whose}"
    )
    parser.add_argument(
        "--time-budget",
        type=_minutes,
        metavar="MINUTES",
        help=f"stop gracefully within this time{time_budget}",
    )
    parser.add_argument(
        "--restart", action="store_true", help="start over even if the folder already holds a run"
    )


@functools.cache
def whole_number(least: int) -> Callable[[str], int]:
    """Make an `argparse` type for 32-bit integers not below `least`."""

    def read(text: str) -> int:
        with suppress(ValueError):
            if least <= int(text) < 2**32:
                return int(text)
        raise argparse.ArgumentTypeError(f"must be a whole number from {least}, but is {text!r}")

    return read


def _minutes(text: str) -> float:
    with suppress(ValueError):
        if 0.0 < float(text) <= _MOST_MINUTES:
            return float(text)
    raise argparse.ArgumentTypeError(
        f"must be minutes above 0 and up to {_MOST_MINUTES}, but is {text!r}"
    )


def run_arguments(options: argparse.Namespace) -> RunOptions:
    """Turn what `add_run_options` read, except folder and seed, into a training's keywords."""
    return {
        "device": options.device,
        "threads": options.threads,
        "time_budget_minutes": options.time_budget,
        "resume": not options.restart,
    }


def add_initial_weights_option(parser: argparse.ArgumentParser) -> None:
    """Add `--initial-weights`, resolved by `weights.catalog.lookup.resolve`."""
    parser.add_argument(
        "--initial-weights",
        help="weights to start from: default for the shipped ones, a name, or a .safetensors file",
    )


def add_changes_option(parser: argparse.ArgumentParser, example: str = "") -> None:
    """Add `--set NAME=VALUE`, to be parsed by `read_changes`.

    Args:
        parser: of the command.
        example: shown in the help, such as "phases.0.batch=8".
    """
    such = f", such as {example}" if example else ""
    said = f"change a value of the recipe{such}; may be repeated"
    parser.add_argument("--set", action="append", default=[], metavar="NAME=VALUE", help=said)


def read_changes(entries: Sequence[str]) -> dict[str, Any]:
    """Parse recipe changes, each written as NAME=VALUE with the value in YAML."""
    changes: dict[str, Any] = {}
    for entry in entries:
        name, _, value = entry.partition("=")
        changes[name.strip()] = parse_yaml(value, f"--set {name.strip()}") if value else ""
    import_from_working_directory(changes)
    return changes


def exit_status(run: Callable[[], object], *, restarted: bool = False) -> int:
    """Run a command; return 0, or 2 with one sentence on standard error on an error.

    If stopped by a signal: 130 or 143, with a hint on how to resume.

    Args:
        run: the command.
        restarted: whether it was called with `--restart`, which would start over once more.
    """
    message = stopping.RESTARTED_GOES_ON if restarted else stopping.GOES_ON
    replaced = stopping.install(message)
    try:
        with no_folder_left_by_torch():
            run()
        sys.stdout.flush()
    except (Exception, KeyboardInterrupt) as error:
        # A library interrupted by a signal, for example during its import, may fail in any way.
        if stopping.stop_asked() or isinstance(error, KeyboardInterrupt):
            print(message, file=sys.stderr)
            return stopping.exit_code()
        if not isinstance(error, UnmaskError | OSError):
            raise
        sentence = error if isinstance(error, UnmaskError) else system_fault(error)
        print(f"unmask: {sentence}", file=sys.stderr)
        return 2
    finally:
        stopping.restore(replaced)
    return 0


def print_trained(
    weights: Path, done: str, metrics: Mapping[str, float], registered: Sequence[Path] = ()
) -> None:
    """Print a run's results.

    Args:
        weights: its weight file.
        done: what was done, such as "300 steps, finished".
        metrics: its figures.
        registered: its catalog record and model card, if any.
    """
    print(f"{weights} after {done}")
    for name, value in metrics.items():
        print(f"  {name}: {value:.4f}")
    if registered:
        print(f"Catalog record and model card: {', '.join(map(str, registered))}")
