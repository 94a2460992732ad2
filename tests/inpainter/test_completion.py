"""The network as a stage: uint8 crops of any sizes in, completed crops out."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from inpainter import NetworkInpainter, create_model
from weights.errors import InputError, WeightsError


@pytest.fixture
def inpainter() -> NetworkInpainter:
    torch.manual_seed(0)
    return NetworkInpainter(
        create_model("gated", width=8, depth=1), image_size=64, device="cpu", precision="float32"
    )


def crop(height: int, width: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    image = np.random.default_rng(seed).integers(0, 256, (height, width, 3), np.uint8)
    hole = np.zeros((height, width), bool)
    hole[height // 3 : height // 2 + 1, width // 4 : width // 2 + 1] = True
    return image, hole


@pytest.mark.parametrize(
    "size", [(64, 64), (40, 40), (200, 200), (30, 90), (91, 17), (3, 2), (1, 1)]
)
def test_known_pixels_and_sizes_are_kept(
    inpainter: NetworkInpainter, size: tuple[int, int]
) -> None:
    image, hole = crop(*size)
    (result,) = inpainter.complete([image], [hole])
    assert result.shape == image.shape and result.dtype == np.uint8
    assert np.array_equal(result[~hole], image[~hole])


def test_what_lies_in_the_hole_does_not_matter(inpainter: NetworkInpainter) -> None:
    image, hole = crop(64, 64)
    masked = image.copy()
    masked[hole] = (0, 255, 0)
    assert np.array_equal(
        inpainter.complete([image], [hole])[0], inpainter.complete([masked], [hole])[0]
    )


def test_a_batch_of_mixed_sizes_gives_what_each_gives_alone(inpainter: NetworkInpainter) -> None:
    crops, holes = zip(*(crop(side, side, side) for side in (48, 64, 100)), strict=True)
    together = inpainter.complete(crops, holes)
    inpainter.batch_size = 1
    for one, other in zip(together, inpainter.complete(crops, holes), strict=True):
        assert np.abs(one.astype(int) - other.astype(int)).max() <= 1


def test_nothing_in_nothing_out(inpainter: NetworkInpainter) -> None:
    assert inpainter.complete([], []) == []


def test_wrong_input_is_said_in_one_sentence(inpainter: NetworkInpainter) -> None:
    image, hole = crop(8, 8)
    with pytest.raises(InputError, match="1 crops and 0 holes"):
        inpainter.complete([image], [])
    with pytest.raises(InputError, match="crop 0 must be a uint8"):
        inpainter.complete([image.astype(float)], [hole])
    with pytest.raises(InputError, match="hole 0 must have"):
        inpainter.complete([image], [hole[:4]])
    with pytest.raises(InputError, match="precision"):
        NetworkInpainter(precision="fp16")
    with pytest.raises(WeightsError, match="There is no"):
        NetworkInpainter(weights="nowhere.safetensors").complete([image], [hole])
