"""Features of faces from dlib's face recognition network.

The network's weights are in the public domain and come with the package `face_recognition_models`
(extra `landmarks`), in dlib's own format. It is parsed here as plain numbers: no code in the file
is ever run.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from weights.base.errors import WeightsError
from weights.catalog.dlib_models import dlib_model

_FILE: Final = "dlib_face_recognition_resnet_model_v1.dat"
_MEAN: Final = (122.782, 117.001, 104.298)
_BLOCKS: Final = (
    *((32, False),) * 3,
    (64, True),
    *((64, False),) * 3,
    (128, True),
    *((128, False),) * 2,
    (256, True),
    *((256, False),) * 2,
    (256, True),
)
"""Channels of each residual block, and whether it halves the resolution."""

LEVELS: Final = (32, 32, 64, 128, 256)
"""Channels of `FaceFeatures`' maps, at 1/2, 1/4, 1/8, 1/16 and 1/32 of the resolution."""
_LEVEL_ENDS: Final = (3, 7, 10, 13)


class FaceFeatures(nn.Module):
    """The convolutional part of dlib's 29-layer face recognition ResNet, frozen.

    It was trained for face recognition on 150 x 150 pictures in which a face is about 100 pixels
    wide. Its weights are buffers, so no optimizer or `requires_grad_` affects them, and they are
    left out of checkpoints.

    Args:
        size: side to which pictures are resized first; None for no resizing.
        weights: dlib's file; None for that of the package `face_recognition_models`.

    Raises:
        MissingDependencyError: the package is not installed.
        WeightsError: the file is missing or damaged.

    Source: King 2017, "High Quality Face Recognition with Deep Metric Learning", after He et al.
    2016, "Deep Residual Learning for Image Recognition".
    """

    mean: Tensor
    embedding: Tensor

    def __init__(
        self, size: int | None = None, weights: str | os.PathLike[str] | None = None
    ) -> None:
        super().__init__()
        self.size = size
        path = dlib_model(_FILE, "Extracting face features") if weights is None else Path(weights)
        try:
            data = path.read_bytes()
        except OSError as error:
            raise WeightsError(f"Cannot read dlib's face network {path}: {error}.") from error
        state = _read_state(data, str(path))
        self.stem = _Convolution(next(state), 3, 32, kernel=7, stride=2)
        blocks: list[nn.Module] = []
        channels = 32
        for width, halves in _BLOCKS:
            blocks.append(_ResidualBlock(state, channels, width, halves=halves))
            channels = width
        self.blocks = nn.ModuleList(blocks)
        self.register_buffer("embedding", next(state).reshape(256, 128), persistent=False)
        self.register_buffer("mean", torch.tensor(_MEAN).view(1, 3, 1, 1), persistent=False)

    def forward(self, picture: Tensor) -> list[Tensor]:
        """Map pictures `(N, 3, H, W)` in [-1, 1] to five maps `(N, C, h, w)`, C as in `LEVELS`.

        Each side must be at least 128 pixels after resizing.
        """
        features = self._stem(picture)
        maps = [features]
        features = functional.max_pool2d(features, 3, 2)
        for index, block in enumerate(self.blocks):
            features = block(features)
            if index + 1 in _LEVEL_ENDS:
                maps.append(features)
        return maps

    def embed(self, picture: Tensor) -> Tensor:
        """Return dlib's face descriptors `(N, 128)` of aligned faces `(N, 3, 150, 150)` in [-1, 1].

        Dlib considers two faces the same person if their descriptors' distance is below 0.6.
        """
        features = functional.max_pool2d(self._stem(picture), 3, 2)
        for block in self.blocks:
            features = block(features)
        return features.mean(dim=(2, 3)) @ self.embedding

    def _stem(self, picture: Tensor) -> Tensor:
        if self.size is not None and picture.shape[-2:] != (self.size, self.size):
            picture = functional.interpolate(
                picture,
                (self.size, self.size),
                mode="bilinear",
                align_corners=False,
                antialias=self.size < picture.shape[-1],
            )
        return functional.relu(self.stem((127.5 * (picture + 1.0) - self.mean) / 256.0))


