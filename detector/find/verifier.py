"""Second stage of detection: verifies each detection and outlines it anew.

A detector with high recall also proposes beards, hands, scarves and chins. A second network,
trained on such proposals, sees each in a crop scaled to its size: it rejects what is not a worn
mask, and outlines the rest anew, with the straps as a separate output. Such cascades are described
by Viola and Jones 2001 and by Cai and Vasconcelos 2018, "Cascade R-CNN".
"""

from __future__ import annotations

import math
import os
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

from detector.find.colours import colour_evidence
from detector.find.crops import Crop, tilted_box
from detector.find.duplicates import drop_duplicates
from detector.find.straps import strap_like, with_straps
from weights.base.device import resolve_device
from weights.base.regions import MaskRegion, bounding_box
from weights.catalog.lookup import resolve
from weights.landmarks import FaceFrame, shared_finder

if TYPE_CHECKING:
    from collections.abc import Sequence

    import torch
    from numpy.typing import NDArray

    from detector.find.crops import Box
    from detector.find.verifier_network import VerifierConfiguration
    from weights.base.contracts import Image, Mask
    from weights.landmarks import FoundFace, LandmarkFinder

PROPOSAL_CONFIDENCE = 0.05
"""Minimum score of a detector's proposals for the verifier."""

_DETECTOR_POWER, _VERIFIER_POWER = 0.41, 1.5
"""Exponents of both scores in the joint one. Their ratio sets how far a confident verifier makes up
for a doubtful proposal; their size is such that a threshold of 0.25 changes fewer than one in two
hundred photos of beards, scarves and hands. Of the masks that 0.65 and 2.4 miss and these find on
256 photos of crowds and single faces, four in five are masks."""

_SUREST = 0.999
"""Highest score expected of the verifier."""

_LEVEL = -1.5
"""Threshold of a pixel, its logit and the evidence of its colour together: outlines of photos agree
best below even odds."""

_STRAP_LEVEL = -2.0
"""The same for straps: on drawn masks of the split val it misses 6.2 % of the straps' pixels, and
9 % of what it finds lies beside them; 0 misses 10 %, and 5 % lies beside."""

_LEAST_PART = 0.1
"""Smallest part of a mask that is kept, as a fraction of its largest."""

_FAINT_STRAP_LEVEL = -5.0
"""The same for straps that also look like straps, see `strap_like`."""

_MOST_LOOKS = 4
"""Most crops of a mask at full size, each round the previous one's outline."""

_SURE = 0.95
"""Score of a crop that is not looked at again. Where a detector sees only half a mask, outline and
score grow crop by crop."""

_BATCH = 16

_LEAST_TILT, _MOST_TILT = 15.0, 120.0
"""Range of a face's tilt, in degrees, in which its crop is set upright. The network handles smaller
tilts; upside-down faces are mostly false ones."""

_FACE_SIDE = 1.6
"""Side of the frame in which the face is searched, relative to the longer side of its mask."""


def joint_score(proposed: float, confirmed: float) -> float:
    """Combine the scores of detector and verifier, both from 0 to 1."""
    return float(confirmed**_VERIFIER_POWER * proposed**_DETECTOR_POWER)


def score_of_both(first: float, second: float) -> float:
    """Combine two verifier scores of one detection: the mean of their logits, as a score."""

    def logit(score: float) -> float:
        bounded = min(max(score, 1.0 - _SUREST), _SUREST)
        return math.log(bounded / (1.0 - bounded))

    return 1.0 / (1.0 + math.exp(-(logit(first) + logit(second)) / 2.0))


@dataclass(frozen=True, eq=False)
class _Detection:
    """A detection in a picture, and the tilt of the face."""

    image: Image
    region: MaskRegion
    tilt: float = 0.0

    @property
    def box(self) -> Box:
        """The detector's own box, or for a tilted face the mask's box on tilted axes."""
        return tilted_box(self.region.mask, self.tilt) if self.tilt else self.region.box


