"""Make the before and after pictures of the README: `python -m examples.maintenance.pictures`.

They show the bundled weights' results for the astronaut with drawn masks.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import numpy as np

from examples.astronaut import astronaut, masked_astronaut
from pipeline import Pipeline
from weights.images import write_picture
from weights.images.mark import make_mark

KINDS = ("surgical", "cloth", "n95")


def main(arguments: list[str] | None = None) -> int:
    """Write one picture per kind of mask: masked, unmasked, and the original photo."""
    parser = argparse.ArgumentParser(
        prog="python -m examples.maintenance.pictures", description=__doc__
    )
    parser.add_argument("--output", type=Path, default=Path(__file__).parents[1] / "pictures")
    parser.add_argument("--device", default="cpu", help="auto, cpu, cuda, cuda:N or mps")
    parser.add_argument("--overwrite", action="store_true", help="replace earlier pictures")
    options = parser.parse_args(arguments)

    pipeline = Pipeline(device=options.device)
    masked = [masked_astronaut(kind)[0] for kind in KINDS]
    missed = 0
    for kind, photo, result in zip(KINDS, masked, pipeline.run(masked), strict=True):
        if not result.faces:
            print(f"No mask was found on the astronaut with the {kind} mask.", file=sys.stderr)
            missed += 1
        strip = np.hstack(
            [picture[100:620, 90:610] for picture in (photo, result.image, astronaut())]
        )
        path = options.output / f"astronaut_{kind}.jpg"
        mark = make_mark(pipeline.model_names(detected=True))
        write_picture(path, strip, overwrite=options.overwrite, quality=88, mark=mark)
        print(path)
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
