"""What the literature's networks promise besides what every network does."""

from __future__ import annotations

import pytest
import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from inpainter import create_model
from weights.base.errors import ConfigurationError, InputError


def sample(side: int = 32) -> tuple[torch.Tensor, torch.Tensor]:
    torch.manual_seed(1)
    hole = torch.zeros(1, 1, side, side)
    hole[..., 8:20, 10:22] = 1
    return torch.rand(1, 3, side, side) * 2 - 1, hole


def parameters(module: nn.Module) -> int:
    return sum(one.numel() for one in module.parameters())


class TestGlcic:
    def test_the_hole_is_filled_with_the_mean_colour(self) -> None:
        image, hole = sample()
        seen = []
        network = create_model("glcic", width=4, mean_colour=(0.25, 0.5, 1.0)).eval()
        network.layers.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0]))
        network(image, hole)
        inside = seen[0][:, :3, 8:20, 10:22].mean(dim=(0, 2, 3))
        torch.testing.assert_close(inside, torch.tensor([0.25, 0.5, 1.0]))
        outside = (1 - hole).expand_as(image) > 0
        torch.testing.assert_close(seen[0][:, :3][outside], (0.5 * (image + 1))[outside])
        assert torch.equal(seen[0][:, 3:], hole)

    def test_the_authors_inference_subtracts_the_mean_colour_and_leaves_the_hole_zero(self) -> None:
        image, hole = sample()
        seen = []
        mean = (0.25, 0.5, 1.0)
        network = create_model("glcic", width=4, mean_colour=mean, subtract_mean=True).eval()
        network.layers.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0]))
        network(image, hole)
        assert not seen[0][:, :3, 8:20, 10:22].any()
        expected = 0.5 * (image[..., 0, 0] + 1) - torch.tensor([mean])
        torch.testing.assert_close(seen[0][:, :3, 0, 0], expected)

    def test_a_place_at_a_quarter_sees_287_pixels(self) -> None:
        with torch.device("meta"):
            network = create_model("glcic")
        sees, step = 1, 1
        for unit in network.layers[:12]:
            convolution = unit[0]
            sees += (convolution.kernel_size[0] - 1) * convolution.dilation[0] * step
            step *= convolution.stride[0]
        assert (sees, step) == (287, 4)

    def test_normalisation_comes_before_the_activation(self) -> None:
        network = create_model("glcic", width=4)
        kinds = {tuple(type(part) for part in unit[1:]) for unit in network.layers[:16]}
        assert kinds == {(nn.BatchNorm2d, nn.ReLU)}
        network = create_model("glcic", width=4, activation_first=True)
        kinds = {tuple(type(part) for part in unit[1:]) for unit in network.layers[:16]}
        assert kinds == {(nn.ReLU, nn.BatchNorm2d)}


class TestDeepFillV2:
    def test_each_stage_has_the_paper_s_parameters(self) -> None:
        with torch.device("meta"):
            network = create_model("deepfillv2")
        assert parameters(network.coarse) == 1_631_151
        assert parameters(network.refinement) == 2_421_327

    def test_the_coarse_picture_comes_back_in_the_given_size(self) -> None:
        image, hole = sample(37)
        output = create_model("deepfillv2", width=4).eval()(image, hole)
        assert output.coarse.shape == image.shape

    def test_a_sketch_changes_the_fill_and_only_inside_the_hole(self) -> None:
        image, hole = sample(36)
        torch.manual_seed(0)
        network = create_model("deepfillv2", width=4, sketch=True).eval()
        free = network(image, hole).prediction
        lines = torch.zeros_like(hole)
        assert torch.equal(network(image, hole, lines).prediction, free)
        lines[..., 10:12, 12:18] = 1
        guided = network(image, hole, lines)
        assert not torch.equal(guided.prediction, free)
        lines[..., 0, :] = 1
        assert torch.equal(network(image, hole, lines).prediction, guided.prediction)
        assert torch.equal(guided.completed * (1 - hole), image * (1 - hole))

    def test_a_sketch_without_its_channel_is_refused(self) -> None:
        image, hole = sample()
        with pytest.raises(InputError, match="was built without a guide"):
            create_model("deepfillv2", width=4)(image, hole, hole)
        with pytest.raises(InputError, match=r"takes sketch \(1, 1, 32, 32\)"):
            create_model("deepfillv2", width=4, sketch=True)(image, hole, image)


