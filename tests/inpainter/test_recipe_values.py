"""The recipes say what the papers and their public code say, in this project's own ranges."""

from __future__ import annotations

from typing import Any

import pytest

from inpainter.training import read_recipe
from inpainter.training.recipe import recipe_file

ADVERSARIAL: dict[str, dict[str, Any]] = {
    # MI-GAN's code punishes the slope at the mask channel too, CoModGAN's at the picture alone.
    "migan": {"kind": "logistic", "weight": 1.0, "r1": 10.0, "r1_interval": 16, "r1_hole": True},
    "comodgan": {
        "kind": "logistic",
        "weight": 1.0,
        "r1": 10.0,
        "r1_interval": 16,
        "r1_hole": False,
    },
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
# StyleGAN2's family regularises every 4th step of the generator and every 16th of the
# discriminator, and scales Adam by interval / (interval + 1).
G, D = 4 / 5, 16 / 17
RATES = {
    "migan": (G * 1e-3, D * 1e-3, (0.0, 0.99**G), (0.0, 0.99**D)),
    "comodgan": (G * 2e-3, D * 2e-3, (0.0, 0.99**G), (0.0, 0.99**D)),
    "lama": (1e-3, 1e-4, (0.9, 0.999), None),
    "aot-gan": (1e-4, 1e-4, (0.5, 0.999), None),
}
PICTURES = {
    "migan": (50_000_000, 256),
    "comodgan": (25_000_000, 256),
    "lama": (40 * 25_000 * 10, 256),
    "aot-gan": (8_000_000, 512),
}


PAPERS_WITHOUT_AVERAGE = (
    "aot-gan",
    "deepfillv2",
    "dmfn",
    "gated-dmfb",
    "glcic",
    "lama",
    "ndmha",
    "paired-gan",
    "pconv",
    "residual-cnn",
    "unet",
)

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
    *rates, betas, discriminator_betas = RATES[name]
    assert [settings.generator_rate, settings.discriminator_rate] == pytest.approx(rates, rel=1e-4)
    assert settings.betas == pytest.approx(betas, abs=1e-6)
    if discriminator_betas is None:
        assert settings.discriminator_betas is None
    else:
        assert settings.discriminator_betas == pytest.approx(discriminator_betas, abs=1e-6)
    assert (settings.warmup_steps, settings.final_share) == (0, 1.0)
    limit = 1.0 if name == "lama" else None
    assert (settings.gradient_clip, settings.discriminator_gradient_clip) == (limit, limit)


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


def test_lamas_and_partial_convolutions_errors_are_divided_by_all_pixels() -> None:
    for name in ("lama", "pconv", "pconv.fine-tuning"):
        errors = [term for term in read_recipe(name).terms() if term.loss["name"] == "l1"]
        assert errors
        assert all(term.loss["over_picture"] for term in errors)


@pytest.mark.parametrize("name", ["pconv", "pconv.fine-tuning"])
def test_partial_convolutions_features_are_the_papers(name: str) -> None:
    found = {}
    for term in read_recipe(name).terms():
        if term.loss["name"] in {"perceptual", "style"}:
            # Means over the layers here, sums in the paper.
            found[term.name] = term.weight / len(term.loss["layers"])
            assert term.loss["layers"] == ["pool1", "pool2", "pool3"]
    expected = {"perceptual": 0.05, "style": 120.0}
    expected |= {f"completed_{key}": weight for key, weight in expected.items()}
    assert found == pytest.approx(expected)


@pytest.mark.parametrize("name", ["gated-dmfb", "gated-dmfb.model1", "gated-dmfb.model3"])
def test_gated_dmfb_sees_27_000_faces_90_times(name: str) -> None:
    (phase,) = read_recipe(name).phases
    assert phase.steps * phase.batch == 90 * 27_000


def test_an_average_that_no_paper_has_is_said_to_be_ours() -> None:
    for name in PAPERS_WITHOUT_AVERAGE:
        text = recipe_file(name).read_text(encoding="utf-8")
        assert "# The average of the weights is ours: nothing is said of one.\nema_decay:" in text


def test_the_students_systems_keep_their_own_values() -> None:
    residual = read_recipe("residual-cnn")
    assert (residual.phases[0].size, residual.phases[0].batch) == (64, 35)
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
    assert chains == {"name": "polygonal-chains", "chains": [1, 5], "lines": [1, 5]}
    assert (holes.other["name"], boxes["count"]) == ("mixture", [1, 4])
    assert [round(256 * one) for one in boxes["side"]] == [30, 150]
    assert round(256 * boxes["margin"]) == 10
