"""The default detector: a YOLO segmentation network with masks at the picture's own resolution."""

from __future__ import annotations

import copy
import math
import threading
from typing import TYPE_CHECKING, Any, ClassVar

import cv2
import numpy as np

from detector.find.duplicates import drop_duplicates
from detector.find.letterbox import Letterbox
from detector.find.verifier import PROPOSAL_CONFIDENCE, MaskVerifier
from detector.find.weight_file import LARGEST_SIDE, fused, load_detector, outputs_only
from weights.base.contracts import Image, Mask, check_image
from weights.base.device import resolve_device
from weights.base.errors import InputError
from weights.base.regions import MaskRegion
from weights.catalog.lookup import resolve
from weights.catalog.network_file import refuse_pickle

if TYPE_CHECKING:
    import os
    from collections.abc import Sequence

    import torch
    from numpy.typing import NDArray

    from detector.find.architecture import DetectorConfiguration

_FILLING_SHARE = 0.35
"""Longer side of a mask, relative to its picture's, from which the picture is also processed at a
smaller size: networks are most confident on masks of the sizes that they were trained on."""

_BOX_MARGIN = 0.1
_NMS_IOU = 0.7
_MOST_REGIONS = 300
_BATCH = 8


class YoloMaskDetector:
    """Finds masks with a YOLO segmentation network.

    The network is loaded once, at the first picture; it can be used from several threads. Nothing
    is downloaded, written or printed.

    Args:
        weights: "default", a name of the catalog, or the path of a .safetensors file as written by
            `detector.train_detector`.
        confidence: minimum score of a region, above 0 and at most 1; with a verifier, minimum joint
            score.
        image_size: side of the square that pictures are fitted into, a multiple of 32 pixels;
            larger sizes find smaller masks and take longer.
        device: "auto" or a torch device.
        confirmation: weights of the verifier, as for `weights`, which drops detections that are not
            worn masks and outlines the rest anew. None returns the detections unverified.
        backend: what runs both networks, see `weights.base.backends.choose_backend`.

    Raises:
        InputError: a value is out of its range, or there is no such device.
        WeightsError: a weight file is a pickle (.pt); other faults are raised on loading.
    """

    thread_safe: ClassVar[bool] = True

    def __init__(
        self,
        weights: str | os.PathLike[str] = "default",
        confidence: float = 0.25,
        image_size: int = 640,
        device: str | torch.device = "auto",
        confirmation: str | os.PathLike[str] | None = "default",
        backend: str = "torch",
    ) -> None:
        _check_confidence(confidence)
        if type(image_size) is not int or image_size not in range(32, LARGEST_SIDE + 1, 32):
            raise InputError(
                f"image_size must be a multiple of 32 from 32 to {LARGEST_SIDE}, but is "
                f"{image_size!r}."
            )
        refuse_pickle(weights)
        if confirmation is not None:
            refuse_pickle(confirmation)
        self.weights = weights
        self.confidence = float(confidence)
        self.image_size = image_size
        self.confirmation = (
            None if confirmation is None else MaskVerifier(confirmation, device, backend)
        )
        self._device_name, self._backend_name = device, backend
        self._lock = threading.Lock()
        self._loaded: tuple[Any, DetectorConfiguration, torch.device] | None = None

    @classmethod
    def from_network(
        cls,
        network: torch.nn.Module,
        configuration: DetectorConfiguration,
        confidence: float = 0.25,
        image_size: int = 640,
        device: str | torch.device = "auto",
    ) -> YoloMaskDetector:
        """Make a detector, without verifier, from a copy of a network in memory.

        Args:
            network: as built by `detector.find.architecture.build_network`.
            configuration: what it was built from.
            confidence: as for the class.
            image_size: as for the class.
            device: as for the class.

        Raises:
            InputError: a value is out of its range, or there is no such device.
        """
        detector = cls("default", confidence, image_size, device, confirmation=None)
        detector._loaded = detector._prepared(copy.deepcopy(network), configuration)
        return detector

    def with_confidence(self, confidence: float) -> YoloMaskDetector:
        """Return a detector that differs only in its minimum score; both share the networks.

        Raises:
            InputError: the score is out of its range, or there is no such device.
            WeightsError: the weights are missing, damaged or of another network.
        """
        _check_confidence(confidence)
        self.load()
        other = copy.copy(self)
        other.confidence = float(confidence)
        return other

    def detect(self, images: Sequence[Image]) -> list[list[MaskRegion]]:
        """Detect the masks on pictures of any sizes.

        Args:
            images: uint8 RGB `(H, W, 3)` each.

        Returns:
            For each picture its regions by descending score; none is a normal result.

        Raises:
            InputError: a picture is invalid, or there is no such device.
            WeightsError: the weights are missing, damaged or of another network.
            MissingDependencyError: Ultralytics is missing.
        """
        pictures = [check_image(image, f"image {index}") for index, image in enumerate(images)]
        self.load()
        found: list[list[MaskRegion]] = []
        for start in range(0, len(pictures), _BATCH):
            found += self._detect_batch(pictures[start : start + _BATCH])
        return found

    def load(self) -> None:
        """Load the network now instead of at the first picture.

        Raises:
            WeightsError: the weights are missing, damaged or of another network.
            InputError: there is no such device.
            MissingDependencyError: Ultralytics is missing.
        """
        self._ready()
        if self.confirmation is not None:
            self.confirmation.load()

    def _ready(self) -> tuple[Any, DetectorConfiguration, torch.device]:
        with self._lock:
            if self._loaded is None:
                self._loaded = self._prepared(*load_detector(resolve(self.weights, "detector")))
            return self._loaded

    def _prepared(
        self, network: Any, configuration: DetectorConfiguration
    ) -> tuple[Any, DetectorConfiguration, torch.device]:
        """Prepare the network for inference: one head, norms folded in, on the device."""
        from weights.base.backends import choose_backend, on_backend

        device = resolve_device(self._device_name)
        backend = choose_backend(self._backend_name, device)
        network = outputs_only(fused(network, configuration)).requires_grad_(False)
        return on_backend(backend, network, device), configuration, device

    def _detect_batch(self, images: Sequence[Image]) -> list[list[MaskRegion]]:
        if self.confirmation is None:
            return self._look(images, self.image_size, self.confidence)
        return self.confirmation.confirm(images, self._propose(images), self.confidence)

    def _propose(self, images: Sequence[Image]) -> list[list[MaskRegion]]:
        """Propose masks; if one may fill the picture, at the network's own size as well."""
        proposed = self._look(images, self.image_size, PROPOSAL_CONFIDENCE)
        own_size = self._ready()[1].image_size
        if own_size >= self.image_size:
            return proposed
        filled = [
            index
            for index, (image, regions) in enumerate(zip(images, proposed, strict=True))
            if not regions
            or max(max(region.width, region.height) for region in regions)
            > _FILLING_SHARE * max(image.shape[:2])
        ]
        if filled:
            again = self._look([images[index] for index in filled], own_size, PROPOSAL_CONFIDENCE)
            for index, regions in zip(filled, again, strict=True):
                proposed[index] = drop_duplicates([*proposed[index], *regions])
        return proposed

    def _look(
        self, images: Sequence[Image], size: int, confidence: float
    ) -> list[list[MaskRegion]]:
        import torch

        from weights.base.backends import to_network_input

        network, configuration, device = self._ready()
        boxes = [Letterbox.fit(image.shape[0], image.shape[1], size) for image in images]
        squares = np.stack([box.apply(image) for box, image in zip(boxes, images, strict=True)])
        pixels = to_network_input(squares, device)
        # The head stores its anchor points, so only one batch at a time may run.
        with self._lock, torch.inference_mode():
            rows, prototypes = network(pixels)
        return [
            self._regions(candidates, prototype, letterbox, configuration, confidence)
            for candidates, prototype, letterbox in zip(rows, prototypes, boxes, strict=True)
        ]

    def _regions(
        self,
        candidates: torch.Tensor,
        prototype: torch.Tensor,
        letterbox: Letterbox,
        configuration: DetectorConfiguration,
        confidence: float,
    ) -> list[MaskRegion]:
        chosen = _select(candidates, configuration, confidence)
        logits = _mask_logits(chosen[:, 6:], prototype)
        regions: list[MaskRegion] = []
        for row, values in zip(chosen[:, :6].cpu().numpy(), logits, strict=True):
            box = letterbox.box_to_picture(row[:4])
            mask = _native_mask(values, box, letterbox)
            if mask is not None:
                label = configuration.class_names[int(row[5])]
                regions.append(MaskRegion(mask, box, min(1.0, float(row[4])), label))
        return drop_duplicates(regions)


