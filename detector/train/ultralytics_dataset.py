"""Ultralytics' data set with our own reader; imports Ultralytics, like the trainer."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from detector.data.yolo_dataset import read_labels
from detector.find.isolation import import_quietly
from weights.base.errors import TrainingError
from weights.base.stopping import stop_if_asked
from weights.images.orientation import read_orientation
from weights.images.reading import open_picture

import_quietly("ultralytics.data.dataset")

from ultralytics.data.dataset import YOLODataset  # noqa: E402


class MaskDataset(YOLODataset):
    """Pictures and polygons read by our own reader: no caches on disk, no rewritten pictures."""

    def get_img_files(self, img_path: str | list[str]) -> list[str]:
        """Return the files of the split, which are already listed."""
        return [img_path] if isinstance(img_path, str) else list(img_path)

    def get_labels(self) -> list[dict[str, Any]]:
        """Read size and polygons of every picture; a picture that cannot be read is left out.

        Raises:
            InputError: a label file is malformed.
            TrainingError: no picture can be read.
        """
        class_count = len(self.data["names"])
        labels: list[dict[str, Any]] = []
        for name in self.im_files:
            stop_if_asked()
            size = _picture_size(name)
            if size is None:
                import_quietly("ultralytics.utils").LOGGER.warning(
                    f"{name} cannot be decoded and is left out."
                )
                continue
            marked = read_labels(Path(name), class_count)
            labels.append(
                {
                    "im_file": name,
                    "shape": size,
                    "cls": marked.classes.astype(np.float32).reshape(-1, 1),
                    "bboxes": marked.boxes,
                    "segments": list(marked.polygons),
                    "keypoints": None,
                    "normalized": True,
                    "bbox_format": "xywh",
                }
            )
        if not labels:
            raise TrainingError(f"No picture can be read among {len(self.im_files)} files.")
        self.im_files = [label["im_file"] for label in labels]
        return labels

    def forget_pictures(self) -> None:
        """Drop the pictures buffered for mosaics, unless all are cached: epochs start with none."""
        if self.cache != "ram":
            for index in self.buffer:
                self.ims[index], self.im_hw0[index], self.im_hw[index] = None, None, None
        self.buffer = []


def _picture_size(name: str) -> tuple[int, int] | None:
    """Height and width as shown upright; None if the file is not a readable picture."""
    try:
        with Path(name).open("rb") as stream:
            picture = open_picture(stream, name)
            width, height = picture.size
            turned = read_orientation(picture) >= 5
            # Decoding a JPEG at an eighth of its size reveals damage just as well.
            picture.draft("RGB", (64, 64))
            picture.load()
    except Exception:  # decoders raise errors of many kinds on damaged data
        return None
    return (width, height) if turned else (height, width)
