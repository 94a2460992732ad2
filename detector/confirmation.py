"""Looking again at what a detector found: is it a worn mask, and where exactly does it end?

A detector that is to miss no mask proposes beards, hands, scarves and chins as well. A second,
smaller network, trained on such proposals, looks at each of them in a cut of its own size: it
refuses what is no worn mask, and outlines what is one anew. That a later stage judges what an
earlier one proposes is the cascade of Viola and Jones 2001 and of Cai and Vasconcelos 2018,
"Cascade R-CNN".
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import cv2
import numpy as np

from detector.cuts import Cut
from detector.duplicates import drop_duplicates
from detector.regions import MaskRegion, bounding_box

if TYPE_CHECKING:
    import os
    from collections.abc import Sequence

    import torch

    from detector.confirmation_network import ConfirmationConfiguration, ConfirmationNetwork
    from weights.contracts import Image, Mask

    Box = tuple[float, float, float, float]

PROPOSAL_CONFIDENCE = 0.05
"""Lowest score with which a detector proposes what is then confirmed."""

_DETECTOR_POWER, _CONFIRMATION_POWER = 0.75, 1.9
"""Powers of both scores in the joint one. Their ratio says how far a sure second look makes up for
a doubtful proposal; with their height, a joint score of 0.25 changes about one in fifty photos of
beards, scarves and hands."""

_AGREEMENT = 0.7
"""Intersection over union from which the detector's outline is joined with the second look's."""

_LEAST_PART = 0.1
"""Smallest part of a mask that is kept, as a share of its largest."""

_BATCH = 16


def joint_score(proposed: float, confirmed: float) -> float:
    """Join the detector's score with that of the second look, both from 0 to 1."""
    return float(confirmed**_CONFIRMATION_POWER * proposed**_DETECTOR_POWER)