def _check_confidence(confidence: float) -> None:
    if not 0.0 < confidence <= 1.0:
        raise InputError(f"confidence must be above 0 and at most 1, but is {confidence!r}.")


def _select(
    candidates: torch.Tensor, configuration: DetectorConfiguration, confidence: float
) -> torch.Tensor:
    """The candidates above the threshold: x0, y0, x1, y1, score, class, coefficients `(n, 38)`.

    The one-to-one head returns such rows; those of the one-to-many head need non-maximum
    suppression.
    """
    import torch
    from torchvision.ops import nms

    if configuration.one_to_one:
        return candidates[candidates[:, 4] >= confidence]
    class_count = len(configuration.class_names)
    rows = candidates.T
    scores, classes = rows[:, 4 : 4 + class_count].max(dim=1)
    rows, scores, classes = (value[scores >= confidence] for value in (rows, scores, classes))
    half = rows[:, 2:4] / 2
    corners = torch.cat([rows[:, :2] - half, rows[:, :2] + half], dim=1)
    kept = nms(corners, scores, _NMS_IOU)[:_MOST_REGIONS]
    return torch.cat(
        [
            corners[kept],
            scores[kept, None],
            classes[kept, None].to(scores.dtype),
            rows[kept, 4 + class_count :],
        ],
        dim=1,
    )


