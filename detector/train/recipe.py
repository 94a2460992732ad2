"""Recipes: how a detector is trained, read from YAML."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from weights.base.errors import ConfigurationError
from weights.base.names import unknown_name
from weights.base.settings import read_yaml, settings_from_mapping

if TYPE_CHECKING:
    import os

RECIPES = Path(__file__).parents[1] / "recipes"
"""Folder of the recipes that come with the package."""


@dataclass(frozen=True)
class DetectorRecipe:
    """How a detector is trained.

    Attributes:
        architecture: one of `detector.find.architecture.ARCHITECTURES`.
        one_to_one: whether YOLO26 gets its one-to-one head, which needs no non-maximum suppression.
        image_size: side of the square training pictures in pixels, a multiple of 32.
        epochs: passes over the training pictures.
        batch: pictures in a batch.
        step_batch: pictures between two steps of the optimiser; gradients add up over batches.
        patience: epochs without a better validation score after which training stops.
        workers: processes that load pictures.
        validation_pictures: at most so many are used for the validation of an epoch; all if 0.
        cache: "ram" keeps the pictures in memory at training size, "disk" unpacked beside them,
            "" neither.
        bfloat16: whether a CPU computes in bfloat16, where it has instructions for it.
        optimizer: "AdamW", "SGD", "MuSGD" or another of Ultralytics', or "auto".
        learning_rate: of the first epoch after the warm-up.
        final_learning_rate: of the last epoch, as a share of `learning_rate`.
        cosine: whether the learning rate falls along a cosine, otherwise along a line.
        momentum: of SGD, or the first beta of Adam.
        weight_decay: of all weights but biases and norms.
        warmup_epochs: over which the learning rate rises from 0.
        box_gain: weight of the box and mask losses.
        class_gain: weight of the classification loss.
        distance_gain: weight of the box distance loss.
        mask_ratio: how much smaller than the picture the masks are that are compared.
        mosaic: chance that a picture is put together from four.
        plain_epochs: last epochs, without mosaic.
        multi_scale: range of the picture's size from batch to batch, as a share of it.
        rotation: largest turn in degrees.
        translation: largest shift as a share of the picture.
        scaling: largest gain or loss of size as a share.
        shear: largest shear in degrees.
        perspective: largest perspective distortion, 0 to 0.001.
        flip: chance of mirroring left and right.
        hue, saturation, brightness: largest changes as shares.
        mixup: chance of blending two pictures.
        copy_paste: share of the masks pasted into another place.
    """

    architecture: str = "yolo26n-seg"
    one_to_one: bool = True
    image_size: int = 640
    epochs: int = 100
    batch: int = 16
    step_batch: int = 64
    patience: int = 100
    workers: int = 8
    validation_pictures: int = 0
    cache: str = ""
    bfloat16: bool = False
    optimizer: str = "auto"
    learning_rate: float = 0.01
    final_learning_rate: float = 0.01
    cosine: bool = False
    momentum: float = 0.937
    weight_decay: float = 0.0005
    warmup_epochs: float = 3.0
    box_gain: float = 7.5
    class_gain: float = 0.5
    distance_gain: float = 1.5
    mask_ratio: int = 4
    mosaic: float = 1.0
    plain_epochs: int = 10
    multi_scale: float = 0.0
    rotation: float = 0.0
    translation: float = 0.1
    scaling: float = 0.5
    shear: float = 0.0
    perspective: float = 0.0
    flip: float = 0.5
    hue: float = 0.015
    saturation: float = 0.7
    brightness: float = 0.4
    mixup: float = 0.0
    copy_paste: float = 0.0

    def __post_init__(self) -> None:
        for name in ("epochs", "batch", "step_batch", "mask_ratio"):
            if getattr(self, name) < 1:
                raise ConfigurationError(f"{name} in a detector's recipe must be 1 or more.")
        if self.cache not in ("", "ram", "disk"):
            raise ConfigurationError(
                f"cache in a detector's recipe must be 'ram', 'disk' or '', but is {self.cache!r}."
            )

    def to_dict(self) -> dict[str, Any]:
        """The fields as plain values."""
        return asdict(self)

    def with_changes(self, changes: dict[str, Any]) -> DetectorRecipe:
        """A copy with some fields changed.

        Raises:
            ConfigurationError: a key is unknown, with the nearest one named, or a value is wrong.
        """
        values = {**self.to_dict(), **changes}
        return settings_from_mapping(DetectorRecipe, values, "a detector's recipe")

    def ultralytics_settings(self) -> dict[str, Any]:
        """The recipe in Ultralytics' names."""
        return {
            "imgsz": self.image_size,
            "epochs": self.epochs,
            "batch": self.batch,
            "nbs": self.step_batch,
            "patience": self.patience,
            "cache": self.cache or False,
            "optimizer": self.optimizer,
            "lr0": self.learning_rate,
            "lrf": self.final_learning_rate,
            "cos_lr": self.cosine,
            "momentum": self.momentum,
            "weight_decay": self.weight_decay,
            "warmup_epochs": self.warmup_epochs,
            "warmup_bias_lr": 0.0,
            "box": self.box_gain,
            "cls": self.class_gain,
            "dfl": self.distance_gain,
            "mask_ratio": self.mask_ratio,
            "mosaic": self.mosaic,
            "close_mosaic": self.plain_epochs,
            "multi_scale": self.multi_scale,
            "degrees": self.rotation,
            "translate": self.translation,
            "scale": self.scaling,
            "shear": self.shear,
            "perspective": self.perspective,
            "fliplr": self.flip,
            "hsv_h": self.hue,
            "hsv_s": self.saturation,
            "hsv_v": self.brightness,
            "mixup": self.mixup,
            "copy_paste": self.copy_paste,
            "nms": False if self.one_to_one else None,
        }


def list_recipes(folder: Path = RECIPES) -> list[str]:
    """Names of the recipes that come with the package, of the detector or of another folder's."""
    return sorted(path.stem for path in folder.glob("*.yaml"))


def recipe_file(folder: Path, what: str, name_or_path: str | os.PathLike[str]) -> Path:
    """Give the YAML file that a path, or the name of one in a folder, such as "cpu", means.

    Args:
        folder: of the recipes that come with the package.
        what: what it is, in the singular, for the error.
        name_or_path: a name, or a path that ends in .yaml or .yml.

    Raises:
        ConfigurationError: there is no recipe of that name.
    """
    path = Path(name_or_path)
    if path.suffix in (".yaml", ".yml"):
        return path
    path = folder / f"{name_or_path}.yaml"
    if not path.is_file():
        raise unknown_name(what, str(name_or_path), list_recipes(folder))
    return path


def read_recipe(name_or_path: str | os.PathLike[str]) -> DetectorRecipe:
    """Read a recipe by its name, such as "cpu", or from a YAML file.

    Keys that are left out keep the default of `DetectorRecipe`.

    Raises:
        ConfigurationError: there is no such recipe, a key is unknown or a value is wrong.
    """
    file = recipe_file(RECIPES, "recipe of the detector", name_or_path)
    return DetectorRecipe().with_changes(read_yaml(file))