class MaskConfirmation:
    """Judges and outlines finds with a confirmation network.

    The network is loaded at the first find, once, by whichever thread comes first; it may be used
    from several threads. Nothing is downloaded, written or printed.

    Args:
        weights: "default", a name of the catalog, or the path of a .safetensors file as written by
            `detector.confirmation_training.train_confirmation`.
        device: "auto" or a torch device.

    Raises:
        InputError: there is no such device; WeightsError: faults of the file. Both show when the
            network is loaded.
    """

    def __init__(
        self, weights: str | os.PathLike[str] = "default", device: str | torch.device = "auto"
    ) -> None:
        self.weights = weights
        self._device_name = device
        self._lock = threading.Lock()
        self._loaded: tuple[ConfirmationNetwork, ConfirmationConfiguration, torch.device] | None = (
            None
        )

    def load(self) -> None:
        """Load the network now instead of at the first find.

        Raises:
            WeightsError: the weights are missing, damaged or of another network.
            InputError: there is no such device.
        """
        self._ready()

    def confirm(
        self,
        images: Sequence[Image],
        found: Sequence[Sequence[MaskRegion]],
        confidence: float,
    ) -> list[list[MaskRegion]]:
        """Look again at the finds of several pictures.

        Args:
            images: uint8 RGB `(H, W, 3)` each.
            found: for each picture what a detector found, at picture size.
            confidence: lowest joint score of a region that is kept.

        Returns:
            For each picture what holds, newly outlined, by falling joint score.

        Raises:
            WeightsError: the weights are missing, damaged or of another network.
            InputError: there is no such device.
        """
        finds = [(index, region) for index, regions in enumerate(found) for region in regions]
        kept: list[list[MaskRegion]] = [[] for _ in images]
        for start in range(0, len(finds), _BATCH):
            chunk = finds[start : start + _BATCH]
            looks = self._confirmed(
                [(images[index], region) for index, region in chunk], confidence
            )
            for (index, _), region in zip(chunk, looks, strict=True):
                if region is not None:
                    kept[index].append(region)
        return [drop_duplicates(regions) for regions in kept]

    def _ready(self) -> tuple[ConfirmationNetwork, ConfirmationConfiguration, torch.device]:
        with self._lock:
            if self._loaded is None:
                from detector.confirmation_file import load_confirmation
                from detector.confirmation_network import folded
                from weights.catalog import resolve
                from weights.device import resolve_device

                network, configuration = load_confirmation(resolve(self.weights, "confirmation"))
                device = resolve_device(self._device_name)
                self._loaded = folded(network).to(device), configuration, device
            return self._loaded

    def _confirmed(
        self, finds: Sequence[tuple[Image, MaskRegion]], confidence: float
    ) -> list[MaskRegion | None]:
        """Judge finds, and outline those that hold; None for those that do not."""
        scores, outlines = self._look([(image, region.box) for image, region in finds])
        kept: dict[int, tuple[float, Mask]] = {}
        for index, ((_, region), score, outline) in enumerate(
            zip(finds, scores, outlines, strict=True)
        ):
            joint = joint_score(region.score, score)
            if joint >= confidence and outline is not None:
                kept[index] = joint, outline
        # A detector's box may be off; a cut round the outline itself gives a better one.
        centred = [(finds[index][0], _box(outline)) for index, (_, outline) in kept.items()]
        _, again = self._look(centred)
        confirmed: list[MaskRegion | None] = [None] * len(finds)
        for (index, (joint, first)), second in zip(kept.items(), again, strict=True):
            region = finds[index][1]
            mask = _together(first if second is None else second, region.mask)
            confirmed[index] = MaskRegion.from_mask(mask, joint, region.label)
        return confirmed

    def _look(self, cuts_of: Sequence[tuple[Image, Box]]) -> tuple[list[float], list[Mask | None]]:
        """Give the score of each boxed part of a picture, and its outline at picture size."""
        import torch

        if not cuts_of:
            return [], []
        network, configuration, device = self._ready()
        cuts = [Cut.around(box, configuration.context, configuration.size) for _, box in cuts_of]
        taken = np.stack([cut.take(image) for cut, (image, _) in zip(cuts, cuts_of, strict=True)])
        pictures = torch.from_numpy(taken).to(device).permute(0, 3, 1, 2).float() / 255.0
        with torch.inference_mode():
            scores, logits = network(pictures)
        outlines = logits.float().cpu().numpy()
        return torch.sigmoid(scores).float().cpu().tolist(), [
            _whole_parts(cut.put_back(values, image.shape[0], image.shape[1]))
            for cut, values, (image, _) in zip(cuts, outlines, cuts_of, strict=True)
        ]


def _together(mask: Mask, proposed: Mask) -> Mask:
    """Join an outline with that of the detector, where both are of one opinion by and large.

    What either takes for mask then is: a rest of it shows more than a little skin that is lost.
    """
    either = mask | proposed
    agreement = np.count_nonzero(mask & proposed) / np.count_nonzero(either)
    return either if agreement >= _AGREEMENT else mask


def _box(mask: Mask) -> Box:
    box = bounding_box(mask)
    assert box is not None
    return float(box[0]), float(box[1]), float(box[2]), float(box[3])


def _whole_parts(mask: Mask) -> Mask | None:
    """Drop specks: parts of a mask `(H, W)` below a share of its largest; None of an empty one.

    A hand before a mask may part it, so it need not be one piece.
    """
    box = bounding_box(mask)
    if box is None:
        return None
    x0, y0, x1, y1 = box
    part = mask[y0:y1, x0:x1].astype(np.uint8)
    count, numbered, facts, _ = cv2.connectedComponentsWithStats(part, connectivity=4)
    if count <= 2:
        return mask
    areas = facts[:, cv2.CC_STAT_AREA].copy()
    areas[0] = 0
    cleaned = np.zeros_like(mask)
    cleaned[y0:y1, x0:x1] = (areas >= _LEAST_PART * areas.max())[numbered]
    return cleaned
