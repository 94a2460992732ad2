"""The detector's network: an Ultralytics segmentation network, built from its description."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from detector.find.isolation import import_quietly
from weights.base.errors import ConfigurationError, MissingDependencyError
from weights.base.names import unknown_name

if TYPE_CHECKING:
    from torch import nn

ARCHITECTURES: tuple[str, ...] = tuple(
    f"yolo{generation}{scale}-seg" for generation in ("26", "11") for scale in "nsmlx"
)
"""Known networks: generation and compound scale, from `n` (smallest) to `x`."""

_NAME = re.compile(r"yolo(\d+)([nslmx])-seg")


@dataclass(frozen=True)
class DetectorConfiguration:
    """Everything needed to build and use a detector's network.

    Attributes:
        architecture: one of `ARCHITECTURES`.
        image_size: side of the square input that it was trained on, in pixels.
        class_names: name of each class.
        one_to_one: whether the network has, and is used with, the one-to-one head of YOLO26, which
            needs no non-maximum suppression (Wang et al. 2024, "YOLOv10"); False builds and uses
            the one-to-many head alone.

    Raises:
        ConfigurationError: the architecture is unknown, or a value is of the wrong kind.
    """

    architecture: str = "yolo26n-seg"
    image_size: int = 640
    class_names: tuple[str, ...] = ("mask",)
    one_to_one: bool = True

    def __post_init__(self) -> None:
        if self.architecture not in ARCHITECTURES:
            raise unknown_name("detector architecture", str(self.architecture), ARCHITECTURES)
        if not isinstance(self.image_size, int) or self.image_size < 32 or self.image_size % 32:
            raise ConfigurationError(
                f"image_size must be a multiple of 32 and at least 32, but is {self.image_size!r}."
            )
        names = tuple(self.class_names)
        if not names or not all(isinstance(name, str) for name in names):
            raise ConfigurationError(
                f"class_names must be one or more strings, but are {self.class_names!r}."
            )
        object.__setattr__(self, "class_names", names)
        has_one_to_one = self.architecture.startswith("yolo26")
        object.__setattr__(self, "one_to_one", bool(self.one_to_one) and has_one_to_one)


def network_description(configuration: DetectorConfiguration) -> dict[str, Any]:
    """Ultralytics' description of the network, with classes and scale filled in.

    Raises:
        MissingDependencyError: Ultralytics is missing or does not know the architecture.
    """
    import yaml

    matched = _NAME.fullmatch(configuration.architecture)
    assert matched is not None
    generation, scale = matched.groups()
    try:
        package = import_quietly("ultralytics")
    except ImportError as error:
        raise MissingDependencyError(
            "The YOLO detector needs Ultralytics: install it with 'pip install ultralytics'."
        ) from error
    folder = Path(str(package.__file__)).parent / "cfg" / "models" / generation
    path = folder / f"yolo{generation}-seg.yaml"
    if not path.is_file():
        raise MissingDependencyError(
            f"The installed Ultralytics {package.__version__} does not know "
            f"{configuration.architecture}: install a newer one with 'pip install -U ultralytics'."
        )
    description: dict[str, Any] = yaml.safe_load(path.read_text(encoding="utf-8"))
    description["scale"] = scale
    description["nc"] = len(configuration.class_names)
    description["yaml_file"] = f"{configuration.architecture}.yaml"
    if "end2end" in description:
        description["end2end"] = configuration.one_to_one
    return description


def build_network(configuration: DetectorConfiguration) -> nn.Module:
    """Build the network with new weights, an Ultralytics `SegmentationModel` in training mode.

    It takes RGB pictures `(N, 3, H, W)` in [0, 1], H and W multiples of 32.

    Raises:
        MissingDependencyError: Ultralytics is missing or does not know the architecture.
    """
    description = network_description(configuration)
    tasks = import_quietly("ultralytics.nn.tasks")
    network: Any = tasks.SegmentationModel(description, ch=3, verbose=False)
    network.names = dict(enumerate(configuration.class_names))
    built: nn.Module = network
    return built
