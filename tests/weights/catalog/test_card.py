from __future__ import annotations

import dataclasses

import pytest

from weights.catalog.card import model_card
from weights.catalog.lookup import get_record
from weights.catalog.record import TrainingData


def test_a_card_says_what_the_record_says(stocked):
    record = get_record("gated.faces256")
    card = model_card(record)
    for fact in (
        "# gated.faces256\n",
        "gated (width = 4)",
        "256 x 256 pixels, values from -1 to 1",
        "| Faces | CC BY 4.0 | A. Photographer |",
        "| val, psnr | 25.12 |",
        "| val, pictures | 200 |",
        "tiny, 7",
        record.sha256,
        f"{record.bytes:,} bytes",
        "| Licence of the weights | AGPL-3.0-or-later |",
    ):
        assert fact in card


@pytest.mark.parametrize("name", ["gated.faces256", "yolo26n-seg.faces"])
def test_every_card_says_what_a_licence_does_not_clear(stocked, name):
    assert "clears the photograph and not the person in it" in model_card(get_record(name))


def test_the_card_of_an_inpainter_says_that_a_fill_is_a_guess(stocked):
    card = model_card(get_record("gated.faces256"))
    assert "a filled face is a guess, never evidence of who someone is" in card
    assert "No identity is recovered" in card


def test_notes_stand_under_the_limits_and_nothing_measured_is_said(stocked):
    record = get_record("yolo26n-seg.faces")
    record = dataclasses.replace(record, metrics={}, notes="Not for scarves.")
    card = model_card(record)
    assert "Nothing has been measured yet." in card
    assert card.index("## Limits") < card.index("Not for scarves.")


def test_a_bar_in_a_credit_does_not_break_the_table(stocked):
    source = TrainingData("Faces", "CC0", "A | B")
    card = model_card(dataclasses.replace(get_record("gated.faces256"), data=(source,)))
    assert "| Faces | CC0 | A \\| B |" in card


def test_figures_by_group_have_a_table_of_their_own(stocked):
    groups = {
        "gender": {
            "Female": {"cases": 30, "psnr_hole": 20.0, "ssim_hole": 0.61},
            "Male": {"cases": 30, "psnr_hole": 19.0},
            "unknown": {"cases": 2, "psnr_hole": 11.0},
        }
    }
    metrics = {"val": {"cases": 62, "psnr_hole": 19.5, "groups": groups}, "other": {"psnr": 1.0}}
    record = dataclasses.replace(get_record("gated.faces256"), metrics=metrics)
    card = model_card(record)
    assert "## By group of people, val" in card and "of people, other" not in card
    assert "The lowest group by PSNR inside the hole is gender Male: 19.00 dB on 30 faces" in card
    assert "| gender Female | 30 | 20.00 (20.00 to 20.00) | +0.77 | 0.610 |" in card
    assert "| gender unknown | 2 | too few to say | - | - |" in card
    measured = card[card.index("## Measured") : card.index("## By group")]
    assert "| val, psnr_hole | 19.5 |" in measured and "Female" not in measured


def test_what_it_gets_wrong_is_a_list_above_the_limits(stocked):
    record = get_record("gated.faces256")
    assert "gets wrong" not in model_card(record)
    card = model_card(dataclasses.replace(record, gets_wrong=("Beards are lost.", "So is hair.")))
    assert "## What it gets wrong\n\n- Beards are lost.\n- So is hair.\n\n## Limits" in card
