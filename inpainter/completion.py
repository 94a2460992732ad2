"""Completion networks as a stage: crops and holes in, completed crops out."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Sequence
from typing import Any, ClassVar, NamedTuple

import numpy as np
import torch
from torch import nn

from inpainter.data.framing import squared_crop
from inpainter.detail import (
    SIDE,
    SMALLEST_CROP,
    DetailPainter,
    can_paint_detail,
    check_detail_mode,
)
from inpainter.landmark_guide import draw_guides
from inpainter.networks.base import GUIDE_CHANNELS
from inpainter.postprocess.enlarging import enlarge
from inpainter.postprocess.exposure import brightened, exposure_gain
from inpainter.postprocess.finishing import find_finish
from inpainter.postprocess.grain import RimDistances, match_grain
from inpainter.postprocess.monochrome import keep_tone
from inpainter.postprocess.rim import fill_from_rim
from inpainter.postprocess.softness import match_softness, softening_of
from inpainter.tensors import to_tensor, to_uint8
from inpainter.weight_files import load_completion_network
from weights.base.backends import choose_backend, on_backend
from weights.base.contracts import FacePhoto, Image, Mask, check_image, check_mask
from weights.base.device import inference_dtype, resolve_device
from weights.base.errors import InputError
from weights.landmarks.frame import Points

_LARGEST_SIDE = 4096

_SPARED_GRAIN = 1.5
"""Grey levels of noise that a fill may lack if it is not enlarged: added noise of 5 exceeds this,
the natural noise of 98 faces of val does not."""


class _Face(NamedTuple):
    """A crop, its hole, and what else is known of the face."""

    crop: Image
    hole: Mask
    landmarks: Points | None
    photo: FacePhoto | None

    def landmarks_at(self, size: int) -> Points | None:
        """The landmarks if the crop's longer side is resized to `size` pixels."""
        if self.landmarks is None:
            return None
        return (self.landmarks + 0.5) * (size / max(self.hole.shape)) - 0.5


