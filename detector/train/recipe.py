"""Training recipes, read from YAML."""

from __future__ import annotations

import os
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, ClassVar, Literal, Self

from weights.base.errors import ConfigurationError
from weights.base.names import unknown_name
from weights.base.settings import read_yaml, settings_from_mapping

RECIPES = Path(__file__).parents[1] / "recipes"
"""Folder of the recipes that come with the package."""

_ULTRALYTICS_NAMES = {
    "image_size": "imgsz",
    "step_batch": "nbs",
    "learning_rate": "lr0",
    "final_learning_rate": "lrf",
    "cosine": "cos_lr",
    "box_gain": "box",
    "class_gain": "cls",
    "distance_gain": "dfl",
    "plain_epochs": "close_mosaic",
    "rotation": "degrees",
    "translation": "translate",
    "scaling": "scale",
    "flip": "fliplr",
    "hue": "hsv_h",
    "saturation": "hsv_s",
    "brightness": "hsv_v",
}
"""Fields of a detector's recipe that have another name in Ultralytics."""

_OURS = ("architecture", "one_to_one", "workers", "validation_pictures", "bfloat16")
"""Fields of a detector's recipe that Ultralytics does not know."""


@dataclass(frozen=True)
class Recipe:
    """Training settings of a network, as plain values."""

    what: ClassVar[str]
    """Its name in error messages, such as "a detector's recipe"."""

    kind: ClassVar[str]
    """Its name before a recipe's name, such as "recipe of the detector"."""

    folder: ClassVar[Path]
    """Of the recipes that come with the package."""

    def with_changes(self, changes: dict[str, Any]) -> Self:
        """A copy with some fields changed.

        Raises:
            ConfigurationError: a key is unknown (the nearest one is suggested), or a value is
                wrong.
        """
        return settings_from_mapping(type(self), {**asdict(self), **changes}, self.what)

    @classmethod
    def names(cls) -> list[str]:
        """Names of the recipes that come with the package."""
        return sorted(path.stem for path in cls.folder.glob("*.yaml"))

    @classmethod
    def read(cls, name_or_path: str | os.PathLike[str]) -> Self:
        """Read a recipe by its name, such as "cpu", or from a YAML file, .yaml or .yml.

        Missing keys keep their default.

        Raises:
            ConfigurationError: there is no such recipe, a key is unknown or a value is wrong.
        """
        path = Path(name_or_path)
        if path.suffix not in (".yaml", ".yml"):
            path = cls.folder / f"{name_or_path}.yaml"
            if not path.is_file():
                raise unknown_name(cls.kind, str(name_or_path), cls.names())
        return cls().with_changes(read_yaml(path))


@dataclass(frozen=True)
class DetectorRecipe(Recipe):
    """Training settings of a detector.

    Attributes:
        architecture: one of `detector.find.architecture.ARCHITECTURES`.
        one_to_one: whether YOLO26 gets its one-to-one head, which needs no non-maximum suppression.
        image_size: side of the square training pictures in pixels, a multiple of 32.
        epochs: passes over the training pictures.
        batch: pictures in a batch.
        step_batch: pictures per optimiser step; gradients accumulate over batches.
        patience: epochs without a better validation score after which training stops.
        workers: processes that load pictures.
        validation_pictures: maximum number for the validation of an epoch; 0 means all.
        cache: "ram" keeps the pictures in memory at training size, "disk" stores them decoded next
            to the originals, "" neither.
        bfloat16: whether a CPU computes in bfloat16, if it has instructions for it.
        optimizer: "AdamW", "SGD", "MuSGD" or another of Ultralytics', or "auto".
        learning_rate: of the first epoch after the warm-up.
        final_learning_rate: of the last epoch, as a fraction of `learning_rate`.
        cosine: whether the learning rate decays along a cosine, otherwise linearly.
        momentum: of SGD, or the first beta of Adam.
        weight_decay: of all weights except biases and norms.
        warmup_epochs: over which the learning rate rises from 0.
        box_gain: weight of the box and mask losses.
        class_gain: weight of the classification loss.
        distance_gain: weight of the box distance loss.
        mask_ratio: downsampling factor of the masks in the loss.
        mosaic: probability that a picture is composed of four.
        plain_epochs: last epochs, without mosaic.
        multi_scale: range of the picture's size from batch to batch, as a fraction of it.
        rotation: largest rotation in degrees.
        translation: largest shift as a fraction of the picture.
        scaling: largest relative change of size.
        shear: largest shear in degrees.
        perspective: largest perspective distortion, 0 to 0.001.
        flip: probability of a horizontal flip.
        hue, saturation, brightness: largest changes as fractions.
        mixup: probability of blending two pictures.
        copy_paste: fraction of the masks pasted elsewhere.
    """

    what = "a detector's recipe"
    kind = "recipe of the detector"
    folder = RECIPES

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

    def ultralytics_settings(self) -> dict[str, Any]:
        """The recipe in Ultralytics' names."""
        settings = {
            _ULTRALYTICS_NAMES.get(name, name): value
            for name, value in vars(self).items()
            if name not in _OURS
        }
        return {
            **settings,
            "cache": self.cache or False,
            "warmup_bias_lr": 0.0,
            "nms": False if self.one_to_one else None,
        }


