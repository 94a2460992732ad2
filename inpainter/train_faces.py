"""`python -m inpainter.train_faces`: train the generator of random faces."""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING

from weights.errors import UnmaskError

if TYPE_CHECKING:
    from collections.abc import Sequence


def build_parser() -> argparse.ArgumentParser:
    """The parser of the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m inpainter.train_faces",
        description="Train a generator of random faces, whose latents the inpainter 'semantic' "
        "searches. The defaults are the paper's.",
    )
    parser.add_argument("--faces", required=True, help="folder with faces.jsonl")
    parser.add_argument("--output", required=True, help="folder of the run")
    parser.add_argument("--epochs", type=int, default=25)
    parser.add_argument("--batch", type=int, default=300)
    parser.add_argument(
        "--width", type=int, default=64, help="channels of the generator's last map"
    )
    parser.add_argument(
        "--framing",
        default="centre-box",
        help="hole generator that frames the faces, a name or a dotted path",
    )
    parser.add_argument("--device", default="auto", help="'auto', 'cpu', 'cuda' or 'mps'")
    parser.add_argument("--seed", type=int, default=0, help="seed of all chance")
    parser.add_argument("--threads", type=int, help="threads of a CPU's arithmetic")
    parser.add_argument(
        "--time-budget", type=float, metavar="MINUTES", help="end in good order within this time"
    )
    parser.add_argument(
        "--restart", action="store_true", help="start anew where the folder holds a run already"
    )
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; returns the exit status, 2 where something is wrong."""
    options = build_parser().parse_args(arguments)
    try:
        from inpainter.training.face_generator import FaceGeneratorRecipe, train_face_generator
        from inpainter.training.recipe import DataSettings

        recipe = FaceGeneratorRecipe(
            generator={"name": "dcgan", "width": options.width},
            epochs=options.epochs,
            batch=options.batch,
            framing=options.framing,
            data=DataSettings(faces=options.faces),
            seed=options.seed,
        )
        weights = train_face_generator(
            recipe,
            options.output,
            device=options.device,
            threads=options.threads,
            resume=not options.restart,
            time_budget_minutes=options.time_budget,
        )
        print(weights)
    except UnmaskError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