class _Convolution(nn.Module):
    """A convolution with the following affine layer folded in."""

    weight: Tensor
    bias: Tensor

    def __init__(
        self, parameters: Tensor, inner: int, outer: int, kernel: int = 3, stride: int = 1
    ) -> None:
        super().__init__()
        count = outer * inner * kernel**2
        filters, bias, gain, shift = parameters.split([count, outer, outer, outer])
        filters = filters.reshape(outer, inner, kernel, kernel)
        self.register_buffer("weight", filters * gain[:, None, None, None], persistent=False)
        self.register_buffer("bias", bias * gain + shift, persistent=False)
        self.stride = stride
        self.padding = kernel // 2 if stride == 1 else 0

    def forward(self, features: Tensor) -> Tensor:
        return functional.conv2d(features, self.weight, self.bias, self.stride, self.padding)


class _ResidualBlock(nn.Module):
    def __init__(self, state: Iterator[Tensor], inner: int, outer: int, *, halves: bool) -> None:
        super().__init__()
        self.first = _Convolution(next(state), inner, outer, stride=2 if halves else 1)
        self.second = _Convolution(next(state), outer, outer)
        self.halves = halves

    def forward(self, features: Tensor) -> Tensor:
        residual = self.second(functional.relu(self.first(features)))
        if self.halves:
            features = functional.avg_pool2d(features, 2)
        # Dlib adds maps of different sizes by zero-padding the smaller one.
        high = max(features.shape[2], residual.shape[2])
        wide = max(features.shape[3], residual.shape[3])
        return functional.relu(
            _filled(features, residual.shape[1], high, wide)
            + _filled(residual, residual.shape[1], high, wide)
        )


def _filled(features: Tensor, channels: int, high: int, wide: int) -> Tensor:
    missing = (channels - features.shape[1], high - features.shape[2], wide - features.shape[3])
    if not any(missing):
        return features
    return functional.pad(features, (0, missing[2], 0, missing[1], 0, missing[0]))


def _read_state(data: bytes, name: str) -> Iterator[Tensor]:
    """Yield the parameters of each convolution with its affine layer, then the last matrix.

    Raises:
        WeightsError: the file is not dlib's face network.
    """
    at = 0
    try:
        for _ in range(1 + 2 * len(_BLOCKS)):
            at = _after(data, b"\x05con_4", at)
            convolution, at = _read_tensor(data, at)
            at = _after(data, b"affine_", at)
            affine, at = _read_tensor(data, at)
            yield torch.cat([convolution, affine])
        # The matrix follows its two dimensions.
        at = _after(data, b"fc_2", at)
        for _ in range(2):
            _, at = _read_integer(data, at)
        yield _read_tensor(data, at)[0]
    except (ValueError, IndexError, RuntimeError) as error:
        raise WeightsError(
            f"{name} is not dlib's face recognition network, or is damaged."
        ) from error


def _after(data: bytes, what: bytes, start: int) -> int:
    return data.index(what, start) + len(what)


def _read_integer(data: bytes, at: int) -> tuple[int, int]:
    """Read dlib's packed integer: a byte with its length and sign, then that many bytes."""
    length, negative = data[at] & 0x0F, bool(data[at] & 0x80)
    value = int.from_bytes(data[at + 1 : at + 1 + length], "little")
    return (-value if negative else value), at + 1 + length


def _read_tensor(data: bytes, at: int) -> tuple[Tensor, int]:
    version, at = _read_integer(data, at)
    if version != 2:
        raise ValueError(f"tensor of version {version}")
    count = 1
    for _ in range(4):
        dimension, at = _read_integer(data, at)
        count *= dimension
    values = np.frombuffer(data, "<f4", count, at)
    return torch.from_numpy(values.copy()), at + 4 * count
