"""Every registered network is held to the same promises."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest
import torch

from inpainter import create_discriminator, create_model, list_models
from inpainter.training import read_recipe
from inpainter.training.submodules import train_all_but
from inpainter.weight_files import load_completion_network, save_completion_network
from weights.base.errors import ConfigurationError, InputError, OutputError, WeightsError

SMALL: dict[str, dict[str, Any]] = {
    "aot-gan": {"width": 8, "blocks": 1},
    "comodgan": {"resolution": 16, "channel_base": 256, "channel_limit": 16, "style_size": 8},
    "deepfillv2": {"width": 8},
    "dmfn": {"width": 8, "depth": 1},
    "gated": {"width": 8, "depth": 1, "refine_width": 8, "refine_depth": 1},
    "gated-detail": {"width": 8, "depth": 1},
    "gated-dmfb": {"width": 4, "depth": 1},
    "gated-unet": {"width": 8, "depth": 1},
    "glcic": {"width": 8},
    "lama": {"width": 8, "blocks": 1},
    "migan": {"resolution": 16, "channel_base": 256, "channel_limit": 16},
    "ndmha": {},
    "paired-gan": {},
    "pconv": {"width": 8, "depth": 4},
    "residual-cnn": {},
    "unet": {"width": 8},
}
PARAMETERS = {
    "aot-gan": 15_200_835,
    "comodgan": 79_177_378,
    "deepfillv2": 4_052_478,
    "dmfn": 9_037_443,
    "gated": 8_276_390,
    "gated-detail": 570_612,
    "gated-dmfb": 15_048_419,
    "gated-unet": 7_705_779,
    "glcic": 6_072_131,
    "lama": 27_048_835,
    "migan": 5_865_505,
    "ndmha": 4_124_418,
    "paired-gan": 57_779,
    "pconv": 32_865_236,
    "residual-cnn": 28_643,
    "unet": 3_835_907,
}


def small(name: str) -> torch.nn.Module:
    torch.manual_seed(0)
    return create_model(name, **SMALL[name])


def sample(count: int, height: int, width: int, seed: int = 0) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    image = torch.rand(count, 3, height, width, generator=generator) * 2 - 1
    hole = torch.zeros(count, 1, height, width)
    for index in range(count):
        hole[index, :, height // 3 + index :, width // 4 : width // 2 + index + 1] = 1
    return image, hole


@pytest.mark.parametrize("name", list_models())
class TestEveryNetwork:
    @pytest.mark.parametrize("size", [(64, 64), (50, 70), (33, 16), (7, 5), (1, 1)])
    def test_any_size_comes_back_in_that_size(self, name: str, size: tuple[int, int]) -> None:
        image, hole = sample(1, *size)
        # In training, batch normalisation refuses a single value, as at the heart of 1x1 pixels.
        output = small(name).eval()(image, hole)
        assert output.completed.shape == image.shape
        assert output.prediction.shape == image.shape
        assert output.prediction.abs().max() <= 1.0

    def test_a_part_that_does_not_learn_keeps_every_tensor(self, name: str) -> None:
        """Batch statistics too."""
        image, hole = sample(2, 32, 32)
        for part, _ in small(name).named_children():
            network = small(name)
            train_all_but(network, [part])
            before = {key: value.clone() for key, value in network.state_dict().items()}
            learning = [one for one in network.parameters() if one.requires_grad]
            loss = network(image, hole).prediction.square().mean()
            if loss.requires_grad:
                loss.backward()
                torch.optim.SGD(learning, 0.1).step()
            for key, value in network.state_dict().items():
                assert not key.startswith(f"{part}.") or torch.equal(value, before[key]), key

    def test_the_last_output_is_the_completed_picture(self, name: str) -> None:
        output = small(name)(*sample(1, 32, 32))
        last = dataclasses.fields(output)[-1]
        assert last.name == "completed"

    def test_known_pixels_come_back_untouched(self, name: str) -> None:
        image, hole = sample(2, 48, 32)
        completed = small(name)(image, hole).completed
        known = (hole == 0).expand_as(image)
        assert torch.equal(completed[known], image[known])

    def test_without_a_hole_the_picture_comes_back(self, name: str) -> None:
        image, hole = sample(1, 32, 48)
        assert torch.equal(small(name).eval()(image, torch.zeros_like(hole)).completed, image)

    def test_pixels_in_the_hole_do_not_matter(self, name: str) -> None:
        image, hole = sample(1, 32, 48)
        network = small(name).eval()
        other = torch.where(hole > 0, torch.full_like(image, 0.7), image)
        same = torch.equal(network(image, hole).prediction, network(other, hole).prediction)
        assert same is not network.sees_hole

    def test_a_batch_gives_what_its_pictures_give_alone(self, name: str) -> None:
        image, hole = sample(3, 48, 48)
        network = small(name).eval()
        with torch.inference_mode():
            together = network(image, hole).prediction
            alone = [network(image[i : i + 1], hole[i : i + 1]).prediction for i in range(3)]
        torch.testing.assert_close(together, torch.cat(alone), rtol=1e-4, atol=1e-5)

    def test_every_parameter_gets_a_gradient(self, name: str) -> None:
        network = small(name)
        network(*sample(2, 64, 64)).prediction.square().mean().backward()
        without = [
            key for key, one in network.named_parameters() if one.grad is None or not one.grad.any()
        ]
        assert without == []

    def test_saving_and_loading_gives_equal_outputs(self, name: str, tmp_path) -> None:
        network = small(name).eval()
        file = tmp_path / "network.safetensors"
        save_completion_network(
            network, file, name=name, options=SMALL[name], input_size=96, half=False
        )
        loaded = load_completion_network(name, file)
        image, hole = sample(1, 32, 32)
        assert torch.equal(loaded(image, hole).completed, network(image, hole).completed)
        assert loaded.input_size == 96
        assert create_model(name, pretrained=str(file)).training is False

    def test_parameter_count_is_the_table_s(self, name: str) -> None:
        with torch.device("meta"):
            network = create_model(name)
        assert sum(one.numel() for one in network.parameters()) == PARAMETERS[name]

    def test_a_few_steps_lower_the_loss(self, name: str) -> None:
        image, hole = sample(2, 32, 32)
        # Nearly one colour, which a few steps can learn.
        image = 0.5 + torch.nn.functional.avg_pool2d(image, 9, 1, 4)
        network = small(name)
        optimizer = torch.optim.Adam(network.parameters(), 5e-3)
        losses = []
        # Detail begins at what a trained network paints, which is near already.
        steps, share = (40, 0.8) if name == "gated-detail" else (20, 0.7)
        for _ in range(steps):
            loss = (network(image, hole).prediction - image).abs().mean()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            losses.append(loss.item())
        assert losses[-1] < share * losses[0]


class TestGated:
    def test_noise_is_new_in_training_and_the_same_in_use(self) -> None:
        image, hole = sample(1, 64, 64)
        torch.manual_seed(0)
        network = create_model("gated", **SMALL["gated"], noise=True)
        torch.nn.init.constant_(network.refine.noise.strength, 1.0)
        torch.nn.init.normal_(network.refine.output.weight)
        first, second = (network(image, hole).prediction for _ in range(2))
        assert not torch.equal(first, second)
        network.eval()
        first, second = (network(image, hole).prediction for _ in range(2))
        assert torch.equal(first, second)

    def test_weights_without_noise_are_refused_where_noise_is_wanted(self, tmp_path) -> None:
        file = tmp_path / "gated.safetensors"
        save_completion_network(
            small("gated"), file, name="gated", options=SMALL["gated"], input_size=64
        )
        with pytest.raises(WeightsError, match="tensors differ"):
            load_completion_network("gated", file, {"noise": True})


def test_wrong_shapes_are_said_in_one_sentence() -> None:
    with pytest.raises(InputError, match=r"\(N, 1, H, W\)"):
        small("gated")(torch.zeros(1, 3, 8, 8), torch.zeros(1, 3, 8, 8))


def test_unknown_names_and_options_name_the_nearest() -> None:
    with pytest.raises(ConfigurationError, match="Did you mean 'gated'"):
        create_model("gatet")
    with pytest.raises(ConfigurationError, match="Did you mean 'width'"):
        create_model("gated", widht=8)
    with pytest.raises(ConfigurationError, match="Did you mean 'sn-patchgan'"):
        create_discriminator("sn-patchgam")


def test_weights_of_another_network_are_refused(tmp_path) -> None:
    file = tmp_path / "network.safetensors"
    save_completion_network(
        small("gated"), file, name="gated", options=SMALL["gated"], input_size=64
    )
    with pytest.raises(WeightsError, match="belongs to the network 'gated'"):
        load_completion_network("glcic", file)
    with pytest.raises(ConfigurationError, match="contradicts the weights"):
        load_completion_network("gated", file, {"width": 16})
    with pytest.raises(OutputError, match="exists already"):
        save_completion_network(small("gated"), file, name="gated", options={}, input_size=64)


def test_weights_change_what_the_network_paints(tmp_path) -> None:
    torch.manual_seed(3)
    other = create_model("gated", **SMALL["gated"]).eval()
    file = tmp_path / "other.safetensors"
    save_completion_network(
        other, file, name="gated", options=SMALL["gated"], input_size=64, half=False
    )
    image, hole = sample(1, 32, 32)
    fresh = small("gated").eval()(image, hole).prediction
    loaded = load_completion_network("gated", file)(image, hole).prediction
    assert not torch.allclose(fresh, loaded)
    assert torch.equal(loaded, other(image, hole).prediction)


def test_discriminator_scores_every_patch() -> None:
    discriminator = create_discriminator("sn-patchgan")
    image, hole = sample(2, 256, 256)
    maps = discriminator(image, hole)
    assert maps[-1].shape == (2, 256, 4, 4)
    assert len(maps) == 6
    trained = sum(one.numel() for one in discriminator.parameters())
    assert trained == 5_946_816
    # The released code's last layer goes through the leaky ReLU too.
    released = create_discriminator("sn-patchgan", last_activation=True)
    released.load_state_dict(discriminator.state_dict())
    scores, linear = (one.eval()(image, hole)[-1] for one in (released, discriminator))
    torch.testing.assert_close(scores, torch.where(linear > 0, linear, 0.2 * linear))


def test_the_discriminator_of_gated_dmfb_ends_in_a_map_of_8_by_8() -> None:
    settings = read_recipe("gated-dmfb").adversarial
    assert settings is not None
    options = dict(settings.discriminator)
    name = options.pop("name")
    with torch.device("meta"):
        maps = create_discriminator(name, **options)(
            torch.empty(1, 3, 128, 128), torch.empty(1, 1, 128, 128)
        )
    assert [one.shape[2:] for one in maps] == [(64, 64), (32, 32), (16, 16), (8, 8), (8, 8)]
