"""Tests of how stored cuts are varied."""

from __future__ import annotations

import torch

from detector.cut_augmentation import MARGIN, augment, cast_shadow, centred, cross_by_strands


def test_augmented_cuts_keep_outline_and_picture_together():
    torch.manual_seed(3)
    outlines = torch.zeros(8, 2, 40, 40)
    outlines[:, 0, 12:28, 10:30] = 1.0
    pictures = outlines[:, :1].repeat(1, 3, 1, 1) * 0.8 + 0.1
    shown, drawn = augment(pictures, outlines, 32)
    assert shown.shape == (8, 3, 32, 32) and drawn.shape == (8, 2, 32, 32)
    assert shown.min() >= 0.0 and shown.max() <= 1.0
    assert drawn[:, 1].max() == 0.0
    for one, other in zip(shown, drawn[:, 0], strict=True):
        inside, outside = one.mean(0)[other > 0.9], one.mean(0)[other < 0.1]
        assert inside.mean() > outside.mean() + 0.2
    assert not torch.equal(shown[0], shown[1])
    straight, known = centred(pictures, outlines, 32)
    assert torch.allclose(straight[0, 0, 16, 16], torch.tensor(0.9)) and known[0, 0, 16, 16] == 1.0
    assert MARGIN * 32 == 40


def test_a_strand_shows_another_cut_and_parts_the_mask():
    torch.manual_seed(0)
    pictures = torch.stack([torch.full((3, 32, 32), level) for level in (0.2, 0.5, 0.8)])
    outlines = torch.ones(3, 1, 32, 32)
    shown, drawn = cross_by_strands(pictures, outlines, share=1.0)
    others = pictures[[2, 0, 1]]
    strand = ((shown - pictures) / (others - pictures))[:, :1]
    assert (strand == 0.0).flatten(1).any(dim=1).all() and (strand > 0.5).any()
    wide = (drawn < 1.0).flatten(1).any(dim=1)
    assert wide.any()
    assert torch.allclose(drawn[wide], 1.0 - strand[wide], atol=1e-6)


def test_single_hairs_count_as_mask():
    torch.manual_seed(0)
    pictures, outlines = torch.rand(64, 3, 32, 32), torch.ones(64, 1, 32, 32)
    shown, drawn = cross_by_strands(pictures, outlines, share=1.0)
    crossed = (shown != pictures).flatten(1).any(dim=1)
    parted = (drawn != outlines).flatten(1).any(dim=1)
    assert crossed[parted].all() and 0.05 < (crossed & ~parted).float().mean() < 0.5


def test_no_strand_where_none_is_wanted():
    pictures, outlines = torch.rand(2, 3, 16, 16), torch.rand(2, 2, 16, 16)
    shown, drawn = cross_by_strands(pictures, outlines, share=0.0)
    assert torch.equal(shown, pictures) and torch.equal(drawn, outlines)


def test_a_shadow_darkens_a_side_and_leaves_the_other():
    torch.manual_seed(1)
    lit = torch.ones(64, 3, 32, 32)
    shaded = cast_shadow(lit, share=0.5)
    assert shaded.max() <= 1.0 and shaded.min() > 0.05
    whole = (shaded == 1.0).flatten(1).all(dim=1)
    assert 0.25 < whole.float().mean() < 0.75
    darkest, lightest = shaded.flatten(1).amin(dim=1), shaded.flatten(1).amax(dim=1)
    assert (lightest - darkest)[~whole].max() > 0.5