@dataclass(frozen=True)
class _Look:
    """The network's output for one crop: its score, and the logits of the outlines; and the crop.

    Outlines are rasterised at picture size only on request: most crops need only the score.
    """

    score: float
    logits: NDArray[np.float32]
    pixels: Image
    crop: Crop
    height: int
    width: int

    def mask(self) -> Mask | None:
        """The mask without straps `(height, width)`; None if empty."""
        logits = self.logits[0]
        evident = logits + colour_evidence(self.pixels, logits, _LEVEL)
        return _whole_parts(self.crop.put_back(evident - _LEVEL, self.height, self.width))

    def straps(self) -> Mask:
        """Its straps, `(height, width)`."""
        return self._strap_outline(_STRAP_LEVEL)

    def faint_straps(self) -> Mask:
        """What may be one of its straps, `(height, width)`."""
        return self._strap_outline(_FAINT_STRAP_LEVEL)

    def _strap_outline(self, level: float) -> Mask:
        return self.crop.put_back(self.logits[1] - level, self.height, self.width)


class MaskVerifier:
    """Verifies and outlines detections.

    The network is loaded once, at the first detection; it can be used from several threads. Nothing
    is downloaded, written or printed.

    Args:
        weights: "default", a name of the catalog, or the path of a .safetensors file as written by
            `detector.train.verifier.train_verifier`.
        device: "auto" or a torch device.
        backend: what runs both networks, see `weights.base.backends.choose_backend`.
        landmarks: weights of the landmark network used to set crops of tilted faces upright, as in
            training. With None, or if the default ones are missing, crops are not rotated.

    Raises:
        InputError: there is no such device; WeightsError: faults of the file. Both are raised when
            the network is loaded.
    """

    def __init__(
        self,
        weights: str | os.PathLike[str] = "default",
        device: str | torch.device = "auto",
        backend: str = "torch",
        landmarks: str | os.PathLike[str] | None = "default",
    ) -> None:
        self.weights, self.landmarks = weights, landmarks
        self._device_name, self._backend_name = device, backend
        self._lock = threading.Lock()
        self._loaded: tuple[Any, VerifierConfiguration, torch.device] | None = None

    def load(self) -> None:
        """Load the network now instead of at the first detection.

        Raises:
            WeightsError: the weights are missing, damaged or of another network.
            InputError: there is no such device.
        """
        self._ready()
        self._finder()

    def confirm(
        self,
        images: Sequence[Image],
        found: Sequence[Sequence[MaskRegion]],
        confidence: float,
    ) -> list[list[MaskRegion]]:
        """Verify the detections of several pictures.

        Args:
            images: uint8 RGB `(H, W, 3)` each.
            found: for each picture the detections, at picture size.
            confidence: minimum joint score of a region that is kept.

        Returns:
            For each picture the confirmed regions, newly outlined, by descending joint score.

        Raises:
            WeightsError: the weights are missing, damaged or of another network.
            InputError: there is no such device.
        """
        detections = [
            (index, detection)
            for index, (image, regions) in enumerate(zip(images, found, strict=True))
            for detection in self._candidates(image, regions, confidence)
        ]
        kept: list[list[MaskRegion]] = [[] for _ in images]
        for start in range(0, len(detections), _BATCH):
            chunk = detections[start : start + _BATCH]
            looks = self._confirmed([detection for _, detection in chunk], confidence)
            for (index, _), region in zip(chunk, looks, strict=True):
                if region is not None:
                    kept[index].append(region)
        return [drop_duplicates(regions) for regions in kept]

    def _finder(self) -> LandmarkFinder | None:
        """The landmark finder for the tilt of faces; None without one."""
        if self.landmarks is None:
            return None
        finder = shared_finder(
            os.fspath(self.landmarks), str(self._device_name), self._backend_name
        )
        return finder if finder.load(missing_ok=self.landmarks == "default") else None

    def _candidates(
        self, image: Image, regions: Sequence[MaskRegion], confidence: float
    ) -> list[_Detection]:
        """The detections of a picture that can be confirmed, with the tilt of their faces."""
        hopeful = [one for one in regions if joint_score(one.score, _SUREST) >= confidence]
        finder = self._finder() if hopeful else None
        if finder is None:
            return [_Detection(image, one) for one in hopeful]
        frames = []
        for one in hopeful:
            x0, y0, x1, y1 = one.box
            side = _FACE_SIDE * max(x1 - x0, y1 - y0)
            frames.append(FaceFrame((x0 + x1 - 1) / 2, (y0 + y1 - 1) / 2, side))
        faces = finder.find_each(image, frames, looks=1)
        return [
            _Detection(image, one, _shown_tilt(face))
            for one, face in zip(hopeful, faces, strict=True)
        ]

    def _ready(self) -> tuple[Any, VerifierConfiguration, torch.device]:
        with self._lock:
            if self._loaded is None:
                import torch

                from detector.find.verifier_file import load_verifier
                from weights.base.backends import choose_backend, on_backend
                from weights.catalog.folding import folded

                network, configuration = load_verifier(resolve(self.weights, "confirmation"))
                device = resolve_device(self._device_name)
                backend = choose_backend(self._backend_name, device)
                network = folded(network).to(memory_format=torch.channels_last)
                self._loaded = on_backend(backend, network, device), configuration, device
            return self._loaded

    def _confirmed(
        self, detections: Sequence[_Detection], confidence: float
    ) -> list[MaskRegion | None]:
        """Verify detections, and outline those confirmed; None for the others."""
        configuration = self._ready()[1]
        first_looks = self._look(
            [(detection, detection.box) for detection in detections], configuration.first_size
        )

        def joint(index: int, second_score: float) -> float:
            confirmed = score_of_both(first_looks[index].score, second_score)
            return joint_score(detections[index].region.score, confirmed)

        # Skip what not even the highest verifier score would confirm. A detector's box may be off;
        # a crop round the outline itself gives a better one.
        boxes: dict[int, Box] = {}
        for index, look in enumerate(first_looks):
            if joint(index, _SUREST) >= confidence and (outline := look.mask()) is not None:
                boxes[index] = tilted_box(outline, detections[index].tilt)
        scores = {index: first_looks[index].score for index in boxes}
        confirmed: list[MaskRegion | None] = [None] * len(detections)
        for index, (look, body) in self._surest_looks(detections, boxes, scores).items():
            score = joint(index, look.score)
            if score >= confidence:
                detection = detections[index]
                faint = strap_like(look.faint_straps(), detection.image, body)
                mask = with_straps(body, look.straps(), faint)
                label = detection.region.label
                confirmed[index] = MaskRegion.from_mask(mask, score, label, mask & ~body)
        return confirmed

    def _surest_looks(
        self, detections: Sequence[_Detection], boxes: dict[int, Box], scores: dict[int, float]
    ) -> dict[int, tuple[_Look, Mask]]:
        """Look at detections in these boxes, and again round their outlines while scores rise.

        Args:
            detections: the detections.
            boxes: where to look, by the detection's index.
            scores: of the previous looks, likewise.

        Returns:
            By index, the look of the highest score and its outline; nothing where none is found.
        """
        size = self._ready()[1].size
        surest: dict[int, tuple[_Look, Mask]] = {}
        for _ in range(_MOST_LOOKS):
            looks = self._look([(detections[index], box) for index, box in boxes.items()], size)
            growing: dict[int, Box] = {}
            for index, look in zip(boxes, looks, strict=True):
                outline, rises = look.mask(), look.score > scores[index]
                if outline is None:
                    continue
                if rises or index not in surest:
                    surest[index] = look, outline
                if rises and look.score < _SURE:
                    growing[index] = tilted_box(outline, detections[index].tilt)
                scores[index] = max(scores[index], look.score)
            boxes = growing
        return surest

    def _look(self, wanted: Sequence[tuple[_Detection, Box]], size: int) -> list[_Look]:
        """Run the network on boxes of pictures, in crops of that size."""
        import torch

        from weights.base.backends import to_network_input

        if not wanted:
            return []
        network, configuration, device = self._ready()
        crops = [
            Crop.around(box, configuration.context, size, detection.tilt)
            for detection, box in wanted
        ]
        taken = np.stack(
            [crop.take(detection.image) for crop, (detection, _) in zip(crops, wanted, strict=True)]
        )
        with torch.inference_mode():
            scores, logits = network(to_network_input(taken, device))
        return [
            _Look(score, planes, pixels, crop, *detection.region.size)
            for pixels, crop, (detection, _), score, planes in zip(
                taken,
                crops,
                wanted,
                torch.sigmoid(scores).float().cpu().tolist(),
                logits.float().cpu().numpy(),
                strict=True,
            )
        ]


def _shown_tilt(face: FoundFace) -> float:
    """Degrees by which the crop of a face's mask is tilted; 0 if it is not."""
    tilt = face.tilt or 0.0
    return tilt if _LEAST_TILT <= abs(tilt) <= _MOST_TILT else 0.0


def _whole_parts(mask: Mask) -> Mask | None:
    """Drop specks: parts of a mask `(H, W)` far smaller than its largest; None if it is empty.

    A hand in front of a mask may split it, so it need not be connected.
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
