"""Dense multi-scale fusion: the paper's count and formula, and the gated forms."""

from __future__ import annotations

import torch

from inpainter.networks.blocks.dense_multi_scale_fusion import DenseMultiScaleFusion


def test_the_plain_block_has_the_paper_s_parameters() -> None:
    with torch.device("meta"):
        block = DenseMultiScaleFusion.plain()
    assert sum(one.numel() for one in block.parameters()) == 885_312


def test_the_plain_block_adds_the_scales_up() -> None:
    torch.manual_seed(0)
    block = DenseMultiScaleFusion.plain(8, 4)
    features = torch.randn(2, 8, 12, 12)
    reduced = block.reduce(features)
    seen = [branch(reduced) for branch in block.branches]
    sums = [sum(seen[: index + 1]) for index in range(4)]
    expected = features + block.expand(torch.cat(sums, dim=1))
    torch.testing.assert_close(block(features), expected)
    assert [branch[0].dilation for branch in block.branches] == [(1, 1), (2, 2), (4, 4), (8, 8)]
    assert [len(branch) for branch in block.branches] == [1, 1, 1, 1]


def test_concatenation_lets_a_convolution_merge_each_scale_with_the_nearer_ones() -> None:
    torch.manual_seed(0)
    block = DenseMultiScaleFusion.gated(8, 4, merging="concatenation").eval()
    features = torch.randn(2, 8, 12, 12)
    reduced = block.reduce(features)
    merged = [block.branches[0](reduced)]
    for branch, merge in zip(block.branches[1:], block.merges, strict=True):
        merged.append(merge(torch.cat([merged[-1], branch(reduced)], dim=1)))
    torch.testing.assert_close(block(features), features + block.expand(torch.cat(merged, dim=1)))


def test_sums_are_merged_by_a_convolution_too() -> None:
    torch.manual_seed(0)
    block = DenseMultiScaleFusion.gated(8, 4, merging="sum").eval()
    features = torch.randn(2, 8, 12, 12)
    reduced = block.reduce(features)
    merged = [block.branches[0](reduced)]
    for branch, merge in zip(block.branches[1:], block.merges, strict=True):
        merged.append(merge(merged[-1] + branch(reduced)))
    torch.testing.assert_close(block(features), features + block.expand(torch.cat(merged, dim=1)))


def test_the_gated_block_has_the_thesis_parameters() -> None:
    def count(inner: int, outer: int, kernel: int) -> int:
        # Features and gates, each with a bias, and the normalisation's scale and shift.
        return 2 * (inner * outer * kernel**2 + outer) + 2 * outer

    around = count(256, 64, 3) + 4 * count(64, 64, 3) + count(4 * 64, 256, 1)
    expected = {
        "sum": around + 3 * count(64, 64, 3),
        "concatenation": around + 3 * count(128, 64, 3),
    }
    assert expected["sum"] == 945_152
    for merging, parameters in expected.items():
        with torch.device("meta"):
            block = DenseMultiScaleFusion.gated(merging=merging)
        assert sum(one.numel() for one in block.parameters()) == parameters
        assert block.expand.convolution.kernel_size == (1, 1)
