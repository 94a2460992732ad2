"""The network as a stage: uint8 crops of any sizes in, completed crops out."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from inpainter import NetworkInpainter, create_model
from inpainter.outputs import CompletionOutput
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


class _Flat(torch.nn.Module):
    """Paints everything grey."""

    def forward(self, image: torch.Tensor, hole: torch.Tensor) -> CompletionOutput:
        flat = torch.zeros_like(image)
        return CompletionOutput(None, flat, torch.where(hole > 0.5, flat, image))


@pytest.mark.parametrize("side", [200, 512])
def test_an_enlarged_fill_gets_the_grain_round_its_hole(side: int) -> None:
    noise = np.random.default_rng(0).normal(0.0, 6.0, (side, side, 1))
    image = np.clip(128.0 + noise, 0, 255).astype(np.uint8).repeat(3, axis=2)
    hole = np.zeros((side, side), bool)
    hole[side // 3 : side // 2, side // 3 : side // 2] = True
    plain, grainy = (
        NetworkInpainter(_Flat(), image_size=128, device="cpu", tone=False, grain=grain)
        for grain in (False, True)
    )
    assert np.ptp(plain.complete([image], [hole])[0][hole]) == 0
    inner = hole.copy()
    inner[: side // 3 + 12] = False
    spread = grainy.complete([image], [hole])[0][inner].std()
    assert 0.6 * 6.0 < spread < 1.2 * 6.0
    flat = np.full_like(image, 100)
    assert np.ptp(grainy.complete([flat], [hole])[0][hole]) == 0


def test_a_fill_of_the_networks_own_size_stays_as_it_was_painted() -> None:
    noise = np.random.default_rng(0).integers(100, 160, (128, 128, 3), np.uint8)
    hole = np.zeros((128, 128), bool)
    hole[40:90, 40:90] = True
    stage = NetworkInpainter(_Flat(), image_size=128, device="cpu", tone=False)
    assert np.ptp(stage.complete([noise], [hole])[0][hole]) == 0
