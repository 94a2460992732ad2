"""`python -m inpainter.train`: train a completion network from the command line."""

from __future__ import annotations

import argparse
import dataclasses
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from weights.errors import ConfigurationError, UnmaskError

if TYPE_CHECKING:
    from collections.abc import Sequence


def build_parser() -> argparse.ArgumentParser:
    """The parser of the command line."""
    parser = argparse.ArgumentParser(
        prog="unmask train inpainter",
        description="Train a completion network, or a generator of random faces, by a recipe. "
        "Where the folder holds a run that was stopped, it goes on. A filled face is a guess, "
        "never evidence of who someone is.",
    )
    parser.add_argument("--config", required=True, help="a recipe: its YAML file, or its name")
    parser.add_argument("--faces", help="folder with faces.jsonl, instead of the recipe's")
    parser.add_argument(
        "--pairs", help="data set with pairs, as `unmask synthesize` writes it, to train on instead"
    )
    parser.add_argument("--output", required=True, type=Path, help="folder of the run")
    parser.add_argument("--device", default="auto", help="'auto', 'cpu', 'cuda', 'cuda:N' or 'mps'")
    parser.add_argument("--threads", type=int, help="threads of a CPU's arithmetic")
    parser.add_argument("--seed", type=int, help="seed of all chance, instead of the recipe's")
    parser.add_argument(
        "--time-budget", type=float, metavar="MINUTES", help="end in good order within this time"
    )
    parser.add_argument("--initial-weights", type=Path, help="safetensors to start from")
    parser.add_argument(
        "--restart", action="store_true", help="start anew where the folder holds a run already"
    )
    parser.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="change a value of the recipe, such as optimizer.generator_rate=1e-4 or "
        "phases.0.batch=8; may be given again",
    )
    parser.add_argument(
        "--part",
        action="append",
        default=[],
        metavar="NAME=FILE",
        help="start a part of the network, such as coarse, from weights trained before",
    )
    parser.add_argument("--progress", action="store_true", help="show a progress bar")
    return parser


def _changes(entries: Sequence[str]) -> dict[str, Any]:
    changes: dict[str, Any] = {}
    for entry in entries:
        name, _, value = entry.partition("=")
        changes[name.strip()] = yaml.safe_load(value) if value else ""
    return changes


def _train_faces(options: argparse.Namespace) -> Path:
    """Train a face generator, which has no holes; gives its weights."""
    from inpainter.training.face_generator import read_face_recipe, train_face_generator

    unfit = ("pairs", "part", "initial_weights", "progress")
    for name in unfit:
        if getattr(options, name):
            raise ConfigurationError(
                f"{options.config} trains a face generator, which takes no "
                f"--{name.replace('_', '-')}."
            )
    recipe = read_face_recipe(options.config).with_changes(_changes(options.set))
    if options.faces is not None:
        data = dataclasses.replace(recipe.data, faces=options.faces)
        recipe = dataclasses.replace(recipe, data=data)
    if options.seed is not None:
        recipe = dataclasses.replace(recipe, seed=options.seed)
    return train_face_generator(
        recipe,
        options.output,
        device=options.device,
        threads=options.threads,
        resume=not options.restart,
        time_budget_minutes=options.time_budget,
    )


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; returns the exit status, 2 where something is wrong."""
    options = build_parser().parse_args(arguments)
    try:
        from inpainter.training.recipe import makes_faces

        if makes_faces(options.config):
            print(_train_faces(options))
            return 0
        from inpainter.training import read_recipe, train_inpainter

        recipe = read_recipe(options.config).with_changes(_changes(options.set))
        given = {"faces": options.faces, "pairs": options.pairs}
        named = {name: folder for name, folder in given.items() if folder is not None}
        recipe = dataclasses.replace(recipe, data=dataclasses.replace(recipe.data, **named))
        if options.part:
            parts = dict(part.partition("=")[::2] for part in options.part)
            recipe = dataclasses.replace(recipe, parts={**recipe.parts, **parts})
        if options.seed is not None:
            recipe = dataclasses.replace(recipe, seed=options.seed)
        trained = train_inpainter(
            recipe,
            options.output,
            device=options.device,
            threads=options.threads,
            resume=not options.restart,
            time_budget_minutes=options.time_budget,
            initial_weights=options.initial_weights,
            progress=options.progress,
        )
    except UnmaskError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    state = "finished" if trained.finished else "stopped; the same command goes on"
    print(f"{trained.weights} after {trained.steps} steps, {state}")
    for name, value in sorted(trained.metrics.items()):
        print(f"  {name}: {value:.4f}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
