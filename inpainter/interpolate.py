"""`python -m inpainter.interpolate`: interpolate between a smooth and a sharp state of a network.

Adversarial training makes fills sharp and, if short, ragged; weights between an early, smooth state
and a late, sharp one keep most of the sharpness without the ragged parts.

Source: Wang et al. 2018, "ESRGAN" (network interpolation).
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from inpainter.weight_files import load_completion_network, save_completion_network
from weights.base.errors import InputError, WeightsError
from weights.base.training_command import exit_status
from weights.catalog.store import read_header_mapping, read_metadata


def interpolate_weights(
    smooth: Path, sharp: Path, output: Path, share: float, *, overwrite: bool = False
) -> None:
    """Write `(1 - share) * smooth + share * sharp`, tensor by tensor, as fp16.

    Args:
        smooth: safetensors file of a completion network.
        sharp: a later state of the same network.
        output: the file to write.
        share: fraction of the sharp weights, 0 to 1.
        overwrite: whether `output` may be replaced.

    Raises:
        InputError: the share is out of range.
        WeightsError: a file is missing or damaged, or the two are of different networks.
        OutputError: the output exists and may not be replaced, or cannot be written.
    """
    if not 0.0 <= share <= 1.0:
        raise InputError(f"share must be from 0 to 1, but is {share!r}.")
    metadata, other = read_metadata(smooth), read_metadata(sharp)
    for key in ("architecture", "options"):
        if metadata.get(key) != other.get(key):
            raise WeightsError(f"{smooth} and {sharp} are weights of different networks.")
    network: Any = load_completion_network(None, smooth)
    later: Any = load_completion_network(None, sharp)
    late = later.state_dict()
    state = {
        name: tensor.lerp(late[name], share) if tensor.is_floating_point() else late[name]
        for name, tensor in network.state_dict().items()
    }
    network.load_state_dict(state)
    save_completion_network(
        network,
        output,
        name=metadata["architecture"],
        options=read_header_mapping(metadata, "options", smooth),
        input_size=later.input_size,
        overwrite=overwrite,
    )


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; return the exit status, 2 on errors."""
    parser = argparse.ArgumentParser(
        prog="python -m inpainter.interpolate",
        description="Write weights between a smooth and a sharp state of one network.",
    )
    parser.add_argument("smooth", type=Path, help="safetensors of the early, smooth state")
    parser.add_argument("sharp", type=Path, help="safetensors of the late, sharp state")
    parser.add_argument("--share", type=float, required=True, help="of the sharp weights, 0 to 1")
    parser.add_argument("-o", "--output", type=Path, required=True, help="file to write")
    parser.add_argument("--overwrite", action="store_true", help="replace an earlier file")
    options = parser.parse_args(arguments)

    def write() -> None:
        interpolate_weights(
            options.smooth,
            options.sharp,
            options.output,
            options.share,
            overwrite=options.overwrite,
        )
        print(options.output)

    return exit_status(write)


if __name__ == "__main__":
    sys.exit(main())
