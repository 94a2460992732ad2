"""`python -m detector.train`: train a detector from the command line."""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence
from pathlib import Path

from detector.find.architecture import ARCHITECTURES
from detector.train.detector import train_detector
from detector.train.plan import TrainingProgress
from weights.base.training_command import (
    add_changes_option,
    add_initial_weights_option,
    add_run_options,
    exit_status,
    print_trained,
    read_changes,
    run_arguments,
)
from weights.catalog.lookup import resolve

_SHOWN = ("metrics/mAP50(B)", "metrics/mAP50(M)", "metrics/mAP50-95(M)")


def build_parser() -> argparse.ArgumentParser:
    """The parser of the command line."""
    parser = argparse.ArgumentParser(
        prog="unmask train detector",
        description="Train a mask detector on a YOLO segmentation data set. If the folder holds "
        "a stopped run, it is resumed from its checkpoint, which must be your own.",
    )
    parser.add_argument(
        "--config",
        default="auto",
        help="a recipe: its YAML file or its name; 'auto' chooses by the device",
    )
    parser.add_argument(
        "--data",
        required=True,
        type=Path,
        help="the data set's data.yaml; a sources.yaml next to it tells "
        "the model card where the pictures come from",
    )
    add_run_options(
        parser,
        device="'auto', 'cpu', 'cuda' (all GPUs, as 'auto' where there are any), 'cuda:N' or 'mps'",
        time_budget=", including earlier calls of the run; the number of epochs is fitted to it",
    )
    add_changes_option(parser)
    add_initial_weights_option(parser)
    parser.add_argument("--architecture", choices=ARCHITECTURES, help="instead of the recipe's")
    parser.add_argument("--image-size", type=int, help="side of the training pictures in pixels")
    parser.add_argument("--epochs", type=int, help="passes over the training pictures")
    parser.add_argument("--batch", type=int, help="pictures in a batch")
    parser.add_argument("--workers", type=int, help="processes that load pictures")
    parser.add_argument("--no-plots", action="store_true", help="draw no curves and pictures")
    return parser


class _Reporter:
    """Prints a line about every half minute and at the end of every epoch."""

    def __init__(self, seconds: float = 30.0) -> None:
        self.seconds = seconds
        self.began = self.last = time.monotonic()

    def __call__(self, progress: TrainingProgress) -> None:
        now = time.monotonic()
        if not progress.metrics and now - self.last < self.seconds:
            return
        self.last = now
        losses = " ".join(f"{name} {value:.3f}" for name, value in progress.losses.items())
        line = (
            f"{now - self.began:7.0f} s  epoch {progress.epoch}/{progress.epochs}  batch "
            f"{progress.batch}/{progress.batches}  {losses}"
        )
        if progress.metrics:
            line += "  " + " ".join(
                f"{name.removeprefix('metrics/')} {progress.metrics[name]:.3f}"
                for name in _SHOWN
                if name in progress.metrics
            )
        print(line, flush=True)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; returns the exit status, 2 on an error."""
    options = build_parser().parse_args(arguments)

    def train() -> None:
        trained = train_detector(
            options.data,
            options.output,
            recipe=options.config,
            architecture=options.architecture,
            image_size=options.image_size,
            epochs=options.epochs,
            batch=options.batch,
            workers=options.workers,
            changes=read_changes(options.set),
            seed=options.seed,
            **run_arguments(options),
            initial_weights=None
            if options.initial_weights is None
            else resolve(options.initial_weights, "detector"),
            plots=not options.no_plots,
            progress=_Reporter(),
        )
        done = f"{trained.epochs} epochs, {trained.seconds:.0f} s"
        print_trained(trained.weights, done, trained.metrics, (trained.record, trained.card))

    return exit_status(train, restarted=options.restart)