@dataclass(frozen=True)
class TrunkRecipe(Recipe):
    """Training settings of a network on EfficientNet-Lite's trunk.

    Attributes:
        frozen_stages: number of the trunk's first stages that stay frozen, with its stem; as they
            have the highest resolution, that saves a third of the time.
        steps: optimiser steps.
        batch: samples in a step.
        learning_rate: peak rate of all but the trunk; the rates warm up over the first hundredth of
            the steps and decay along a cosine.
        weight_decay: of AdamW.
        precision: as Lightning names it.

    Raises:
        ConfigurationError: a number is not above 0.
    """

    frozen_stages: int = 0
    steps: int = 6000
    batch: int = 16
    learning_rate: float = 1.5e-3
    weight_decay: float = 0.02
    precision: str = "bf16-mixed"

    def __post_init__(self) -> None:
        for name in ("steps", "batch", "learning_rate"):
            if not getattr(self, name) > 0:
                raise ConfigurationError(f"{name} must be above 0, but is {getattr(self, name)!r}.")


@dataclass(frozen=True)
class VerifierRecipe(TrunkRecipe):
    """Recipe of a verifier, in addition to `TrunkRecipe`.

    Attributes:
        encoder: initial weights of the encoder, the network's trunk: "imagenet" or random
            ("chance").
        encoder_rate: peak learning rate of the encoder.
        outline_weight: weight of the outlines' loss relative to that of the score.
        drawn: fraction of a batch with masks drawn on faces, whose straps are known.
        photographed: fraction of photographed masks with outlines.
        boxed: fraction of photographed masks without outlines.
        unmasked: fraction of crops without a mask.
    """

    what = "a verifier's recipe"
    kind = "recipe of the verifier"
    folder = RECIPES / "verifier"

    encoder: Literal["imagenet", "chance"] = "imagenet"
    encoder_rate: float = 3e-4
    outline_weight: float = 1.0
    drawn: float = 0.37
    photographed: float = 0.33
    boxed: float = 0.08
    unmasked: float = 0.22


@dataclass(frozen=True)
class LandmarkRecipe(TrunkRecipe):
    """Recipe of a landmark network, in addition to `TrunkRecipe`.

    Attributes:
        trunk: initial weights of the trunk, "imagenet" or random ("chance").
        trunk_rate: peak learning rate of the trunk.
        astray: fraction of crops shifted, rotated or scaled so far that they do not frame a face.
        masked: fraction of crops with a masked face.
        rendered: fraction of the training masks that are fully rendered; the others are flat
            patches.
    """

    what = "a landmark recipe"
    kind = "recipe of landmarks"
    folder = RECIPES / "landmarks"

    frozen_stages: int = 2
    batch: int = 32
    learning_rate: float = 2e-3
    weight_decay: float = 0.01
    precision: str = "32-true"
    trunk: Literal["imagenet", "chance"] = "imagenet"
    trunk_rate: float = 5e-4
    astray: float = 0.2
    masked: float = 0.6
    rendered: float = 0.25
