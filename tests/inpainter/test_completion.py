"""The network as a stage: uint8 crops of any sizes in, completed crops out."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
import torch

from examples.astronaut import astronaut
from inpainter import NetworkInpainter, create_model
from inpainter.outputs import CompletionOutput
from inpainter.postprocess.softness import softened
from inpainter.tensors import to_tensor
from weights.base.errors import InputError, WeightsError


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
    with pytest.raises(InputError, match="1 crops but 0 sets of landmarks"):
        inpainter.complete_guided([image], [hole], [])
    with pytest.raises(InputError, match="landmarks 0 must be 68 points"):
        inpainter.complete_guided([image], [hole], [np.zeros((5, 2))])
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


@pytest.mark.parametrize(("noise", "grainy"), [(0.0, False), (1.0, False), (6.0, True)])
def test_a_fill_of_the_networks_own_size_gets_grain_in_noisy_photos_alone(
    noise: float, grainy: bool
) -> None:
    random = np.random.default_rng(0)
    plane = np.clip(200.0 + random.normal(0.0, noise, (128, 128, 1)), 0, 255)
    hole = np.zeros((128, 128), bool)
    hole[40:90, 40:90] = True
    stage = NetworkInpainter(_Flat(), image_size=128, device="cpu", tone=False)
    (result,) = stage.complete([plane.astype(np.uint8).repeat(3, axis=2)], [hole])
    spread = result[hole].std()
    assert 0.5 * noise < spread < 1.2 * noise if grainy else spread == 0.0


class _Paints(torch.nn.Module):
    """Paints one picture, uint8 RGB `(H, W, 3)`."""

    def __init__(self, picture: np.ndarray) -> None:
        super().__init__()
        self.picture = to_tensor([picture], torch.device("cpu"))

    def forward(self, image: torch.Tensor, hole: torch.Tensor) -> CompletionOutput:
        painted = self.picture.to(image.dtype)
        return CompletionOutput(None, painted, torch.where(hole > 0.5, painted, image))


@pytest.mark.parametrize("grain", [True, False])
def test_fills_are_softened_by_the_stage_or_by_whoever_asks_for_sharp_ones(grain: bool) -> None:
    photo = astronaut()[150:406, 200:456]
    soft = np.asarray(cv2.GaussianBlur(photo, (0, 0), 2.0), np.uint8)
    hole = np.zeros((256, 256), bool)
    hole[110:220, 60:190] = True
    stage = NetworkInpainter(_Paints(photo), image_size=256, device="cpu", grain=grain)
    [own], [sharp] = stage.complete([soft], [hole]), stage.complete_sharp([soft], [hole])
    deviation = stage.softening_of(sharp, soft, hole)
    assert (deviation > 0.5) == grain
    assert np.abs(sharp.astype(int) - photo)[hole].mean() < 2.0
    deep = cv2.erode(hole.view(np.uint8), np.ones((15, 15))) > 0
    by_caller = softened(sharp, hole, deviation).astype(int)
    assert np.abs(own - by_caller)[deep].max() <= 1


class _Ramp(torch.nn.Module):
    """Notes what it is given, and paints three levels more in each row and two in each column."""

    def __init__(self) -> None:
        super().__init__()
        self.given: list[tuple[torch.Tensor, torch.Tensor]] = []

    def forward(self, image: torch.Tensor, hole: torch.Tensor) -> CompletionOutput:
        self.given.append((image, hole))
        rows = torch.arange(image.shape[2])[:, None]
        levels = (3 * rows + 2 * torch.arange(image.shape[3])).expand_as(image)
        painted = levels / 127.5 - 1.0
        return CompletionOutput(None, painted, torch.where(hole > 0.5, painted, image))


def _ramp_stage() -> tuple[NetworkInpainter, _Ramp]:
    network = _Ramp()
    options = {"device": "cpu", "precision": "float32", "tone": False, "grain": False}
    return NetworkInpainter(network, image_size=48, **options), network


def test_the_network_is_given_pictures_from_minus_one_to_one_and_holes_of_one() -> None:
    stage, network = _ramp_stage()
    picture = np.zeros((48, 48, 3), np.uint8)
    picture[:16], picture[32:] = 255, (51, 102, 204)
    hole = np.zeros((48, 48), bool)
    hole[20:28, 8:40] = True
    stage.complete([picture], [hole])
    ((image, missing),) = network.given
    assert image.shape == (1, 3, 48, 48) and missing.shape == (1, 1, 48, 48)
    assert (image[0, :, :16] == 1.0).all()
    assert (image[0, :, 16:20] == -1.0).all()
    for channel, level in zip(image[0, :, 32:], (-0.6, -0.2, 0.6), strict=True):
        torch.testing.assert_close(channel, torch.full_like(channel, level))
    assert np.array_equal(missing[0, 0].numpy() == 1.0, hole)
    assert missing.unique().tolist() == [0.0, 1.0]


@pytest.mark.parametrize("size", [(48, 30), (30, 48), (48, 48)])
def test_a_fill_lies_where_it_was_painted(size: tuple[int, int]) -> None:
    stage, _ = _ramp_stage()
    hole = np.zeros(size, bool)
    hole[10:25, 8:28] = True
    (result,) = stage.complete([np.full((*size, 3), 207, np.uint8)], [hole])
    rows, columns = np.nonzero(hole)
    assert np.array_equal(result[hole][:, 0], 3 * rows + 2 * columns)
    assert (result[~hole] == 207).all()