class TestGatedDmfb:
    def test_the_variants_differ_in_how_scales_are_merged(self) -> None:
        sums, merged, perceptual = (
            create_model("gated-dmfb", variant=f"model{number}", width=4, depth=2)
            for number in (1, 2, 3)
        )
        assert parameters(sums) < parameters(merged)
        assert merged.state_dict().keys() == perceptual.state_dict().keys()
        wider = [
            key
            for key, one in merged.state_dict().items()
            if one.shape != sums.state_dict()[key].shape
        ]
        assert wider
        assert all(".merges." in key for key in wider)

    @pytest.mark.parametrize(
        ("variant", "count"),
        [("model1", 14_163_683), ("model2", 15_048_419), ("model3", 15_048_419)],
    )
    def test_each_variant_has_its_parameters(self, variant: str, count: int) -> None:
        with torch.device("meta"):
            assert parameters(create_model("gated-dmfb", variant=variant)) == count

    def test_an_unknown_variant_is_refused(self) -> None:
        with pytest.raises(ConfigurationError, match="model1, model2, model3"):
            create_model("gated-dmfb", variant="model4")

    @pytest.mark.parametrize("variant", ["model1", "model3"])
    def test_every_parameter_of_the_others_gets_a_gradient(self, variant: str) -> None:
        network = create_model("gated-dmfb", variant=variant, width=4, depth=1)
        network(*sample()).prediction.square().mean().backward()
        assert all(one.grad is not None and one.grad.any() for one in network.parameters())


class TestDmfn:
    def test_instances_are_normalised_after_all_layers_but_the_first_and_the_last(self) -> None:
        network = create_model("dmfn", width=4, depth=1)
        first, *between, last = network.layers
        assert [type(part) for part in first] == [nn.Conv2d, nn.ReLU]
        assert type(last) is nn.Conv2d
        units = [unit for unit in between if isinstance(unit, nn.Sequential)]
        assert len(units) == len(between) - 1
        kinds = {tuple(type(part) for part in unit[1:]) for unit in units}
        assert kinds == {(nn.InstanceNorm2d, nn.ReLU)}
        norms = [one for one in network.modules() if isinstance(one, nn.InstanceNorm2d)]
        assert not any(one.affine or one.track_running_stats for one in norms)


class TestUNet:
    def test_its_statistics_lie_beside_its_parameters(self) -> None:
        with torch.device("meta"):
            network = create_model("unet")
        statistics = [one for key, one in network.named_buffers() if "running" in key]
        counters = [one for key, one in network.named_buffers() if "tracked" in key]
        assert sum(one.numel() for one in statistics) == 2_944
        assert parameters(network) + 2_944 == 3_838_851
        assert len(counters) == 9


@pytest.mark.parametrize("name", ["dmfn", "glcic", "unet", "pconv", "gated-dmfb", "deepfillv2"])
def test_a_frozen_network_does_not_change_while_it_paints(name: str) -> None:
    options = {"width": 8} | ({"depth": 4} if name == "pconv" else {})
    network = create_model(name, **options).eval()
    before = {key: value.clone() for key, value in network.state_dict().items()}
    with torch.no_grad():
        network(*sample())
    assert all(torch.equal(value, before[key]) for key, value in network.state_dict().items())


@pytest.mark.parametrize(
    ("name", "expected"), [("glcic", 32.55), ("dmfn", 45.90), ("deepfillv2", 27.73)]
)
def test_multiply_adds_at_256_pixels_are_the_table_s(name: str, expected: float) -> None:
    with torch.device("meta"):
        network, image, hole = (
            create_model(name).eval(),
            torch.empty(1, 3, 256, 256),
            torch.empty(1, 1, 256, 256),
        )
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        network(image, hole)
    # Contextual attention makes the scores of two rows more, to fuse across them.
    assert counter.get_total_flops() / 2e9 == pytest.approx(expected, rel=3e-3)
