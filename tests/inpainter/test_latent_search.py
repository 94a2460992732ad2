"""Random faces, and completion by searching their latents."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from inpainter import create_discriminator, create_model, list_models
from inpainter.latent_search import (
    SemanticInpainter,
    context_loss,
    context_weight,
    prior_loss,
)
from weights.base.errors import ConfigurationError, InputError, OutputError, WeightsError


class TwoColours(nn.Module):
    """Left and right half of a picture, one colour each: six numbers."""

    side = 16

    def draw_latents(self, count, generator=None):
        return torch.rand(count, 6, generator=generator) * 2 - 1

    def forward(self, latents):
        return latents.unflatten(1, (3, 1, 2)).repeat_interleave(8, dim=3).expand(-1, -1, 16, -1)


@pytest.fixture
def scene():
    """Two colours with a hole over both, away from the frame."""
    crop = np.zeros((32, 32, 3), np.uint8)
    crop[:, :16], crop[:, 16:] = (200, 60, 30), (20, 90, 220)
    hole = np.zeros((32, 32), bool)
    hole[10:20, 8:24] = True
    return crop, hole


def test_the_search_finds_the_face_and_keeps_known_pixels(scene):
    crop, hole = scene
    hidden = crop.copy()
    hidden[hole] = 255
    for blend in (True, False):
        inpainter = SemanticInpainter(TwoColours(), None, steps=150, blend=blend, device="cpu")
        (result,) = inpainter.complete([hidden], [hole])
        assert np.array_equal(result[~hole], crop[~hole])
        away_from_the_edge = hole.copy()
        away_from_the_edge[:, 12:20] = False
        apart = np.abs(result.astype(int) - crop)[away_from_the_edge]
        assert apart.max() <= 8


def test_blending_takes_the_colours_of_the_crop_and_pasting_those_of_the_face():
    crop = np.tile(np.linspace(60, 180, 16, dtype=np.uint8)[:, None, None], (1, 16, 3))
    darker = torch.from_numpy(crop.astype(np.float32) - 30).permute(2, 0, 1)[None] / 127.5 - 1

    class Darker(nn.Module):
        side = 16

        def draw_latents(self, count, generator=None):
            return torch.rand(count, 2, generator=generator)

        def forward(self, latents):
            return darker + 0.0 * latents.sum()

    hole = np.zeros((16, 16), bool)
    hole[5:11, 4:12] = True
    for blend, expected in ((True, 0), (False, -30)):
        inpainter = SemanticInpainter(Darker(), None, steps=1, blend=blend, device="cpu")
        (result,) = inpainter.complete([crop], [hole])
        apart = result[hole].astype(int) - crop[hole]
        assert np.abs(apart - expected).max() <= 1


def test_what_is_in_the_hole_does_not_matter_and_results_repeat(scene):
    crop, hole = scene
    other = crop.copy()
    other[hole] = 255
    inpainter = SemanticInpainter(TwoColours(), None, steps=5, device="cpu")
    first, second = inpainter.complete([crop, other], [hole, hole])
    assert np.array_equal(first[hole], second[hole])
    with torch.inference_mode():
        assert np.array_equal(inpainter.complete([crop], [hole])[0], first)


def test_a_search_takes_the_papers_steps_by_default():
    assert SemanticInpainter(TwoColours(), None, device="cpu").steps == 1500


def test_snapshots_are_written_every_so_many_steps(scene, tmp_path):
    crop, hole = scene
    options = {"steps": 25, "snapshot_every": 10, "snapshot_folder": tmp_path, "device": "cpu"}
    SemanticInpainter(TwoColours(), None, **options).complete([crop], [hole])
    names = sorted(path.name for path in tmp_path.iterdir())
    assert names == ["crop-000-step-00010.png", "crop-000-step-00020.png"]
    assert cv2.imread(str(tmp_path / names[0])).shape == (16, 32, 3)
    with pytest.raises(OutputError, match="exists already"):
        SemanticInpainter(TwoColours(), None, **options).complete([crop], [hole])
    SemanticInpainter(TwoColours(), None, **options, overwrite=True).complete([crop], [hole])


def test_the_prior_pulls_towards_what_the_discriminator_believes(scene):
    crop, hole = scene

    class Bright(nn.Module):
        def forward(self, picture, hole=None):
            return [picture.mean(dim=(1, 2, 3)) * 20]

    whole = np.ones_like(hole)
    dark = SemanticInpainter(TwoColours(), None, steps=30, device="cpu")
    bright = SemanticInpainter(TwoColours(), Bright(), steps=30, prior_weight=10.0, device="cpu")
    assert (
        bright.complete([crop], [whole])[0].mean() > dark.complete([crop], [whole])[0].mean() + 30
    )


def test_weights_are_the_share_of_hole_round_known_pixels():
    hole = torch.zeros(1, 1, 9, 9)
    hole[..., 4, 4] = 1
    weight = context_weight(hole, 3)[0, 0]
    assert weight[4, 4] == 0
    assert weight[3, 4] == pytest.approx(1 / 9)
    assert weight[1, 4] == 0
    faces, target = torch.ones(1, 3, 9, 9), torch.zeros(1, 3, 9, 9)
    assert context_loss(faces, target, weight[None, None]).item() == pytest.approx(3 * 8 / 9)
    scores = torch.tensor([[0.0], [3.0]])
    torch.testing.assert_close(prior_loss(scores), torch.log(1 - torch.sigmoid(scores[:, 0])))


def test_an_untrained_name_says_what_to_do():
    with pytest.raises(WeightsError, match="unmask train inpainter --config dcgan"):
        SemanticInpainter()
    with pytest.raises(ConfigurationError, match="window"):
        SemanticInpainter(TwoColours(), None, window=4)
    with pytest.raises(InputError, match="one hole per crop"):
        SemanticInpainter(TwoColours(), None).complete([np.zeros((8, 8, 3), np.uint8)], [])


def test_weights_of_generator_and_discriminator_lie_in_one_file(tmp_path, scene):
    torch.manual_seed(0)
    parts = {
        "generator": create_model("dcgan", width=4),
        "discriminator": create_discriminator("dcgan"),
    }
    tensors = {
        f"{kind}.{name}": tensor.contiguous()
        for kind, part in parts.items()
        for name, tensor in part.state_dict().items()
    }
    file = tmp_path / "faces.safetensors"
    save_file(tensors, file)
    inpainter = SemanticInpainter(weights=file, steps=2, device="cpu", width=4)
    crop, hole = scene
    (result,) = inpainter.complete([crop], [hole])
    assert np.array_equal(result[~hole], crop[~hole])
    with pytest.raises(WeightsError, match="does not fit"):
        SemanticInpainter(weights=file, width=8)


def test_random_faces():
    generator = create_model("dcgan", width=4)
    assert "dcgan" not in list_models()
    latents = generator.draw_latents(3, torch.Generator().manual_seed(0))
    assert latents.shape == (3, 100)
    assert latents.abs().max() <= 1
    faces = generator(latents)
    assert faces.shape == (3, 3, 64, 64)
    assert faces.abs().max() <= 1
    maps = create_discriminator("dcgan")(faces)
    assert [one.shape[1] for one in maps] == [16, 32, 64, 128, 1]
    maps[-1].sum().backward()
    assert all(one.grad is not None for one in generator.parameters())


def test_the_layers_of_generator_and_discriminator():
    with torch.device("meta"):
        generator, discriminator = create_model("dcgan"), create_discriminator("dcgan")
        sides = []
        for layer in generator.enlargements:
            layer.register_forward_hook(lambda _, __, output: sides.append(output.shape[-1]))
        generator(torch.empty(2, 100))
    assert sides == [8, 16, 32, 64]
    steps = [*generator.enlargements, *(layer[0] for layer in discriminator.layers)]
    assert {(one.kernel_size, one.stride) for one in steps} == {((5, 5), (2, 2))}
    assert [one.out_channels for one in steps[4:]] == [16, 32, 64, 128]
    full = [one for one in discriminator.modules() if isinstance(one, nn.Linear)]
    assert [one.out_features for one in full] == [64, 1]
    assert sum(one.numel() for one in generator.parameters()) == 5_135_363
    assert sum(one.numel() for one in discriminator.parameters()) == 401_921
