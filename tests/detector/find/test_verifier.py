"""Finds are looked at again: what is no mask goes, what is one is outlined anew."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from detector import YoloMaskDetector
from detector.find import verifier
from detector.find.crops import Crop
from detector.find.verifier import (
    MaskVerifier,
    joint_score,
    score_of_both,
)
from detector.find.verifier_file import (
    describe_verifier,
    load_verifier,
    save_verifier,
)
from detector.find.verifier_network import (
    VerifierConfiguration,
    VerifierNetwork,
)
from weights.base.errors import ConfigurationError, OutputError, WeightsError
from weights.base.regions import MaskRegion
from weights.base.settings import settings_from_mapping
from weights.catalog.folding import folded
from weights.landmarks import FoundFace

SMALL = VerifierConfiguration(widths=(8, 8, 8, 12), size=64, first_size=32, context=2.0)


def colour_finder(path):
    """Write a network that takes green for mask and red for strap, sure of a mask everywhere."""
    network = VerifierNetwork(SMALL)
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.zero_()
        # Two channels carry the colours through the last skip to the outlines.
        stem, norm = network.encoder.stem[1:3]
        depthwise, first_norm, _, pointwise, second_norm = network.encoder.stages[0][0].layers
        unit = network.up[-1]
        for channel, colour in enumerate((1, 0)):
            stem.weight[channel, colour, 1, 1] = 1.0
            depthwise.weight[channel, 0, 1, 1] = 1.0
            pointwise.weight[channel, channel] = 1.0
            unit[0].weight[channel, 8 + channel, 1, 1] = 1.0
            network.outline.weight[4 * channel : 4 * channel + 4, channel, 1, 1] = 4.0
        for one in (norm, first_norm, second_norm, unit[1]):
            one.weight.fill_(1.0)
        network.outline.bias.fill_(-3.0)
        network.score.bias.fill_(4.0)
    return save_verifier(network, SMALL, path)


@pytest.fixture
def weights(tmp_path):
    return colour_finder(tmp_path / "colours.safetensors")


def canvas(height, width):
    """A black picture, and its green that may be painted."""
    image = np.zeros((height, width, 3), np.uint8)
    return image, image[:, :, 1]


def region(mask, score=0.8):
    return MaskRegion.from_mask(mask, score)


def test_a_find_is_outlined_anew(weights):
    image, green = canvas(90, 120)
    green[30:60, 40:80] = 255
    rough = np.zeros((90, 120), bool)
    rough[20:70, 35:100] = True
    [[found]] = MaskVerifier(weights, "cpu").confirm([image], [[region(rough)]], 0.25)
    exact = green == 255
    assert (found.mask & exact).sum() / (found.mask | exact).sum() > 0.85
    assert found.score == pytest.approx(joint_score(0.8, 1 / (1 + np.exp(-4.0))), abs=1e-3)
    assert found.label == "mask"


def test_pictures_keep_their_own_finds(weights):
    image, green = canvas(50, 50)
    green[:] = 255
    mask = np.zeros((50, 50), bool)
    mask[10:40, 10:40] = True
    confirmation = MaskVerifier(weights, "cpu")
    kept = confirmation.confirm([image, image, image], [[region(mask)], [], [region(mask)]], 0.25)
    assert [len(regions) for regions in kept] == [1, 0, 1]


class TiltedFace:
    """Finds one face, tilted by so many degrees, wherever it looks."""

    def __init__(self, tilt, face=0.99):
        self.tilt, self.face, self.frames = tilt, face, []

    def load(self, missing_ok):
        return True

    def find_each(self, image, frames, looks):
        self.frames += frames
        angle = np.radians(self.tilt)
        turn = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
        points = np.zeros((68, 2))
        points[36:42], points[42:48], points[48:68] = (-20, -20), (20, -20), (0, 20)
        return [FoundFace(points @ turn + (60, 45), self.face, 0.9) for _ in frames]


def crops_seen(monkeypatch, weights, finder):
    """The crops that a verifier takes of a square mask, by the tilt of its face."""
    crops = []
    take = Crop.take
    monkeypatch.setattr(Crop, "take", lambda crop, image: crops.append(crop) or take(crop, image))
    monkeypatch.setattr(verifier, "shared_finder", lambda weights, device, backend: finder)
    image, green = canvas(90, 120)
    green[30:60, 40:80] = 255
    [[found]] = MaskVerifier(weights, "cpu").confirm([image], [[region(green == 255)]], 0.25)
    assert (found.mask & (green == 255)).sum() / (found.mask | (green == 255)).sum() > 0.8
    return crops


@pytest.mark.parametrize(("tilt", "shown"), [(8, 0), (40, 40), (-90, -90), (150, 0)])
def test_the_mask_of_a_tilted_face_is_looked_at_upright(monkeypatch, weights, tilt, shown):
    finder = TiltedFace(tilt)
    crops = crops_seen(monkeypatch, weights, finder)
    assert [crop.tilt for crop in crops] == pytest.approx([shown, shown], abs=1e-6)
    [frame] = finder.frames
    assert (frame.x, frame.y) == pytest.approx((59.5, 44.5))
    assert frame.side == pytest.approx(40 * verifier._FACE_SIDE)


def test_where_no_face_is_seen_nothing_is_turned(monkeypatch, weights):
    assert {crop.tilt for crop in crops_seen(monkeypatch, weights, TiltedFace(60, 0.3))} == {0.0}


def test_a_verifier_without_landmarks_looks_for_no_face(monkeypatch, weights):
    monkeypatch.setattr(verifier, "shared_finder", None)
    image, green = canvas(90, 120)
    green[30:60, 40:80] = 255
    lone = MaskVerifier(weights, "cpu", landmarks=None)
    assert len(lone.confirm([image], [[region(green == 255)]], 0.25)[0]) == 1


def test_missing_landmark_weights_matter_only_where_they_are_named(monkeypatch, weights, tmp_path):
    class Missing(TiltedFace):
        def load(self, missing_ok):
            if not missing_ok:
                raise WeightsError("no weights")
            return False

    assert {crop.tilt for crop in crops_seen(monkeypatch, weights, Missing(60))} == {0.0}
    with pytest.raises(WeightsError, match="no weights"):
        MaskVerifier(weights, "cpu", landmarks=tmp_path / "own.safetensors").load()


def test_hopeless_proposals_are_not_looked_at(monkeypatch, weights):
    monkeypatch.setattr(Crop, "take", None)
    monkeypatch.setattr(verifier, "shared_finder", None)
    image, green = canvas(90, 120)
    green[30:60, 40:80] = 255
    hopeless = region(green == 255, score=0.03)
    assert joint_score(0.03, 1.0) < 0.25
    assert MaskVerifier(weights, "cpu").confirm([image], [[hopeless]], 0.25) == [[]]


def test_what_the_second_look_doubts_is_dropped(weights):
    image, green = canvas(50, 50)
    green[:] = 255
    mask = np.zeros((50, 50), bool)
    mask[10:40, 10:40] = True
    assert MaskVerifier(weights, "cpu").confirm([image], [[region(mask)]], 0.99) == [[]]


def test_where_nothing_is_outlined_nothing_is_found(weights):
    mask = np.zeros((50, 50), bool)
    mask[10:40, 10:40] = True
    black = np.zeros((50, 50, 3), np.uint8)
    assert MaskVerifier(weights, "cpu").confirm([black], [[region(mask)]], 0.25) == [[]]


class ScriptedLook:
    """A look that outlines the left part of a picture, as wide as the script says."""

    def __init__(self, score, width):
        self.score, self.width = score, width

    def mask(self):
        outline = np.zeros((50, 100), bool)
        outline[10:40, : self.width] = True
        return outline

    def straps(self):
        return np.zeros((50, 100), bool)

    faint_straps = straps


@pytest.mark.parametrize(
    ("scores", "looks", "width"),
    [
        ((0.5, 0.8, 0.92, 0.97), 4, 40),
        ((0.5, 0.96), 2, 20),
        ((0.9, 0.8), 2, 20),
        ((0.5, 0.8, 0.7), 3, 20),
        ((0.5, 0.6, 0.7, 0.8, 0.9), 5, 50),
    ],
    ids=["until sure", "sure at once", "never surer", "no longer surer", "at most four times"],
)
def test_half_a_mask_is_looked_at_again_while_scores_rise(
    monkeypatch, weights, scores, looks, width
):
    seen = []

    def look(_verifier, wanted, _size):
        found = [ScriptedLook(scores[len(seen)], 10 * (len(seen) + 1)) for _ in wanted]
        seen.extend(box for _, box in wanted)
        return found

    monkeypatch.setattr(MaskVerifier, "_look", look)
    image, _ = canvas(50, 100)
    start = np.zeros((50, 100), bool)
    start[10:40, :5] = True
    lone = MaskVerifier(weights, "cpu", landmarks=None)
    [[found]] = lone.confirm([image], [[region(start)]], 0.1)
    assert [box[2] for box in seen] == [5, 10, 20, 30, 40][:looks]
    assert found.box[2] == width


def test_specks_are_dropped_and_large_parts_stay(weights):
    image, green = canvas(64, 64)
    green[8:56, 8:28] = 255
    green[8:56, 36:56] = 255
    green[2:5, 30:33] = 255
    mask = np.zeros((64, 64), bool)
    mask[8:56, 8:56] = True
    [[found]] = MaskVerifier(weights, "cpu").confirm([image], [[region(mask)]], 0.25)
    assert found.mask[30, 18] and found.mask[30, 46] and not found.mask[:5].any()


def test_straps_are_told_from_the_body(weights):
    image, green = canvas(90, 120)
    green[30:60, 40:80] = 255
    image[38:46, 76:100, 0] = 255
    rough = np.zeros((90, 120), bool)
    rough[28:62, 38:84] = True
    [[found]] = MaskVerifier(weights, "cpu").confirm([image], [[region(rough)]], 0.25)
    assert found.straps is not None and not (found.straps & ~found.mask).any()
    strap = (image[:, :, 0] == 255) & (green == 0)
    assert (found.straps & strap).sum() > 0.5 * strap.sum()
    assert not (found.body & strap)[:, 82:].any()
    assert found.body[32:58, 42:78].all()


def test_a_doubtful_proposal_needs_a_surer_second_look():
    assert joint_score(0.05, 0.6) < joint_score(0.5, 0.6) < joint_score(1.0, 0.6) < 0.6
    assert joint_score(0.3, 0.7) < joint_score(0.3, 0.9)
    assert (joint_score(0.0, 1.0), joint_score(1.0, 1.0)) == (0.0, 1.0)


def test_two_looks_are_joined_in_the_middle_of_their_logits():
    assert score_of_both(0.7, 0.7) == pytest.approx(0.7)
    assert score_of_both(0.2, 0.8) == pytest.approx(0.5)
    assert score_of_both(0.5, 1.0) < 0.98 and score_of_both(0.0, 0.0) < 0.01
    assert score_of_both(0.1, 0.9) == score_of_both(0.9, 0.1)


def test_scores_and_outlines_have_the_shapes_said():
    for size in (32, 64):
        scores, outlines = VerifierNetwork(SMALL)(torch.rand(3, 3, size, size))
        assert scores.shape == (3,) and outlines.shape == (3, 2, size, size)


def test_folding_changes_nothing():
    torch.manual_seed(0)
    network = VerifierNetwork(SMALL)
    for _ in range(3):
        network(torch.rand(8, 3, 64, 64))
    network.eval()
    pictures = torch.rand(2, 3, 64, 64)
    with torch.no_grad():
        before = network(pictures)
        after = folded(network)(pictures)
    assert not any(isinstance(module, torch.nn.BatchNorm2d) for module in network.modules())
    for one, other in zip(before, after, strict=True):
        assert torch.allclose(one, other, atol=1e-4)


def test_weights_come_back(tmp_path):
    torch.manual_seed(1)
    network = VerifierNetwork(SMALL).eval()
    path = save_verifier(network, SMALL, tmp_path / "c.safetensors")
    again, configuration = load_verifier(path)
    assert configuration == SMALL
    pictures = torch.rand(1, 3, 64, 64)
    with torch.no_grad():
        assert torch.allclose(network(pictures)[1], again(pictures)[1], atol=2e-2)
    with pytest.raises(OutputError):
        save_verifier(network, SMALL, path)
    description = describe_verifier(path)
    assert (description.kind, description.architecture) == ("confirmation", "confirmation")
    assert description.parameters == sum(part.numel() for part in network.parameters())


def test_other_files_are_refused(tmp_path, weights):
    with pytest.raises(WeightsError, match="no confirmation"):
        from safetensors.torch import save_file

        save_file({"a": torch.zeros(1)}, tmp_path / "other.safetensors")
        load_verifier(tmp_path / "other.safetensors")
    with pytest.raises(WeightsError, match="pickle"):
        load_verifier(tmp_path / "x.pt")
    with pytest.raises(WeightsError, match="holds no detector"):
        YoloMaskDetector(weights, confirmation=None, device="cpu").load()


@pytest.mark.parametrize(
    "options",
    [
        {"widths": (8, 8)},
        {"widths": (8, 8, 8, 0)},
        {"size": 100},
        {"first_size": 0},
        {"first_size": 8192},
        {"context": 0.9},
    ],
)
def test_wrong_configurations_are_refused(options):
    with pytest.raises(ConfigurationError):
        VerifierConfiguration(**options)


def test_an_unknown_key_is_named():
    with pytest.raises(ConfigurationError, match="context"):
        settings_from_mapping(VerifierConfiguration, {"contxt": 2.0}, "it")
