"""Take the mask off the person in a photo: `python -m examples.unmask_photo [PHOTO]`.

Without a photo it uses scikit-image's astronaut with a drawn mask.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from examples.astronaut import masked_astronaut
from pipeline import unmask
from weights.base.errors import UnmaskError
from weights.images import write_picture
from weights.images.mark import make_mark


def main(arguments: list[str] | None = None) -> int:
    """Run the example; the exit code is 1 if no mask was found."""
    parser = argparse.ArgumentParser(prog="python -m examples.unmask_photo", description=__doc__)
    parser.add_argument("photo", nargs="?", type=Path, help="a photo of your own")
    parser.add_argument("--output", type=Path, default=Path("output"), help="folder of the results")
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda, cuda:N or mps")
    options = parser.parse_args(arguments)

    if options.photo is None:
        name, photo = "astronaut", masked_astronaut()[0]
        write_picture(options.output / f"{name}_masked.png", photo, overwrite=True)
    else:
        name, photo = options.photo.stem, options.photo

    try:
        result = unmask(photo, device=options.device, return_result=True)
    except UnmaskError as error:
        print(error, file=sys.stderr)
        return 2
    if not result.hole.any():
        print("No mask was found, so there is nothing to take off.")
        return 1

    unmasked = options.output / f"{name}_unmasked.png"
    write_picture(unmasked, result.image, overwrite=True, mark=make_mark(["yolo", "gated"]))
    write_picture(options.output / f"{name}_hole.png", result.hole, overwrite=True)
    count = len(result.faces)
    print(f"{count} mask{'' if count == 1 else 's'} taken off; what is under is a guess.")
    print("Pictures:")
    for path in sorted(options.output.glob(f"{name}_*.png")):
        print(f"  {path.resolve()}")
    print("What each stage took, with loading:")
    for stage, seconds in result.timings.items():
        print(f"  {stage:10} {seconds:7.3f} s")
    return 0


if __name__ == "__main__":
    sys.exit(main())
