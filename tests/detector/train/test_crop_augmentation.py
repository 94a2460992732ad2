"""Tests of how stored crops are varied."""

from __future__ import annotations

import torch

from detector.train.crop_augmentation import (
    MARGIN,
    augment,
    cast_shadow,
    centred,
    cross_by_strands,
    dye,
)


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


def test_a_dye_changes_the_mask_alone_and_keeps_its_folds():
    torch.manual_seed(2)
    outlines = torch.zeros(64, 2, 32, 32)
    outlines[:, 0, 8:24, 8:24] = 1.0
    pictures = torch.full((64, 3, 32, 32), 0.6)
    pictures[:, :, 12] = 0.3  # a fold across
    dyed = dye(pictures, outlines, share=0.5)
    assert torch.equal(dyed[:, :, :8], pictures[:, :, :8])
    assert torch.equal(dyed[..., 24:], pictures[..., 24:])
    changed = (dyed != pictures).flatten(1).any(dim=1)
    assert 0.3 < changed.float().mean() < 0.7
    share = (dyed != pictures).any(dim=1)[:, 8:24, 8:24].float().mean(dim=(1, 2))
    whole = share == 1.0
    assert whole.any() and (share[changed] < 0.9).any()
    light, fold = dyed[whole][:, :, 16, 8:24].mean(dim=1), dyed[whole][:, :, 12, 8:24].mean(dim=1)
    assert torch.allclose(fold / light, torch.full_like(fold, 0.5), atol=0.1)


def test_half_of_the_dyes_are_the_colour_of_the_skin_about():
    torch.manual_seed(4)
    outlines = torch.zeros(200, 2, 32, 32)
    outlines[:, 0, 8:24, 8:24] = 1.0
    skin = torch.tensor([0.6, 0.4, 0.3]).view(1, 3, 1, 1).expand(200, 3, 32, 32)
    pictures = torch.where(outlines[:, :1] > 0.5, torch.tensor(0.8), skin)
    centre = dye(pictures, outlines, share=1.0)[:, :, 16, 16]
    coloured = centre[(centre - 0.8).abs().amax(dim=1) > 0.01]
    # Mixed into the grey of before by some share, as the skin's own colour would be.
    hue = (coloured - coloured.mean(dim=1, keepdim=True)).double()
    wanted = (skin[0, :, 0, 0] - skin[0, :, 0, 0].mean()).double()
    alike = torch.nn.functional.cosine_similarity(hue, wanted[None], dim=1) > 0.999
    assert 0.35 < alike.float().mean() < 0.7
    empty = torch.zeros_like(outlines)
    assert torch.equal(dye(pictures, empty, share=1.0), pictures)


def test_a_shadow_darkens_a_side_and_leaves_the_other():
    torch.manual_seed(1)
    lit = torch.ones(64, 3, 32, 32)
    shaded = cast_shadow(lit, share=0.5)
    assert shaded.max() <= 1.0 and shaded.min() >= 0.05
    whole = (shaded == 1.0).flatten(1).all(dim=1)
    assert 0.25 < whole.float().mean() < 0.75
    darkest, lightest = shaded.flatten(1).amin(dim=1), shaded.flatten(1).amax(dim=1)
    assert (lightest - darkest)[~whole].max() > 0.5
