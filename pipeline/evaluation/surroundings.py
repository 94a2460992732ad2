"""Environment of a measurement: versions, machine, weight files."""

from __future__ import annotations

import os
import platform
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from typing import Any, Final

from weights.base.errors import UnmaskError
from weights.catalog.digest import file_sha256
from weights.catalog.lookup import DEFAULTS, list_weights, resolve
from weights.catalog.record import WeightKind
from weights.images.mark import unmask_version

LIBRARIES: Final = (
    "torch",
    "torchvision",
    "torchmetrics",
    "torch-fidelity",
    "ultralytics",
    "opencv-python",
    "scikit-image",
    "scipy",
    "numpy",
    "pillow",
    "dlib-bin",
    "matplotlib",
)


def versions() -> dict[str, str]:
    """Versions of unmask, Python and the installed libraries."""
    found = {"unmask": unmask_version(), "python": platform.python_version()}
    for name in LIBRARIES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def machine(device: str) -> dict[str, str]:
    """The device that `device` stands for here, and the processor."""
    import torch

    from weights.base.device import resolve_device

    chosen = resolve_device(device)
    name = torch.cuda.get_device_name(chosen) if chosen.type == "cuda" else platform.machine()
    return {
        "device": f"{chosen} ({name})",
        "threads": str(torch.get_num_threads()),
        "cores": str(os.cpu_count()),
    }


@dataclass(frozen=True)
class UsedWeights:
    """The weight file that a stage uses.

    Attributes:
        name: in the catalog, or the file as given by the user.
        sha256: digest of the file.
    """

    name: str
    sha256: str

    def __str__(self) -> str:
        return f"{self.name}, sha256 {self.sha256[:16]}"


def used_weights(stage: Any, kind: WeightKind) -> UsedWeights | None:
    """Return the weights that a stage uses, or None if it has none or they cannot be found.

    Args:
        stage: an object with `weights` and, for inpainters, `model`, like the built-in stages.
        kind: the stage's kind.
    """
    weights = getattr(stage, "weights", None)
    if not isinstance(weights, str | os.PathLike):
        return None
    name: str | os.PathLike[str] = weights
    if weights == "default":
        name = DEFAULTS[kind]
        model = getattr(stage, "model", None)
        if kind == "inpainter" and isinstance(model, str):
            trained = list_weights(f"{model}.*", kind="inpainter")
            if not trained:
                return None
            name = name if name in trained else trained[0]
    try:
        return UsedWeights(os.fspath(name), file_sha256(resolve(name, kind)))
    except UnmaskError:
        # The stage itself reports problems with its weights when it is used.
        return None
