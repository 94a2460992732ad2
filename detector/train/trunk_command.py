"""What the commands that train the verifier and the landmark network share."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from weights.base.training_command import (
    add_changes_option,
    add_initial_weights_option,
    add_run_options,
    exit_status,
    print_trained,
    read_changes,
    run_arguments,
    whole_number,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from detector.train.recipe import TrunkRecipe
    from detector.train.trunk_training import TrainedNetwork


def trunk_parser(name: str, what: str, described: str) -> argparse.ArgumentParser:
    """A parser with the options of run, recipe and drawn masks.

    Args:
        name: of the command, after `unmask train`.
        what: what is trained, such as "verifier".
        described: the command's purpose, in a sentence.
    """
    parser = argparse.ArgumentParser(
        prog=f"unmask train {name}",
        description=f"{described} If the folder holds a stopped run, it is resumed from its "
        "checkpoint.",
    )
    parser.add_argument(
        "--templates", type=Path, help="folder of mask photos, in addition to drawn masks"
    )
    add_run_options(parser, time_budget="; the schedule is fitted to it")
    parser.add_argument(
        "--config", default="cpu", help=f"recipe of the {what}, by name or a YAML file"
    )
    add_changes_option(parser, "batch=8")
    add_initial_weights_option(parser)
    for former, dest in (("--recipe", "config"), ("--start", "initial_weights")):
        parser.add_argument(
            former, dest=dest, action=_FormerName, default=argparse.SUPPRESS, help=argparse.SUPPRESS
        )
    parser.add_argument(
        "--most-pictures", type=whole_number(1), help="maximum number of pictures per set"
    )
    return parser


class _FormerName(argparse.Action):
    """An option under its former name: it works, and a note gives the new name."""

    def __call__(
        self,
        _parser: argparse.ArgumentParser,
        namespace: argparse.Namespace,
        values: object,
        option_string: str | None = None,
    ) -> None:
        name = self.dest.replace("_", "-")
        print(f"note: {option_string} is called --{name} now", file=sys.stderr)
        setattr(namespace, self.dest, values)


def training_arguments(options: argparse.Namespace, recipe: type[TrunkRecipe]) -> dict[str, Any]:
    """Keyword arguments of `train_verifier` and `train_landmarks` from the shared options."""
    return {
        "initial_weights": options.initial_weights,
        "recipe": recipe.read(options.config).with_changes(read_changes(options.set)),
        "seed": options.seed,
        **run_arguments(options),
        "said": lambda line: print(line, flush=True),
    }


def run_training(
    parser: argparse.ArgumentParser,
    arguments: Sequence[str] | None,
    train: Callable[[argparse.Namespace], TrainedNetwork],
) -> int:
    """Parse the arguments, train and print the result; returns the exit status, 2 on an error."""
    options = parser.parse_args(arguments)

    def run() -> None:
        trained = train(options)
        done = f"{trained.steps} steps, {trained.seconds:.0f} s"
        print_trained(trained.weights, done, trained.metrics, (trained.record, trained.card))

    return exit_status(run, restarted=options.restart)
