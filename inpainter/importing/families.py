"""Networks whose published weights can be imported."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True)
class Family:
    """Published weights of one network.

    Attributes:
        system: what a file should contain, for error messages.
        rename: dotted path of the function that renames its tensors to ours.
        prefixes: possible prefixes of the tensors' names, see `Renaming`.
    """

    system: str
    rename: str
    prefixes: tuple[str, ...] = ("",)


_HERE: Final = "inpainter.importing"
FAMILIES: Final[dict[str, Family]] = {
    "aot-gan": Family("AOT-GAN", f"{_HERE}.aot_gan:rename", ("netG/", "state_dict/")),
    "comodgan": Family("CoModGAN", f"{_HERE}.comodgan:rename"),
    "deepfillv2": Family(
        "DeepFill v2 of nipponjo's networks.py", f"{_HERE}.deepfillv2:rename", ("G/",)
    ),
    "dmfn": Family("DMFN", f"{_HERE}.dmfn:rename", ("netG/", "state_dict/")),
    "glcic": Family("GLCIC of otenim", f"{_HERE}.glcic:rename", ("model_cn/", "state_dict/")),
    "lama": Family("LaMa", f"{_HERE}.lama:rename", ("state_dict/generator.", "generator.")),
    "migan": Family("MI-GAN", f"{_HERE}.migan:rename"),
}
"""Published weights, by our network's name."""