def _mask_logits(coefficients: torch.Tensor, prototype: torch.Tensor) -> NDArray[np.float32]:
    """Weigh the prototypes `(32, h, w)` by the coefficients `(n, 32)`: logits `(n, h, w)`.

    Source: Bolya et al. 2019, "YOLACT".
    """
    count, height, width = prototype.shape
    logits = coefficients @ prototype.reshape(count, -1)
    return np.asarray(logits.reshape(-1, height, width).float().cpu().numpy())


def _native_mask(
    logits: NDArray[np.float32],
    box: tuple[float, float, float, float],
    letterbox: Letterbox,
) -> Mask | None:
    """Threshold the logits at the picture's resolution, in and slightly beyond the box.

    The network is trained on logits inside boxes only, so pixels beyond the box count only if
    connected to the inside. None if no pixel is left.
    """
    x0, y0, x1, y1 = box
    margin_x, margin_y = _BOX_MARGIN * (x1 - x0), _BOX_MARGIN * (y1 - y0)
    left, top = max(0, math.floor(x0 - margin_x)), max(0, math.floor(y0 - margin_y))
    right = min(letterbox.width, math.ceil(x1 + margin_x))
    bottom = min(letterbox.height, math.ceil(y1 + margin_y))
    if right <= left or bottom <= top:
        return None
    inside = letterbox.window_of_map(logits, (left, top, right, bottom)) > 0.0
    count, numbered = cv2.connectedComponents(inside.astype(np.uint8), connectivity=4)
    if count > 1:
        core = numbered[
            max(0, math.floor(y0) - top) : math.ceil(y1) - top,
            max(0, math.floor(x0) - left) : math.ceil(x1) - left,
        ]
        connected = np.zeros(count, bool)
        connected[np.unique(core)] = True
        connected[0] = False
        inside = connected[numbered]
    if not inside.any():
        return None
    mask = np.zeros((letterbox.height, letterbox.width), bool)
    mask[top:bottom, left:right] = inside
    return mask
