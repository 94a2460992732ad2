"""Contextual attention equals its plain form, for each picture's own hole, in any part size."""

from __future__ import annotations

import pytest
import torch
from torch.nn import functional

from inpainter.networks.blocks.contextual_attention import ContextualAttention
from weights.base.errors import InputError

ALL_AT_ONCE, ROW_BY_ROW = 1 << 24, 1


def plain(features: torch.Tensor, hole: torch.Tensor, sharpness: float = 10.0) -> torch.Tensor:
    """One picture `(C, H, W)` as the paper has it: whole scores, convolved with identities."""
    height, width = features.shape[1] // 2, features.shape[2] // 2
    places = height * width
    queries = functional.unfold(features[None, :, ::2, ::2], 3, padding=1)[0].T
    keys = queries / queries.norm(dim=1, keepdim=True).clamp_min(1e-4)
    scores = queries @ keys.T
    identity = torch.eye(3, dtype=features.dtype)[None, None]
    scores = functional.conv2d(scores[None, None], identity, padding=1)[0, 0]
    scores = scores.view(height, width, height, width).permute(1, 0, 3, 2).reshape(places, places)
    scores = functional.conv2d(scores[None, None], identity, padding=1)[0, 0]
    scores = scores.view(width, height, width, height).permute(1, 0, 3, 2).reshape(places, places)
    missing = functional.avg_pool2d(functional.max_pool2d(hole[None], 2), 3, 1, 1)
    valid = (missing == 0).flatten().to(features)
    weights = torch.softmax(sharpness * scores * valid, dim=1) * valid
    patches = functional.unfold(features[None], 4, stride=2, padding=1)[0].T
    patches = patches.reshape(places, features.shape[0], 4, 4)
    pasted = functional.conv_transpose2d(
        weights.T.reshape(1, places, height, width), patches, stride=2, padding=1
    )
    return pasted[0] / 4


def sample(count: int, height: int, width: int) -> tuple[torch.Tensor, torch.Tensor]:
    torch.manual_seed(height * width)
    features = torch.rand(count, 3, height, width, dtype=torch.float64) - 0.3
    hole = torch.zeros(count, 1, height, width, dtype=torch.float64)
    for index in range(count):
        hole[index, :, 1 + index : 3 + 2 * index, 1 : 3 + index] = 1
    return features, hole


@pytest.mark.parametrize("size", [(8, 12), (16, 6), (2, 2), (2, 8), (8, 2)])
@pytest.mark.parametrize("scores_at_once", [ALL_AT_ONCE, 500, ROW_BY_ROW])
def test_it_equals_the_plain_form(size: tuple[int, int], scores_at_once: int) -> None:
    features, hole = sample(2, *size)
    result = ContextualAttention(scores_at_once=scores_at_once)(features, hole)
    expected = torch.stack([plain(*one) for one in zip(features, hole, strict=True)])
    torch.testing.assert_close(result, expected)


def test_a_batch_of_two_holes_is_two_batches_of_one() -> None:
    features, hole = sample(2, 12, 12)
    attention = ContextualAttention()
    together = attention(features, hole)
    alone = [attention(features[i : i + 1], hole[i : i + 1]) for i in range(2)]
    torch.testing.assert_close(together, torch.cat(alone))
    other_way_round = attention(features, hole.flip(0))
    assert (together - other_way_round).abs().max() > 1e-3


def test_the_hole_may_be_taken_by_its_first_pixels_as_in_the_released_code() -> None:
    features, _ = sample(1, 12, 12)
    even, odd = (torch.zeros(1, 1, 12, 12, dtype=features.dtype) for _ in range(2))
    even[..., 4:6, 4:6] = 1
    odd[..., 5, 5] = 1
    attention, nearest = ContextualAttention(), ContextualAttention(nearest_hole=True)
    torch.testing.assert_close(nearest(features, even), attention(features, even))
    # One odd pixel is no first of its four.
    torch.testing.assert_close(nearest(features, odd), attention(features, torch.zeros_like(odd)))
    torch.testing.assert_close(attention(features, odd), attention(features, even))


def test_nothing_missing_is_ever_pasted() -> None:
    features, hole = sample(1, 16, 16)
    features = torch.where(hole > 0, torch.full_like(features, 1e6), features)
    assert ContextualAttention(sharpness=0.0)(features, hole).abs().max() < 10
    everything = torch.ones_like(hole)
    assert not ContextualAttention()(features, everything).any()


@pytest.mark.parametrize("scores_at_once", [ALL_AT_ONCE, ROW_BY_ROW])
def test_gradients_are_right(scores_at_once: int) -> None:
    features = torch.rand(1, 2, 4, 6, dtype=torch.float64, requires_grad=True)
    hole = torch.zeros(1, 1, 4, 6, dtype=torch.float64)
    hole[..., 0, 0] = 1
    attention = ContextualAttention(2.0, scores_at_once)
    assert torch.autograd.gradcheck(lambda one: attention(one, hole), features)


def test_the_scores_are_never_held_as_a_whole() -> None:
    features, hole = torch.rand(1, 2, 64, 64), torch.zeros(1, 1, 64, 64)
    attention = ContextualAttention(scores_at_once=4 * 32 * 1024)
    largest = 0

    class Watch(torch.overrides.TorchFunctionMode):
        def __torch_function__(self, function, types, args=(), kwargs=None):
            nonlocal largest
            result = function(*args, **(kwargs or {}))
            if isinstance(result, torch.Tensor):
                largest = max(largest, result.numel())
            return result

    with Watch(), torch.inference_mode():
        attention(features, hole)
    assert largest < 1024 * 1024 / 3


def test_an_export_in_parts_takes_batches_of_any_size() -> None:
    # Two rows of one picture at a time.
    attention = ContextualAttention(scores_at_once=2 * 6 * 24).eval()
    batch = torch.export.Dim("batch")
    exported = torch.export.export(attention, sample(2, 8, 12), dynamic_shapes=({0: batch},) * 2)
    for count in (1, 3):
        torch.testing.assert_close(
            exported.module()(*sample(count, 8, 12)), attention(*sample(count, 8, 12))
        )


def test_odd_sides_are_refused() -> None:
    with pytest.raises(InputError, match="even sides"):
        ContextualAttention()(torch.zeros(1, 2, 5, 4), torch.zeros(1, 1, 5, 4))
