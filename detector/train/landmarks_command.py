"""`python -m detector.train.landmarks_command`: train the landmark network."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from weights.base.training_command import (
    add_recipe_options,
    add_run_options,
    exit_status,
    print_trained,
    read_changes,
    run_arguments,
    whole_number,
)

if TYPE_CHECKING:
    from collections.abc import Sequence


def build_parser() -> argparse.ArgumentParser:
    """The parser of the command line."""
    parser = argparse.ArgumentParser(
        prog="unmask train landmarks",
        description="Train the network that finds a face's 68 landmarks, even under a mask, on "
        "faces with known landmarks, on which masks are drawn. If the folder holds a "
        "stopped run, it is resumed from its checkpoint.",
    )
    parser.add_argument(
        "--faces",
        required=True,
        type=Path,
        action="append",
        help="folder of faces with landmarks; may be repeated",
    )
    parser.add_argument(
        "--templates", type=Path, help="folder of mask photos, in addition to drawn masks"
    )
    add_run_options(parser, time_budget="; the schedule is fitted to it")
    add_recipe_options(parser, "landmarks", "batch=8")
    parser.add_argument(
        "--most-pictures", type=whole_number(1), help="maximum number of pictures per folder"
    )
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; returns the exit status, 2 on an error."""
    options = build_parser().parse_args(arguments)

    def train() -> None:
        from detector.train.landmarks import LandmarkRecipe, train_landmarks

        trained = train_landmarks(
            options.faces,
            options.output,
            templates=options.templates,
            initial_weights=options.initial_weights,
            recipe=LandmarkRecipe.read(options.config).with_changes(read_changes(options.set)),
            most_pictures=options.most_pictures,
            seed=options.seed,
            **run_arguments(options),
            said=lambda line: print(line, flush=True),
        )
        done = f"{trained.steps} steps, {trained.seconds:.0f} s"
        print_trained(trained.weights, done, trained.metrics, (trained.record, trained.card))

    return exit_status(train, restarted=options.restart)


if __name__ == "__main__":
    sys.exit(main())