class NetworkInpainter:
    """Completes crops with a trained network.

    Crops of any size are resized to the network's training size, completed in batches, and the
    fills are resized back; known pixels stay unchanged. The network is loaded once, on first use.

    Args:
        model: the network's name, or your own network, called as `network(image, hole)` and
            returning a `CompletionOutput`.
        weights: "default" for the catalog's weights of that network, a name of the catalog, or a
            .safetensors file.
        device: "auto" or a torch device name.
        image_size: side at which the network works; None for the side it was trained on.
        precision: "auto" uses bfloat16 if the device is fast at it, else float32; "bfloat16" or
            "float32" force one.
        batch_size: maximum crops per batch.
        tone: whether fills in monochrome photos, grey or sepia, are kept monochrome.
        grain: whether to match a fill's grain and sharpness to its surroundings, see
            `inpainter.postprocess.grain` and `inpainter.postprocess.softness`.
        detail: "auto" adds detail at 512 pixels to the fills of large faces if the network is the
            default one, see `inpainter.detail`; "off" only enlarges them.
        finish: how the fill is put into the hole: "none" unchanged, "telea-poisson" with its
            colours matched to those round the hole, as in GLCIC (see `telea_poisson_paste`).
        backend: backend of the networks, see `weights.base.backends.choose_backend`.
        options: options of the network, which must agree with the weights.
    """

    thread_safe: ClassVar[bool] = True

    def __init__(
        self,
        model: str | nn.Module = "gated",
        weights: str | os.PathLike[str] = "default",
        device: str | torch.device = "auto",
        image_size: int | None = None,
        precision: str = "auto",
        batch_size: int = 16,
        tone: bool = True,
        grain: bool = True,
        detail: str = "auto",
        finish: str = "none",
        backend: str = "torch",
        **options: Any,
    ) -> None:
        if precision not in {"auto", "bfloat16", "float32"}:
            raise InputError(
                f"precision must be 'auto', 'bfloat16' or 'float32', but is {precision!r}."
            )
        if batch_size < 1:
            raise InputError(f"batch_size must be 1 or more, but is {batch_size}.")
        if image_size is not None and not 8 <= image_size <= _LARGEST_SIDE:
            raise InputError(
                f"image_size must be from 8 to {_LARGEST_SIDE} pixels, but is {image_size}."
            )
        self.model, self.weights, self.options = model, weights, options
        self.device = resolve_device(device)
        self.image_size = image_size
        self.batch_size = batch_size
        self.tone, self.grain = tone, grain
        self._finish = find_finish(finish)
        self.detail = check_detail_mode(detail)
        self._detail: DetailPainter | None = None
        self.dtype = inference_dtype(self.device, precision)
        self.backend = choose_backend(backend, self.device)
        self._network: nn.Module | None = None
        self._paint: Callable[..., torch.Tensor]
        self._lock = threading.Lock()

    @property
    def network(self) -> nn.Module:
        """The loaded network, in eval mode on the device.

        Raises:
            WeightsError: the weights are missing, damaged or of another network.
        """
        with self._lock:
            if self._network is None:
                self._network = self._load()
                self._paint = on_backend(
                    self.backend, _Prediction(self._network), self.device, self.dtype
                )
            return self._network

    def _load(self) -> nn.Module:
        if isinstance(self.model, nn.Module):
            network = self.model.eval()
        else:
            chosen = None if self.weights == "default" else self.weights
            network = load_completion_network(self.model, chosen, self.options)
        if self.image_size is None:
            self.image_size = int(getattr(network, "input_size", 256))
        return network.to(memory_format=torch.channels_last)

    @property
    def takes_photos(self) -> bool:
        """Whether the network can be conditioned on photos of the faces.

        Raises:
            WeightsError: the weights cannot be loaded.
        """
        return getattr(self.network, "guide", None) == "reference"

    def complete(self, crops: Sequence[Image], holes: Sequence[Mask]) -> list[Image]:
        """Complete crops.

        Args:
            crops: uint8 RGB `(H, W, 3)` each, of any sizes; pixels inside the hole are ignored.
            holes: bool `(H, W)` each, True = missing.

        Returns:
            One picture per crop, of the same size: completed inside the hole, equal to the crop
            elsewhere.

        Raises:
            InputError: a crop or hole has a wrong type or shape, or their numbers differ.
            WeightsError: the weights cannot be loaded.
        """
        return self._complete(_faces(crops, holes), soften=True)

    def complete_guided(
        self,
        crops: Sequence[Image],
        holes: Sequence[Mask],
        landmarks: Sequence[Points | None],
        photos: Sequence[FacePhoto | None] | None = None,
    ) -> list[Image]:
        """Complete crops like `complete`, conditioned on landmarks and on photos of faces.

        If a crop has no landmarks, a network that takes them gets those detected in it; other
        networks ignore landmarks and photos.

        Args:
            crops: as for `complete`.
            holes: likewise.
            landmarks: iBUG points `(68, 2)` of each crop, x y in its pixels, or None.
            photos: for each crop a photo of the face without a mask, or None.

        Raises:
            InputError: as `complete`, or the landmarks are malformed or not one entry per crop.
            WeightsError: as `complete`.
        """
        return self._complete(_faces(crops, holes, landmarks, photos), soften=True)

    def complete_sharp(
        self,
        crops: Sequence[Image],
        holes: Sequence[Mask],
        landmarks: Sequence[Points | None] | None = None,
    ) -> list[Image]:
        """Complete crops like `complete_guided`, but leave softening the fills to the caller."""
        return self._complete(_faces(crops, holes, landmarks), soften=False)

    def softening_of(self, fill: Image, crop: Image, hole: Mask) -> float:
        """The blur with which `complete` would soften a sharp fill.

        Args:
            fill: uint8 RGB `(H, W, 3)`.
            crop: likewise, with the known pixels round the hole.
            hole: bool `(H, W)`, True = missing.

        Returns:
            Standard deviation of a Gaussian in pixels; 0 for none.
        """
        return softening_of(fill, crop, hole) if self.grain else 0.0

    def _complete(self, faces: Sequence[_Face], *, soften: bool) -> list[Image]:
        results: list[Image] = []
        for start in range(0, len(faces), self.batch_size):
            results += self._complete_batch(faces[start : start + self.batch_size], soften)
        return results

    def _complete_batch(self, faces: Sequence[_Face], soften: bool) -> list[Image]:
        network, size = self.network, self.image_size
        assert size is not None
        faces = [one._replace(crop=fill_from_rim(one.crop, one.hole)) for one in faces]
        gains = [exposure_gain(one.crop, one.hole) for one in faces]
        bright = [
            one._replace(crop=brightened(one.crop, gain))
            for one, gain in zip(faces, gains, strict=True)
        ]
        small = [squared_crop(one.crop, one.hole, size) for one in bright]
        image = to_tensor([crop for crop, _ in small], self.device)
        hole = torch.from_numpy(np.stack([hole for _, hole in small])).to(self.device)
        inputs = [
            image.to(self.dtype, memory_format=torch.channels_last),
            hole[:, None].to(self.dtype),
        ]
        kind = getattr(network, "guide", None)
        if kind in {"landmarks", "reference"}:
            landmarks = [one.landmarks_at(size) for one in faces]
            photos = [one.photo for one in faces]
            maps = draw_guides(small, landmarks, photos, self.device, GUIDE_CHANNELS[kind])
            guide = torch.from_numpy(maps).to(self.device).permute(0, 3, 1, 2)
            inputs.append(guide.to(self.dtype) / 255.0)
        with torch.inference_mode():
            painted = self._paint(*inputs)
        fills = self._detailed(bright, to_uint8(painted))
        if self.tone:
            fills = [keep_tone(fill, *seen) for fill, seen in zip(fills, small, strict=True)]
        return [
            self._put_in(one.crop, brightened(fill, 1.0 / gain), one.hole, soften)
            for one, fill, gain in zip(faces, fills, gains, strict=True)
        ]

    def _detailed(self, faces: Sequence[_Face], fills: list[Image]) -> list[Image]:
        """Add detail to the fills of large crops, which doubles their size."""
        if self.detail == "off" or self.model != "gated" or self.image_size != SIDE // 2:
            return fills
        large = [at for at, one in enumerate(faces) if max(one.hole.shape) > SMALLEST_CROP]
        if not large or not can_paint_detail():
            return fills
        with self._lock:
            if self._detail is None:
                self._detail = DetailPainter(self.device, self.dtype, self.backend)
        painted = self._detail(
            [faces[at].crop for at in large],
            [faces[at].hole for at in large],
            [fills[at] for at in large],
        )
        for at, fill in zip(large, painted, strict=True):
            fills[at] = fill
        return fills

    def _put_in(self, crop: Image, fill: Image, hole: Mask, soften: bool) -> Image:
        """Resize a fill, match it to its crop, and paste it."""
        height, width = hole.shape
        enlarged = enlarge(fill, max(height, width))[:height, :width]
        times = max(height, width) / fill.shape[0]
        if self.grain:
            distances = RimDistances.of(hole)
            if soften:
                enlarged = match_softness(enlarged, crop, hole, distances)
            # A fill that is not enlarged has enough grain unless the photo is noisy.
            spared = 0.0 if times > 1.0 else _SPARED_GRAIN
            enlarged = match_grain(
                enlarged, crop, hole, enlarged=times, spared=spared, distances=distances
            )
        return self._finish(crop, enlarged, hole)


