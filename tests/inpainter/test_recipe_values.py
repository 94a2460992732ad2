"""The recipes say what the papers and their public code say, in this project's own ranges."""

from __future__ import annotations

from typing import Any

import pytest

from inpainter.training import read_recipe

ADVERSARIAL: dict[str, dict[str, Any]] = {
    "migan": {"kind": "logistic", "weight": 1.0, "r1": 10.0, "r1_interval": 16},
    "comodgan": {"kind": "logistic", "weight": 1.0, "r1": 10.0, "r1_interval": 16},
    # The penalty of 0.001 on the squared slope is of pictures in [0, 1]: half the range, so a
    # fourth of the square in ours, and R1 halves its gamma.
    "lama": {
        "kind": "logistic",
        "weight": 10.0,
        "r1": 2 * 4 * 0.001,
        "r1_interval": 1,
        "feature_matching": 100.0,
        "feature_matching_distance": "squared",
        "fake_region": "hole",
        "generator_region": "whole",
        "picture": "prediction",
    },
    # The paper's squares are not halved.
    "aot-gan": {
        "kind": "least-squares",
        "weight": 2 * 0.01,
        "fake_region": "blurred-hole",
        "generator_region": "hole",
        "picture": "completed",
    },
}
# Sums over layers are means here, and absolute errors in [0, 1] are half of ours.
LOSSES = {
    "migan": {},
    "comodgan": {},
    "lama": {"valid_l1": 10.0 / 2, "segmentation-perceptual": 4 * 30.0},
    "aot-gan": {"whole_l1": 1.0, "perceptual": 5 * 0.1, "style": 4 * 250.0},
    "residual-cnn": {"whole_mse": 1.0 / 0.5**2},
}
RATES = {
    "migan": (1e-3, 1e-3, (0.0, 0.99)),
    "comodgan": (2e-3, 2e-3, (0.0, 0.99)),
    "lama": (1e-3, 1e-4, (0.9, 0.999)),
    "aot-gan": (1e-4, 1e-4, (0.5, 0.999)),
}
PICTURES = {
    "migan": (50_000_000, 256),
    "comodgan": (25_000_000, 256),
    "lama": (40 * 25_000 * 10, 256),
    "aot-gan": (8_000_000, 512),
}


DISCRIMINATORS = {
    "migan": {"name": "stylegan2", "resolution": 256, "separable": True},
    "comodgan": {"name": "stylegan2", "resolution": 256},
    "lama": {"name": "pix2pixhd"},
    "aot-gan": {"name": "soft-mask"},
    "paired-gan": {"name": "paired"},
}


@pytest.mark.parametrize("name", DISCRIMINATORS)
def test_the_discriminator_is_the_papers(name: str) -> None:
    settings = read_recipe(name).adversarial
    assert settings is not None
    assert settings.discriminator == DISCRIMINATORS[name]


@pytest.mark.parametrize("name", ADVERSARIAL)
def test_the_discriminator_is_worth_what_the_paper_says(name: str) -> None:
    settings = read_recipe(name).adversarial
    assert settings is not None
    assert {key: getattr(settings, key) for key in ADVERSARIAL[name]} == ADVERSARIAL[name]


@pytest.mark.parametrize("name", LOSSES)
def test_the_losses_have_the_papers_weights(name: str) -> None:
    assert {term.name: term.weight for term in read_recipe(name).terms()} == LOSSES[name]


@pytest.mark.parametrize("name", RATES)
def test_the_rates_are_the_papers_and_stay(name: str) -> None:
    settings = read_recipe(name).optimizer
    assert settings.kind == "adam"
    assert (settings.generator_rate, settings.discriminator_rate, settings.betas) == RATES[name]
    assert (settings.warmup_steps, settings.final_share) == (0, 1.0)
    assert settings.gradient_clip == (1.0 if name == "lama" else None)


@pytest.mark.parametrize("name", PICTURES)
def test_as_many_pictures_are_seen(name: str) -> None:
    (phase,) = read_recipe(name).phases
    assert (phase.steps * phase.batch, phase.size) == PICTURES[name]


def test_migan_learns_from_comodgan_from_32_pixels_up() -> None:
    recipe = read_recipe("migan")
    assert recipe.distillation is not None
    assert (recipe.distillation.weight, recipe.distillation.smallest_side) == (2.0, 32)
    assert recipe.network["branches"] == 4
    # The average forgets half of what it knew within 20,000 pictures, CoModGAN's within 10,000.
    assert recipe.ema_decay == pytest.approx(0.5 ** (32 / 20_000), abs=1e-4)
    assert read_recipe("comodgan").ema_decay == pytest.approx(0.5 ** (32 / 10_000), abs=1e-4)


def test_the_students_systems_keep_their_own_values() -> None:
    residual = read_recipe("residual-cnn")
    assert residual.optimizer.kind == "sgd"
    assert (residual.optimizer.generator_rate, residual.optimizer.momentum) == (1e-4, 0.0)
    assert residual.measured == ("mean", "deviation")
    assert residual.adversarial is None
    paired = read_recipe("paired-gan")
    assert paired.adversarial is not None
    assert (paired.adversarial.kind, paired.phases[0].size) == ("bce", 512)


@pytest.mark.parametrize("name", ["migan", "comodgan"])
def test_large_holes_are_drawn_as_comodgan_draws_them(name: str) -> None:
    holes = read_recipe(name).holes
    assert (holes.other_share, holes.union_share) == (1.0, 0.0)
    assert holes.other["partial"] is True
    boxes, larger, strokes = holes.other["parts"]
    assert (boxes["count"], boxes["side"], boxes["overhang"]) == ([0, 9], [0.0, 0.5], True)
    assert (larger["count"], larger["side"], larger["overhang"]) == ([0, 4], [0.0, 1.0], True)
    assert (strokes["strokes"], strokes["vertices"]) == ([0, 19], [4, 17])
    assert [round(256 * one) for one in strokes["width"]] == [12, 48]


def test_lamas_holes_are_chains_or_boxes() -> None:
    holes = read_recipe("lama").holes
    chains, boxes = holes.other["parts"]
    assert (holes.other["name"], chains, boxes["count"]) == ("mixture", "polygonal-chains", [1, 4])
    assert [round(256 * one) for one in boxes["side"]] == [30, 150]
    assert round(256 * boxes["margin"]) == 10
