from __future__ import annotations

import dataclasses

import pytest

from weights.card import model_card
from weights.catalog import get_record
from weights.record import TrainingData


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
