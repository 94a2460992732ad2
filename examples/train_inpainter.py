"""Train a completion network and use it: `python -m examples.train_inpainter [--faces FOLDER]`.

With a folder of annotated faces (pictures and `faces.jsonl`) it follows a bundled recipe. Without
one it trains a very small network for a few steps on the astronaut, which only demonstrates the
steps: its fills are blurs.
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path

import numpy as np

from examples.astronaut import masked_astronaut, write_faces
from inpainter.training import Recipe, read_recipe, train_inpainter
from inpainter.training.recipe import Phase
from pipeline import Pipeline
from weights.images import write_picture
from weights.images.mark import make_mark


def tiny(recipe: Recipe) -> Recipe:
    """The same recipe with a small network and few steps: one phase alone, one adversarial."""
    return replace(
        recipe,
        network={"name": "gated", "width": 8, "depth": 1},
        phases=(
            Phase(steps=4, size=64, batch=2, discriminator=False),
            Phase(steps=4, size=64, batch=2),
        ),
        data=replace(recipe.data, workers=0, validation_count=2),
        validation_interval=4,
    )


def main(arguments: list[str] | None = None) -> None:
    """Train, then unmask the astronaut with the network."""
    parser = argparse.ArgumentParser(prog="python -m examples.train_inpainter", description=__doc__)
    parser.add_argument("--faces", type=Path, help="folder with faces.jsonl")
    parser.add_argument("--config", default="gated.cpu", help="name or path of a recipe")
    parser.add_argument(
        "--output", type=Path, default=Path("runs/inpainter"), help="the run's folder"
    )
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda or mps")
    options = parser.parse_args(arguments)

    recipe = read_recipe(options.config)
    faces = options.faces
    if faces is None:
        faces = options.output / "faces"
        if not faces.is_dir():
            write_faces(faces, side=160)
        recipe = tiny(recipe)
    recipe = replace(recipe, data=replace(recipe.data, faces=str(faces)))

    trained = train_inpainter(recipe, options.output, device=options.device)
    print(f"{trained.steps} steps; weights: {trained.weights}")
    for name, value in sorted(trained.metrics.items()):
        print(f"  {name:32} {value:.4f}")

    photo, hole = masked_astronaut()
    pipeline = Pipeline(
        inpainter={"name": "gated", "weights": str(trained.weights)}, device=options.device
    )
    filled = pipeline(photo, mask=hole)
    path = options.output / "astronaut.png"
    mark = make_mark(pipeline.model_names(detected=False))
    write_picture(path, np.hstack([photo, filled]), overwrite=True, mark=mark)
    print(f"What it makes of the astronaut: {path.resolve()}")


if __name__ == "__main__":
    main()
