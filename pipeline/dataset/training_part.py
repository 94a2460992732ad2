"""Adds labelled pictures to the training split of a detection set."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from pipeline.dataset.labels import Points, simplify_polygon, visible_outlines, yolo_lines
from pipeline.dataset.stored_pictures import Making, store_picture, store_text
from weights.base.contracts import Image, Mask
from weights.base.errors import InputError


class TrainingPart:
    """Writes pictures and labels into `detection/{images,labels}/train`.

    Args:
        detection: the detection set, made by `build_dataset`.

    Raises:
        InputError: `detection` is not a detection set.
    """

    def __init__(self, detection: Path) -> None:
        self.images, self.labels = detection / "images" / "train", detection / "labels" / "train"
        if not self.images.is_dir():
            raise InputError(
                f"{detection} is not a detection data set: build one with `unmask synthesize` "
                "first."
            )

    def files(self, name: str) -> tuple[Path, Path]:
        """Paths of a picture of that name and of its labels."""
        return self.images / f"{name}.jpg", self.labels / f"{name}.txt"

    def store(self, name: str, image: Image, outlines: Sequence[Points], making: Making) -> None:
        """Write a picture, uint8 RGB `(H, W, 3)`, with the outlines `(K, 2)` of its masks.

        Raises:
            OutputError: a file cannot be written.
        """
        image_file, label_file = self.files(name)
        # The old picture goes first, so that a killed run leaves no mismatched pair.
        image_file.unlink(missing_ok=True)
        store_text(label_file, yolo_lines(outlines, image.shape[1], image.shape[0]))
        store_picture(image_file, image, 92, making)


def traced(masks: Iterable[Mask]) -> list[Points]:
    """The simplified outlines of masks, bool `(H, W)`."""
    return [
        simplify_polygon(outline, 0.5)
        for mask in masks
        if mask.any()
        for outline in visible_outlines(mask)
    ]
