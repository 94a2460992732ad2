"""Colour and light augmentation: sampled on the CPU, applied on the training device.

It costs as much as warping a picture. A GPU does it for a whole batch in no time, and leaves the
CPU free to generate holes.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from inpainter.losses.edge import luma
from inpainter.tensors import from_bytes


def draw_colour_change(
    random: np.random.Generator, jitter: float, grayscale_probability: float, side_light: float
) -> NDArray[np.float32]:
    """Sample the colour change of one sample.

    Args:
        random: random generator.
        jitter: largest relative change of brightness, contrast, gamma and colour balance.
        grayscale_probability: probability that the picture is turned grey.
        side_light: largest relative change of brightness from the centre to the edge.

    Returns:
        Float32 `(13,)`: gamma, contrast, brightness, the gains of red, green and blue, 1 for grey,
        and the horizontal and vertical light gradients of red, green and blue in turn.
    """
    gamma = math.exp(random.uniform(-jitter, jitter))
    contrast = 1.0 + random.uniform(-jitter, jitter)
    brightness = random.uniform(-jitter, jitter) / 2
    gains = 1.0 + random.uniform(-jitter, jitter, 3) / 2
    grey = float(random.random() < grayscale_probability)
    slopes = np.zeros((3, 2))
    if side_light > 0.0:
        angle = random.uniform(0.0, 2.0 * math.pi)
        # Side light is slightly warmer or colder than the rest.
        tint = 1.0 + random.normal(0.0, 0.3, 3)
        slope = random.uniform(0.0, side_light) * tint
        slopes = slope[:, None] * np.array([math.cos(angle), math.sin(angle)])
    change = [gamma, contrast, brightness, *gains, grey, *slopes.ravel()]
    return np.asarray(change, np.float32)


def change_colours(pictures: Tensor, changes: Tensor) -> Tensor:
    """Apply colour and light changes to a batch of pictures.

    Args:
        pictures: `(N, 3, H, W)` in [-1, 1].
        changes: float32 `(N, 13)`, see `draw_colour_change`.

    Returns:
        `(N, 3, H, W)` in [-1, 1].
    """
    gamma, contrast, brightness, gains, grey, slopes = (
        part.view(len(pictures), -1, 1, 1) for part in changes.split((1, 1, 1, 3, 1, 6), dim=1)
    )
    level = pictures.add(1.0).div(2.0).pow(gamma)
    level = (((level - 0.5) * contrast + 0.5 + brightness) * gains).clamp(0.0, 1.0)
    level = torch.lerp(level, luma(level).expand_as(level), grey)
    height, width = pictures.shape[-2:]
    across = torch.linspace(-1.0, 1.0, width, device=level.device)
    down = torch.linspace(-1.0, 1.0, height, device=level.device)[:, None]
    light = 1.0 + slopes[:, 0::2] * across + slopes[:, 1::2] * down
    return (level * light).clamp(0.0, 1.0).mul(2.0).sub(1.0)


def to_pictures(batch: Mapping[str, Tensor], part: str = "image") -> Tensor:
    """Turn a batch's uint8 pictures into network inputs, with their colour changes applied.

    Args:
        batch: a `Batch`, on the training device.
        part: "image", "masked" or "reference".

    Returns:
        `(N, 3, S, S)` in [-1, 1], with the channels last in memory.
    """
    pictures = from_bytes(batch[part])
    if "colours" in batch:
        pictures = change_colours(pictures, batch["colours"])
    return pictures.contiguous(memory_format=torch.channels_last)
