"""`python -m detector.train.landmarks_command`: train the landmark network."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from detector.train.recipe import LandmarkRecipe
from detector.train.trunk_command import run_training, training_arguments, trunk_parser

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

    from detector.train.trunk_training import TrainedNetwork


def build_parser() -> argparse.ArgumentParser:
    """The parser of the command line."""
    parser = trunk_parser(
        "landmarks",
        "landmarks",
        "Train the network that finds a face's 68 landmarks, even under a mask, on faces with "
        "known landmarks, on which masks are drawn.",
    )
    parser.add_argument(
        "--faces",
        required=True,
        type=Path,
        action="append",
        help="folder of faces with landmarks; may be repeated",
    )
    return parser


def _train(options: argparse.Namespace) -> TrainedNetwork:
    from detector.train.landmarks import train_landmarks

    return train_landmarks(
        options.faces,
        options.output,
        templates=options.templates,
        most_pictures=options.most_pictures,
        **training_arguments(options, LandmarkRecipe),
    )


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; returns the exit status, 2 on an error."""
    return run_training(build_parser(), arguments, _train)


if __name__ == "__main__":
    sys.exit(main())
