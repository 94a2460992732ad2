"""Make the before and after pictures of the README: `python -m examples.pictures`.

They are what the weights that come with unmask make of the astronaut with masks drawn on her face.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import numpy as np
import PIL.Image

from examples.astronaut import astronaut, masked_astronaut
from pipeline import Pipeline
from weights.atomic import atomic_path

KINDS = ("surgical", "cloth", "n95")


def main(arguments: list[str] | None = None) -> int:
    """Write one picture per kind of mask: masked, unmasked, and the photo as it was."""
    parser = argparse.ArgumentParser(prog="python -m examples.pictures", description=__doc__)
    parser.add_argument("--output", type=Path, default=Path(__file__).parent / "pictures")
    parser.add_argument("--device", default="cpu", help="auto, cpu, cuda, cuda:N or mps")
    parser.add_argument("--overwrite", action="store_true", help="replace earlier pictures")
    options = parser.parse_args(arguments)

    masked = [masked_astronaut(kind)[0] for kind in KINDS]
    missed = 0
    for kind, photo, result in zip(
        KINDS, masked, Pipeline(device=options.device).run(masked), strict=True
    ):
        if not result.faces:
            print(f"No mask was found on the astronaut with the {kind} mask.", file=sys.stderr)
            missed += 1
        strip = np.hstack(
            [picture[100:620, 90:610] for picture in (photo, result.image, astronaut())]
        )
        path = options.output / f"astronaut_{kind}.jpg"
        with atomic_path(path, overwrite=options.overwrite) as temporary:
            PIL.Image.fromarray(strip).save(temporary, quality=88)
        print(path)
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
