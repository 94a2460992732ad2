"""Finding a face's landmarks with the network, starting from a rough position."""

from __future__ import annotations

import math
import threading
from dataclasses import dataclass, replace
from functools import cache
from typing import TYPE_CHECKING, Protocol

import cv2
import numpy as np

from weights.base.device import inference_dtype, resolve_device
from weights.base.errors import WeightsError
from weights.catalog.lookup import resolve
from weights.landmarks.frame import FaceFrame
from weights.landmarks.head_pose import estimate_tilt

if TYPE_CHECKING:
    import os
    from collections.abc import Sequence

    import torch

    from weights.base.contracts import Image
    from weights.landmarks.frame import Points
    from weights.landmarks.network import LandmarkConfiguration, Predict

_BATCH = 32

_LOOKS = 2
"""Passes per face, each in the frame given by the points of the previous one; the last of several
also sees the mirrored face, and averages both."""

_SEARCH_SIDE = 400
"""Longer side at which a picture is searched, in pixels."""

_SEARCH_SHARES = (1.0, 0.62, 0.38)
"""Sides of the search squares, as fractions of the picture's shorter side."""

_SEARCH_STEP = 0.3
"""Distance between those squares, as a fraction of their side."""

_HOPEFUL = 4
"""How many of the likeliest squares of each size get a second pass."""

_LIKELY = 0.5
"""Least probability for a face to be accepted."""

_TILTS = (-60.0, 60.0, -120.0, 120.0, 180.0)
"""Rotations in degrees for another try where no face is found."""

_SURE_TILTED = 0.9
"""Least probability for a face there: some profiles, rare in the network's training, pass for faces
lying on their side with 0.6."""

_SEARCH_TURNS = ((0.0, _LIKELY), (90.0, _SURE_TILTED), (-90.0, _SURE_TILTED), (180.0, _SURE_TILTED))
"""Rotations of a picture in degrees, each with the least probability for a face there."""

_SURE = 0.95
"""Probability of a face from which no smaller squares are searched."""


@dataclass(frozen=True, eq=False)
class FoundFace:
    """The network's prediction for one face.

    Attributes:
        points: iBUG points `(68, 2)`, x y in pixels of the picture.
        face: probability that there is a face, 0 to 1.
        masked: probability that it wears a mask, 0 to 1.
    """

    points: Points
    face: float
    masked: float

    @property
    def is_likely(self) -> bool:
        """Whether there is probably a face."""
        return self.face >= _LIKELY

    @property
    def is_masked(self) -> bool:
        """Whether it probably wears a mask."""
        return self.masked > 0.5

    @property
    def tilt(self) -> float | None:
        """Clockwise tilt of the face in degrees; None if there is probably no face."""
        return estimate_tilt(self.points) if self.is_likely else None


class FindsFaces(Protocol):
    """The interface required of a `LandmarkFinder`."""

    def find(self, image: Image) -> FoundFace | None:
        """Find the likeliest face of a picture."""

    def find_near(self, image: Image, frame: FaceFrame) -> FoundFace:
        """Find the landmarks of the face roughly inside a frame."""


@cache
def shared_finder(weights: str, device: str, backend: str) -> LandmarkFinder:
    """Return this process's shared finder with those weights on that device and backend."""
    return LandmarkFinder(weights, device, backend)


