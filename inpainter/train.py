"""`python -m inpainter.train`: train a completion network from the command line."""

from __future__ import annotations

import argparse
import dataclasses
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from weights.base.errors import ConfigurationError
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

if TYPE_CHECKING:
    from collections.abc import Sequence

    from inpainter.training.face_generator import FaceGeneratorRecipe
    from inpainter.training.recipe import Recipe
    from weights.base.run_settings import RunOptions

_AnyRecipe = TypeVar("_AnyRecipe", "Recipe", "FaceGeneratorRecipe")


def build_parser() -> argparse.ArgumentParser:
    """The parser of the command line."""
    parser = argparse.ArgumentParser(
        prog="unmask train inpainter",
        description="Train a completion network, or a generator of random faces, by a recipe. If "
        "the folder holds a stopped run, it is resumed. A filled face is a guess, "
        "never evidence of who someone is.",
    )
    parser.add_argument("--config", required=True, help="a recipe: its YAML file, or its name")
    parser.add_argument("--faces", help="folder with faces.jsonl, instead of the recipe's")
    parser.add_argument(
        "--pairs", help="data set with pairs, as `unmask synthesize` writes it, to train on instead"
    )
    add_run_options(parser, seed=None)
    parser.add_argument(
        "--fit-schedule",
        action="store_true",
        help="time a few steps first, then schedule as many as fit in --time-budget instead of "
        "the recipe's, so that the rates decay within it",
    )
    add_initial_weights_option(parser)
    add_changes_option(parser, "optimizer.generator_lr=1e-4 or phases.0.batch=8")
    parser.add_argument(
        "--part",
        action="append",
        default=[],
        metavar="NAME=FILE",
        help="start a part of the network, such as coarse, or the discriminator from earlier "
        "weights; FILE#PART takes that part of the network in FILE",
    )
    parser.add_argument("--progress", action="store_true", help="show a progress bar")
    return parser


def _with_data_and_seed(recipe: _AnyRecipe, options: argparse.Namespace) -> _AnyRecipe:
    """Replace the recipe's folders and seed by those given."""
    given = {"faces": options.faces, "pairs": options.pairs}
    named = {name: folder for name, folder in given.items() if folder is not None}
    changes: dict[str, Any] = {"data": dataclasses.replace(recipe.data, **named)}
    if options.seed is not None:
        changes["seed"] = options.seed
    return dataclasses.replace(recipe, **changes)


def _train_faces(options: argparse.Namespace) -> Path:
    """Train a face generator, which has no holes; returns its weights."""
    from inpainter.training.face_generator import read_face_recipe, train_face_generator

    unfit = ("pairs", "part", "initial_weights", "progress", "fit_schedule")
    for name in unfit:
        if getattr(options, name):
            raise ConfigurationError(
                f"{options.config} trains a face generator, which takes no "
                f"--{name.replace('_', '-')}."
            )
    recipe = read_face_recipe(options.config).with_changes(read_changes(options.set))
    return train_face_generator(
        _with_data_and_seed(recipe, options),
        options.output,
        **run_arguments(options),
    )


def _train(options: argparse.Namespace) -> None:
    from inpainter.training.recipe import makes_faces

    if makes_faces(options.config):
        print(_train_faces(options))
        return
    from inpainter.training import read_recipe, train_inpainter

    recipe = read_recipe(options.config).with_changes(read_changes(options.set))
    recipe = _with_data_and_seed(recipe, options)
    if options.part:
        parts = dict(part.partition("=")[::2] for part in options.part)
        recipe = dataclasses.replace(recipe, parts={**recipe.parts, **parts})
    run = run_arguments(options)
    if options.fit_schedule:
        recipe = _fitted(recipe, options.output, run)
    trained = train_inpainter(
        recipe,
        options.output,
        **run,
        initial_weights=None
        if options.initial_weights is None
        else resolve(options.initial_weights, "inpainter"),
        progress=options.progress,
        recipe_name=Path(options.config).stem if Path(options.config).is_file() else options.config,
    )
    command = "the same command" + (" without --restart" if options.restart else "")
    state = "finished" if trained.finished else f"stopped; run {command} to resume"
    registered = [one for one in (trained.record, trained.card) if one is not None]
    metrics = dict(sorted(trained.metrics.items()))
    print_trained(trained.weights, f"{trained.steps} steps, {state}", metrics, registered)


def _fitted(recipe: Recipe, output: Path, run: RunOptions) -> Recipe:
    """The recipe with as many steps as fit the time budget, which is reduced by what this takes."""
    from inpainter.training.time_budget import fit_schedule

    minutes = run["time_budget_minutes"]
    if minutes is None:
        raise ConfigurationError("--fit-schedule needs a time budget: give --time-budget MINUTES.")
    began = time.monotonic()
    recipe = fit_schedule(recipe, output, minutes, **run)
    run["time_budget_minutes"] = max(0.0, minutes - (time.monotonic() - began) / 60.0)
    return recipe


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; return the exit status, 2 on errors."""
    options = build_parser().parse_args(arguments)
    return exit_status(lambda: _train(options), restarted=options.restart)


if __name__ == "__main__":
    sys.exit(main())
