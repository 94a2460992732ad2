"""Detail at 512 pixels: large faces get it, small ones and other networks do without."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
import torch
from skimage.data import astronaut

from inpainter import NetworkInpainter, create_model
from inpainter.detail import SIDE, SMALLEST_CROP, DetailPainter
from inpainter.metrics.detail import detail_kept
from weights.base.errors import ConfigurationError


def large_face(side: int) -> tuple[np.ndarray, np.ndarray]:
    """The astronaut's face, framed as the pipeline does it, and a hole over its lower half."""
    crop = cv2.resize(astronaut()[20:220, 125:325], (side, side), interpolation=cv2.INTER_CUBIC)
    hole = np.zeros((side, side), np.uint8)
    middle, axes = (side // 2, round(0.64 * side)), (round(0.27 * side), round(0.24 * side))
    cv2.ellipse(hole, middle, axes, 0, 0, 360, 1, -1)
    return crop, hole.astype(bool)


def inpainter(detail: str) -> NetworkInpainter:
    return NetworkInpainter("gated", device="cpu", precision="float32", grain=False, detail=detail)


def test_large_faces_get_detail_that_enlarging_cannot_give() -> None:
    crop, hole = large_face(480)
    (plain,) = inpainter("off").complete([crop], [hole])
    (detailed,) = inpainter("auto").complete([crop], [hole])
    assert np.array_equal(detailed[~hole], crop[~hole])
    more = detail_kept(detailed, plain, hole)
    assert more[1] > 1.2 and more[8] == pytest.approx(1.0, abs=0.25)


def test_small_faces_and_other_networks_stay_as_they_are() -> None:
    crop, hole = large_face(SMALLEST_CROP)
    auto = inpainter("auto")
    assert np.array_equal(
        auto.complete([crop], [hole])[0], inpainter("off").complete([crop], [hole])[0]
    )
    assert auto._detail is None
    own = NetworkInpainter(create_model("unet", width=8), image_size=256, device="cpu")
    own.complete([large_face(400)[0]], [large_face(400)[1]])
    assert own._detail is None


def test_what_the_hole_hides_does_not_matter() -> None:
    crop, hole = large_face(SIDE)
    other = crop.copy()
    other[hole] = 255 - other[hole]
    stage = inpainter("auto")
    first, second = (stage.complete([one], [hole])[0] for one in (crop, other))
    assert np.array_equal(first, second)


def test_a_batch_gives_what_its_faces_give_alone() -> None:
    faces = [large_face(side) for side in (340, 512, 700)]
    crops, holes = ([one[at] for one in faces] for at in (0, 1))
    painter = DetailPainter(torch.device("cpu"), torch.float32)
    fills = [cv2.resize(crop, (256, 256), interpolation=cv2.INTER_AREA) for crop in crops]
    together = painter(crops, holes, fills)
    assert [one.shape for one in together] == [(SIDE, SIDE, 3)] * 3
    for at in range(3):
        (alone,) = painter(crops[at : at + 1], holes[at : at + 1], fills[at : at + 1])
        assert np.abs(alone.astype(int) - together[at].astype(int)).max() <= 1


def test_an_unknown_mode_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="detail"):
        NetworkInpainter("gated", detail="on")


def test_the_network_below_stays_and_is_no_part_of_the_weights() -> None:
    network = create_model("gated-detail", width=8, depth=1)
    assert {name.split(".")[0] for name in network.state_dict()} == {"detail"}
    assert {name.split(".")[0] for name, _ in network.named_parameters()} == {"detail"}
    image, hole = torch.zeros(1, 3, 64, 64), torch.ones(1, 1, 64, 64)
    network.train()(image, hole).prediction.sum().backward()
    (below,) = network._below
    assert not below.training and all(one.grad is None for one in below.parameters())