def _faces(
    crops: Sequence[Image],
    holes: Sequence[Mask],
    landmarks: Sequence[Points | None] | None = None,
    photos: Sequence[FacePhoto | None] | None = None,
) -> list[_Face]:
    if len(crops) != len(holes):
        raise InputError(
            f"complete() got {len(crops)} crops and {len(holes)} holes: give one hole per crop."
        )
    for index, (crop, hole) in enumerate(zip(crops, holes, strict=True)):
        check_image(crop, f"crop {index}")
        check_mask(hole, (crop.shape[0], crop.shape[1]), f"hole {index}")
    none = [None] * len(crops)
    if landmarks is not None:
        _check_landmarks(landmarks, len(crops))
    columns = crops, holes, landmarks or none, photos or none
    return [_Face(*face) for face in zip(*columns, strict=True)]


def _check_landmarks(landmarks: Sequence[Points | None], count: int) -> None:
    if len(landmarks) != count:
        raise InputError(
            f"complete() got {count} crops but {len(landmarks)} sets of landmarks: "
            "give one set, or None, per crop."
        )
    for index, points in enumerate(landmarks):
        if points is not None and np.shape(points) != (68, 2):
            raise InputError(
                f"landmarks {index} must be 68 points as an array (68, 2), but have the shape "
                f"{np.shape(points)}."
            )


class _Prediction(nn.Module):
    """A completion network that returns only its prediction."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(
        self, image: torch.Tensor, hole: torch.Tensor, guide: torch.Tensor | None = None
    ) -> torch.Tensor:
        given = (image, hole) if guide is None else (image, hole, guide)
        return self.network(*given).prediction
