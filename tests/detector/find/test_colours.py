"""Colours that tell a mask from what surrounds it."""

import numpy as np
import pytest

from detector.find.colours import colour_evidence


def doubtful_edge():
    """A blue mask on skin, and logits that are sure of its middle and doubt a band round it."""
    crop = np.full((128, 128, 3), (200, 150, 120), np.uint8)
    crop[40:88, 40:88] = (90, 130, 200)
    logits = np.full((128, 128), -6.0, np.float32)
    logits[32:96, 32:96] = -1.0
    logits[48:80, 48:80] = 4.0
    return crop, logits


def test_doubtful_pixels_are_decided_by_their_colour():
    crop, logits = doubtful_edge()
    evident = logits + colour_evidence(crop, logits, -1.5)
    wanted = np.zeros((128, 128), bool)
    wanted[40:88, 40:88] = True
    assert ((evident > -1.5) == wanted).mean() > 0.99
    assert ((logits > -1.5) == wanted).mean() < 0.9


def test_sure_pixels_stay_whatever_their_colour():
    crop, logits = doubtful_edge()
    logits[logits > 0.0] = 8.0
    crop[60:64, 60:64] = (200, 150, 120)
    evidence = colour_evidence(crop, logits, -1.5)
    assert np.abs(evidence).max() <= 3.0
    assert (logits + evidence)[60:64, 60:64].min() > 0.0


@pytest.mark.parametrize("flaw", ["no mask", "no surroundings", "past the frame"])
def test_without_either_side_colours_say_nothing(flaw):
    crop, logits = doubtful_edge()
    if flaw == "no mask":
        logits[:] = -6.0
    elif flaw == "no surroundings":
        logits[:] = 4.0
    else:
        crop[logits < -1.0] = 114
    assert not colour_evidence(crop, logits, -1.5).any()