class LandmarkFinder:
    """Finds the 68 landmarks of faces, masked or not.

    The network is loaded once, on first use; the finder is thread-safe. Nothing is downloaded,
    written or printed.

    Args:
        weights: "default", a catalog name, or the path of a .safetensors file written by `unmask
            train landmarks`.
        device: "auto" or a torch device.
        backend: what runs the network, see `weights.base.backends.choose_backend`.

    Raises:
        InputError: there is no such device; WeightsError: faults of the file. Both are raised when
            the network is loaded.
    """

    def __init__(
        self,
        weights: str | os.PathLike[str] = "default",
        device: str | torch.device = "auto",
        backend: str = "torch",
    ) -> None:
        self.weights = weights
        self._device_name, self._backend_name = device, backend
        self._lock = threading.Lock()
        self._loaded: tuple[Predict, LandmarkConfiguration, torch.device] | None = None

    def load(self, *, missing_ok: bool = False) -> bool:
        """Load the network now instead of on first use.

        Args:
            missing_ok: whether to tolerate missing or unusable weights.

        Returns:
            Whether it is loaded.

        Raises:
            WeightsError: the weights are missing, damaged or of another network.
            InputError: there is no such device.
        """
        try:
            self._ready()
        except WeightsError:
            if not missing_ok:
                raise
            return False
        return True

    def find_near(self, image: Image, frame: FaceFrame) -> FoundFace:
        """Find the landmarks of the face roughly inside a frame, at any tilt.

        Args:
            image: uint8 RGB `(H, W, 3)`.
            frame: a square about the size of the face.

        Raises:
            WeightsError: the weights are missing, damaged or of another network.
        """
        return self.find_each(image, [frame])[0]

    def find_each(
        self, image: Image, frames: Sequence[FaceFrame], looks: int = _LOOKS
    ) -> list[FoundFace]:
        """Find the landmarks of several faces of a picture in batches; see `find_near`.

        Args:
            image: uint8 RGB `(H, W, 3)`.
            frames: squares about the size of the faces.
            looks: passes per face; one is enough to estimate the tilt.

        Raises:
            WeightsError: the weights are missing, damaged or of another network.
        """
        found = self._settle(image, frames, looks)
        doubtful = [index for index, one in enumerate(found) if not one.is_likely]
        # The network was trained on faces that are upright within about 40 degrees.
        tilted = [
            (index, replace(frames[index], angle=frames[index].angle + math.radians(tilt)))
            for index in doubtful
            for tilt in _TILTS
        ]
        first = self._look(image, [frame for _, frame in tilted])
        hopeful = [
            (index, FaceFrame.around(look.points))
            for (index, _), look in zip(tilted, first, strict=True)
            if look.is_likely
        ]
        again = self._look(image, [frame for _, frame in hopeful], mirrored=True)
        for (index, _), look in zip(hopeful, again, strict=True):
            if look.face >= max(_SURE_TILTED, found[index].face):
                found[index] = look
        return found

    def find(self, image: Image) -> FoundFace | None:
        """Find the likeliest face of a picture, and its landmarks.

        Squares of three sizes are searched, smaller ones only if larger ones show no certain face;
        so the face must be at least about a fifth of the picture's shorter side wide. If there is
        no certain face that is upright within about 40 degrees, the picture is also searched
        rotated by 90, -90 and 180 degrees.

        Args:
            image: uint8 RGB `(H, W, 3)`.

        Returns:
            The face; None if no square shows one.

        Raises:
            WeightsError: the weights are missing, damaged or of another network.
        """
        scale = min(1.0, _SEARCH_SIDE / max(image.shape[:2]))
        shape = (max(1, round(scale * image.shape[1])), max(1, round(scale * image.shape[0])))
        small = np.asarray(cv2.resize(image, shape, interpolation=cv2.INTER_AREA), np.uint8)
        best: FoundFace | None = None
        for turned, least in _SEARCH_TURNS:
            found = self._search(small, math.radians(turned))
            if found is not None and found.face >= max(least, best.face if best else 0.0):
                best = found
            if best is not None and best.face >= _SURE:
                break
        if best is None or scale == 1.0:
            return best
        return self.find_near(image, FaceFrame.around((best.points + 0.5) / scale - 0.5))

    def _search(self, image: Image, angle: float) -> FoundFace | None:
        """Find a small picture's likeliest face with a tilt of about an angle, in radians."""
        found: FoundFace | None = None
        for share in _SEARCH_SHARES:
            if found is not None and found.face >= _SURE:
                break
            upright = search_squares(image.shape[0], image.shape[1], share)
            squares = [replace(square, angle=angle) for square in upright]
            likely = np.array([one.face for one in self._look(image, squares)])
            best = np.argsort(-likely, kind="stable")[:_HOPEFUL]
            settled = self._settle(image, [squares[index] for index in best if likely[index] > 0.1])
            known = [] if found is None else [found]
            found = max([*settled, *known], key=lambda one: one.face, default=None)
        return found

    def _settle(
        self, image: Image, frames: Sequence[FaceFrame], looks: int = _LOOKS
    ) -> list[FoundFace]:
        found = self._look(image, frames)
        for number in range(1, looks):
            frames = [FaceFrame.around(one.points) for one in found]
            found = self._look(image, frames, mirrored=number == looks - 1)
        return found

    def _look(
        self, image: Image, frames: Sequence[FaceFrame], *, mirrored: bool = False
    ) -> list[FoundFace]:
        """Run the network on several frames of one picture, in batches."""
        import torch

        from weights.base.backends import to_network_input
        from weights.landmarks.network import LandmarkOutputs, average_mirrored

        network, configuration, device = self._ready()
        found: list[FoundFace] = []
        for start in range(0, len(frames), _BATCH):
            chunk = frames[start : start + _BATCH]
            taken = np.stack([frame.take(image, configuration.size) for frame in chunk])
            if mirrored:
                # As `with_mirror_images`, but not by torch, see `to_network_input`.
                taken = np.concatenate([taken, taken[:, :, ::-1]])
            pictures = to_network_input(taken, device)
            with torch.inference_mode():
                outputs = LandmarkOutputs(*network(pictures))
                if mirrored:
                    outputs = average_mirrored(outputs)
            scores = torch.sigmoid(torch.stack(outputs[1:], dim=1)).tolist()
            found += [
                FoundFace(frame.to_picture(own), *probabilities)
                for frame, own, probabilities in zip(
                    chunk, outputs.points.double().cpu().numpy(), scores, strict=True
                )
            ]
        return found

    def _ready(self) -> tuple[Predict, LandmarkConfiguration, torch.device]:
        with self._lock:
            if self._loaded is None:
                import torch

                from weights.base.backends import choose_backend, on_backend
                from weights.catalog.folding import folded
                from weights.landmarks.file import load_landmarks

                network, configuration = load_landmarks(resolve(self.weights, "landmarks"))
                device = resolve_device(self._device_name)
                backend = choose_backend(self._backend_name, device)
                network = folded(network).to(memory_format=torch.channels_last)
                # Bfloat16 moves points by 0.04 % of the crop on average, but by three times as much
                # with OpenVINO; fills conditioned on them would differ.
                dtype = inference_dtype(device) if backend == "torch" else torch.float32
                predict = on_backend(backend, network, device, dtype)
                self._loaded = predict, configuration, device
            return self._loaded


def search_squares(height: int, width: int, share: float) -> list[FaceFrame]:
    """Squares covering a picture, of a size given as a fraction of its shorter side."""
    side = share * min(height, width)

    def middles(length: int) -> list[float]:
        count = 1 + int(np.ceil((length - side) / (_SEARCH_STEP * side) - 1e-9))
        ends = (side - 1.0) / 2.0, length - (side + 1.0) / 2.0
        return list(np.linspace(*ends, count)) if count > 1 else [sum(ends) / 2.0]

    return [FaceFrame(x, y, side) for y in middles(height) for x in middles(width)]
