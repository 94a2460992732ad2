"""The context discriminators: counts, local windows, one score a picture."""

from __future__ import annotations

import pytest
import torch

from inpainter import create_discriminator
from inpainter.discriminators.context import local_windows

SMALL = {"size": 64, "local_size": 32, "width": 4, "features": 8}


@pytest.mark.parametrize(
    ("options", "count"),
    [
        ({}, 45_063_681),
        ({"size": 160, "local_size": 96}, 39_557_121),
        ({"features": 512, "negative_slope": 0.2}, 36_673_025),
    ],
    ids=["places", "celeba", "dmfn"],
)
def test_parameter_counts_are_the_table_s(options: dict[str, float], count: int) -> None:
    with torch.device("meta"):
        discriminator = create_discriminator("context", **options)
    assert sum(one.numel() for one in discriminator.parameters()) == count


@pytest.mark.parametrize(
    ("options", "local_count", "global_count"),
    [
        ({}, 19_253_248, 25_808_384),
        ({"size": 160, "local_size": 96}, 15_583_232, 23_971_840),
    ],
    ids=["places", "celeba"],
)
def test_each_branch_has_the_paper_s_parameters(
    options: dict[str, int], local_count: int, global_count: int
) -> None:
    with torch.device("meta"):
        discriminator = create_discriminator("context", **options)
    local, whole = discriminator.local_branch, discriminator.global_branch
    assert sum(one.numel() for one in local.parameters()) == local_count
    assert sum(one.numel() for one in whole.parameters()) == global_count


def test_it_gives_local_maps_and_one_score_a_picture() -> None:
    discriminator = create_discriminator("context", **SMALL)
    hole = torch.zeros(3, 1, 64, 64)
    hole[..., 20:40, 10:30] = 1
    maps = discriminator(torch.randn(3, 3, 64, 64), hole)
    assert [tuple(one.shape) for one in maps] == [
        (3, 4, 16, 16),
        (3, 8, 8, 8),
        (3, 16, 4, 4),
        (3, 1),
    ]


def test_each_window_holds_its_own_picture_s_hole() -> None:
    places = [(0, 5, 0, 9), (30, 44, 50, 64), (20, 30, 3, 20), (60, 64, 0, 4), (10, 20, 63, 64)]
    hole = torch.zeros(len(places), 1, 64, 64)
    for index, (top, bottom, left, right) in enumerate(places):
        hole[index, :, top:bottom, left:right] = 1
    windows = local_windows(hole, hole, 20)
    assert windows.shape == (len(places), 1, 20, 20)
    assert torch.equal(windows.sum(dim=(1, 2, 3)), hole.sum(dim=(1, 2, 3)))


def test_a_window_is_centred_on_its_hole() -> None:
    hole = torch.zeros(1, 1, 64, 64)
    hole[..., 30:34, 20:26] = 1
    window = local_windows(hole, hole, 16)
    assert torch.equal(window, window.flip(2))
    assert torch.equal(window, window.flip(3))


@pytest.mark.parametrize(("height", "width"), [(50, 40), (12, 30), (16, 16)])
def test_a_hole_larger_than_the_window_is_seen_whole(height: int, width: int) -> None:
    hole = torch.zeros(1, 1, height, width)
    hole[..., 1:-1, 1:-1] = 1
    ramp = torch.linspace(0, 1, width).expand(1, 1, height, width)
    window = local_windows(ramp, hole, 16)
    assert window.shape == (1, 1, 16, 16)
    inside = ramp[hole > 0]
    assert window.min() < inside.min() + 0.1
    assert window.max() > inside.max() - 0.1


def test_a_picture_without_a_hole_gives_its_middle() -> None:
    picture = torch.randn(1, 3, 32, 32)
    window = local_windows(picture, torch.zeros(1, 1, 32, 32), 16)
    assert torch.equal(window, picture[..., 8:24, 8:24])


def test_pictures_of_another_size_are_judged_too() -> None:
    discriminator = create_discriminator("context", **SMALL)
    hole = torch.zeros(2, 1, 48, 80)
    hole[..., 5:30, 5:60] = 1
    assert discriminator(torch.randn(2, 3, 48, 80), hole)[-1].shape == (2, 1)


def test_the_patch_discriminator_of_gated_dmfb_keeps_the_side_at_last() -> None:
    discriminator = create_discriminator(
        "sn-patchgan", channels=(4, 8, 8, 8, 8), kernel_size=4, last_stride=1
    )
    maps = discriminator(torch.randn(1, 3, 128, 128), torch.zeros(1, 1, 128, 128))
    assert [one.shape[2] for one in maps] == [64, 32, 16, 8, 8]
    with torch.device("meta"):
        whole = create_discriminator(
            "sn-patchgan", channels=(64, 128, 256, 256, 256), kernel_size=4, last_stride=1
        )
    assert sum(one.numel() for one in whole.parameters()) == 2_757_568
