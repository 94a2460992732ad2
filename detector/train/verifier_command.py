"""`python -m detector.train.verifier_command`: train a detector's verifier."""

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
        prog="unmask train confirmation",
        description="Train the network that verifies a detector's detections, on the "
        "detector's own proposals. If the folder holds a stopped run, it is resumed from "
        "its checkpoint.",
    )
    parser.add_argument(
        "--data",
        required=True,
        type=Path,
        action="append",
        help="annotated set, a data.yaml or .jsonl file; may be repeated",
    )
    parser.add_argument(
        "--boxed",
        type=Path,
        action="append",
        default=[],
        help=".jsonl file of photographs with face boxes; may be repeated",
    )
    parser.add_argument(
        "--faces",
        type=Path,
        action="append",
        default=[],
        help="folder of faces with landmarks, to draw masks with straps on; may be repeated",
    )
    parser.add_argument(
        "--templates", type=Path, help="folder of mask photos, in addition to drawn masks"
    )
    add_run_options(parser, time_budget="; the schedule is fitted to it")
    parser.add_argument("--detector", default="default", help="weights of the detector")
    add_recipe_options(parser, "verifier", "batch=8")
    parser.add_argument(
        "--most-pictures", type=whole_number(1), help="maximum number of pictures per set"
    )
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; returns the exit status, 2 on an error."""
    options = build_parser().parse_args(arguments)

    def train() -> None:
        from detector.train.verifier import train_verifier
        from detector.train.verifier_crops import VerifierSets
        from detector.train.verifier_recipe import VerifierRecipe

        trained = train_verifier(
            VerifierSets(
                options.data,
                options.boxed,
                options.faces,
                options.templates,
                options.most_pictures,
            ),
            options.output,
            initial_weights=options.initial_weights,
            detector_weights=options.detector,
            recipe=VerifierRecipe.read(options.config).with_changes(read_changes(options.set)),
            seed=options.seed,
            **run_arguments(options),
            said=lambda line: print(line, flush=True),
        )
        done = f"{trained.steps} steps, {trained.seconds:.0f} s"
        print_trained(trained.weights, done, trained.metrics, (trained.record, trained.card))

    return exit_status(train, restarted=options.restart)


if __name__ == "__main__":
    sys.exit(main())
