"""`python -m detector.train.verifier_command`: train a detector's verifier."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from detector.train.recipe import VerifierRecipe
from detector.train.trunk_command import run_training, training_arguments, trunk_parser

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

    from detector.train.trunk_training import TrainedNetwork


def build_parser() -> argparse.ArgumentParser:
    """The parser of the command line."""
    parser = trunk_parser(
        "confirmation",
        "verifier",
        "Train the network that verifies a detector's detections, on the detector's own proposals.",
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
    parser.add_argument("--detector", default="default", help="weights of the detector")
    return parser


def _train(options: argparse.Namespace) -> TrainedNetwork:
    from detector.train.verifier import train_verifier
    from detector.train.verifier_crops import VerifierSets

    sets = VerifierSets(
        options.data, options.boxed, options.faces, options.templates, options.most_pictures
    )
    return train_verifier(
        sets,
        options.output,
        detector_weights=options.detector,
        **training_arguments(options, VerifierRecipe),
    )


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; returns the exit status, 2 on an error."""
    return run_training(build_parser(), arguments, _train)


if __name__ == "__main__":
    sys.exit(main())
