"""A sketch has thin lines where a picture has edges, and guided networks learn from it."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import pytest
import torch

from inpainter import read_recipe
from inpainter.data.sketching import sketch_of
from inpainter.networks.deepfillv2 import DeepFillV2CompletionNetwork
from inpainter.training.network_batch import NetworkBatch, with_sketches
from inpainter.training.recipe import DataSettings, OptimizerSettings, Phase
from tests.inpainter.training.short_runs import fit, short_recipe, watch_guides

if TYPE_CHECKING:
    from pathlib import Path


def half_lit(angle: float, side: int = 48) -> torch.Tensor:
    """Black on one side of a line through the middle and white on the other, `(1, 3, S, S)`."""
    places = torch.arange(side) + 0.5 - side / 2
    aside = math.cos(angle) * places[None, :] + math.sin(angle) * places[:, None]
    return torch.where(aside > 0, 1.0, -1.0).expand(1, 3, side, side).contiguous()


@pytest.mark.parametrize("degrees", [0, 20, 45, 70, 90, 135, 180, 250])
def test_an_edge_of_any_direction_is_one_thin_line(degrees: int) -> None:
    angle = math.radians(degrees)
    lines = sketch_of(half_lit(angle))
    assert lines.shape == (1, 1, 48, 48) and set(lines.unique().tolist()) == {0.0, 1.0}
    down, right = torch.nonzero(lines[0, 0, 4:-4, 4:-4]).T.float() + 4.5 - 24
    aside = math.cos(angle) * right + math.sin(angle) * down
    assert aside.abs().max() < 1.6
    # An oblique line has at least as many pixels as the longer of its two extents.
    assert 40 <= len(right) <= 2 * 40


def test_flat_and_faint_pictures_have_no_lines() -> None:
    assert not sketch_of(torch.full((2, 3, 24, 24), 0.3)).any()
    assert not sketch_of(0.05 * half_lit(0.3)).any()
    assert sketch_of(0.05 * half_lit(0.3), threshold=0.01).any()


def test_pictures_of_a_batch_are_sketched_one_by_one() -> None:
    pictures = torch.cat([half_lit(0.1), half_lit(1.1), -half_lit(2.0)])
    together = sketch_of(pictures)
    for one, lines in zip(pictures, together, strict=True):
        assert torch.equal(sketch_of(one[None])[0], lines)


def test_a_share_of_the_batch_is_guided() -> None:
    image = half_lit(0.4).repeat(400, 1, 1, 1)
    hole = torch.ones(400, 1, 48, 48)
    batch = NetworkBatch(image, hole, hole, image, image)
    assert batch.inputs == (image, hole)
    torch.manual_seed(0)
    guided = with_sketches(batch, 0.25)
    assert guided.guide is not None and len(guided.inputs) == 3
    drawn = guided.guide.flatten(1).any(dim=1)
    assert 0.17 < drawn.float().mean() < 0.33
    assert torch.equal(guided.guide[drawn], sketch_of(image[drawn]))
    parts = guided.cut(3)
    assert torch.equal(torch.cat([part.inputs[2] for part in parts]), guided.guide)
    assert all(part.guide is None for part in batch.cut(3))


def test_training_shows_the_lines_of_the_true_picture(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shown = watch_guides(monkeypatch, DeepFillV2CompletionNetwork)
    recipe = short_recipe(
        tmp_path,
        network={"name": "deepfillv2", "width": 4, "sketch": True},
        phases=(Phase(steps=2, size=32, batch=4),),
        optimizer=OptimizerSettings(warmup_steps=0),
    )
    always = recipe.with_changes({"data.sketch_share": 1.0})
    fit(always)
    assert len(shown) == 2
    for image, sketch in shown:
        assert torch.equal(sketch, sketch_of(image)) and sketch.any()
    shown.clear()
    fit(recipe.with_changes({"data.sketch_share": 0.0}))
    assert len(shown) == 2 and not any(sketch.any() for _, sketch in shown)


def test_the_recipe_of_guided_filling_is_the_paper_s_but_for_the_sketch() -> None:
    free, guided = read_recipe("deepfillv2").to_mapping(), read_recipe("deepfillv2.guided")
    assert guided.network == {"name": "deepfillv2", "sketch": True}
    assert guided.data == DataSettings(sketch_share=0.5)
    assert {**guided.to_mapping(), "network": free["network"]} == free
