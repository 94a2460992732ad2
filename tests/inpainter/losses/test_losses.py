from __future__ import annotations

import math

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from inpainter.losses import (
    AdversarialLoss,
    FeatureMatchingLoss,
    create_loss,
    discount_weights,
    edge_loss,
    feature_matching_loss,
    focal_frequency_loss,
    gradient_loss,
    l1_loss,
    laplacian_pyramid_loss,
    list_losses,
    mse_loss,
    poisson_loss,
    psnr_loss,
    r1_penalty,
    region_weight,
    sobel_edges,
    total_variation_loss,
)
from inpainter.losses.frequency import laplacian_pyramid
from inpainter.losses.perceptual import PerceptualLoss, StyleLoss, VggFeatures, gram_matrix
from weights.base.errors import ConfigurationError, InputError, WeightsError


def pictures(*shape, seed=0, dtype=torch.float32):
    return torch.rand(shape, generator=torch.Generator().manual_seed(seed), dtype=dtype) * 2 - 1


def box(side=8, low=2, high=6, batch=1, dtype=torch.float32):
    hole = torch.zeros(batch, 1, side, side, dtype=dtype)
    hole[..., low:high, low:high] = 1
    return hole


class TestReconstruction:
    def test_known_values(self):
        result, target = torch.zeros(2, 3, 4, 4), torch.full((2, 3, 4, 4), 0.5)
        assert l1_loss(result, target).item() == pytest.approx(0.5)
        assert mse_loss(result, target).item() == pytest.approx(0.25)

    def test_psnr_is_the_mean_over_the_pictures(self):
        target = torch.zeros(2, 3, 4, 4)
        result = torch.stack([torch.full((3, 4, 4), 0.2), torch.full((3, 4, 4), 0.02)])
        # An error of a tenth of the range of 2 is 20 dB, a hundredth 40 dB.
        assert psnr_loss(result, target).item() == pytest.approx(-30.0, abs=1e-3)
        assert psnr_loss(target, target).item() == pytest.approx(-80.0)

    def test_psnr_weighs_each_picture_by_its_own_error(self):
        result = torch.stack([torch.full((3, 8, 8), 0.2), torch.full((3, 8, 8), 0.02)])
        result.requires_grad_(True)
        loss = create_loss({"name": "psnr", "region": "hole"})
        loss(result, torch.zeros(2, 3, 8, 8), box(batch=2)).backward()
        slopes = result.grad.sum(dim=(1, 2, 3))
        assert slopes[1].item() == pytest.approx(10.0 * slopes[0].item(), rel=1e-4)
        assert not result.grad[..., 0, 0].any()

    def test_psnr_of_equal_pictures_has_a_finite_slope(self):
        result = torch.zeros(1, 3, 4, 4, requires_grad=True)
        psnr_loss(result, torch.zeros(1, 3, 4, 4)).backward()
        assert torch.isfinite(result.grad).all()

    def test_only_the_region_counts(self):
        hole = box()
        result = torch.zeros(1, 3, 8, 8)
        target = 0.25 * hole.expand(1, 3, 8, 8) + 1.0 * (1 - hole)
        for region, expected in (("hole", 0.25), ("valid", 1.0), ("whole", 0.25 * 0.25 + 0.75)):
            loss = create_loss({"name": "l1", "region": region})
            assert loss(result, target, hole).item() == pytest.approx(expected)
        assert create_loss({"name": "mse", "region": "hole"})(
            result, target, hole
        ).item() == pytest.approx(0.0625)

    @pytest.mark.parametrize(
        "spec",
        [
            {"name": "l1", "region": "hole"},
            {"name": "mse", "region": "hole"},
            {"name": "l1", "region": "discounted"},
            {"name": "gradient", "region": "hole"},
            {"name": "poisson", "region": "hole"},
            {"name": "edge", "region": "hole"},
            "total-variation",
        ],
        ids=str,
    )
    def test_padding_the_picture_changes_nothing(self, spec):
        loss = create_loss(spec)
        result, target, hole = pictures(2, 3, 8, 8), pictures(2, 3, 8, 8, seed=1), box(batch=2)
        around = (5, 9, 3, 4)
        padded = loss(F.pad(result, around), F.pad(target, around), F.pad(hole, around))
        assert padded.item() == pytest.approx(loss(result, target, hole).item(), rel=1e-5)

    def test_a_batch_is_the_mean_of_its_pictures_whatever_their_holes(self):
        result, target = pictures(2, 3, 8, 8), pictures(2, 3, 8, 8, seed=1)
        hole = torch.cat([box(low=1, high=7), box(low=3, high=4)])
        singles = [l1_loss(result[i : i + 1], target[i : i + 1], hole[i : i + 1]) for i in (0, 1)]
        assert l1_loss(result, target, hole).item() == pytest.approx(
            torch.stack(singles).mean().item()
        )

    def test_a_region_may_be_divided_by_the_whole_picture(self):
        # Wrong by 0.5 in the 4 missing pixels of 16 of one picture and in all 16 of the other.
        hole = torch.zeros(2, 1, 4, 4)
        hole[0, :, :2, :2], hole[1] = 1.0, 1.0
        target = torch.zeros(2, 3, 4, 4)
        expected = {"l1": 0.5 * (4 + 16) / 32, "mse": 0.25 * (4 + 16) / 32}
        for name, value in expected.items():
            loss = create_loss({"name": name, "region": "hole", "over_picture": True})
            assert loss(target + 0.5, target, hole).item() == pytest.approx(value)

    def test_an_empty_hole_costs_nothing_and_has_a_finite_gradient(self):
        result = pictures(1, 3, 8, 8).requires_grad_()
        loss = l1_loss(result, pictures(1, 3, 8, 8, seed=1), torch.zeros(1, 1, 8, 8))
        loss.backward()
        assert loss.item() == 0 and torch.equal(result.grad, torch.zeros_like(result))

    def test_half_precision_sums_are_not_half(self):
        result = torch.full((1, 3, 256, 256), 0.1, dtype=torch.bfloat16)
        loss = l1_loss(result, torch.zeros_like(result), torch.ones(1, 1, 256, 256))
        assert loss.dtype == torch.float32
        assert loss.item() == pytest.approx(0.1, rel=2e-3)

    def test_discount_is_the_power_of_the_distance(self):
        weight = discount_weights(box(side=9, low=2, high=7), gamma=0.5)
        row = [0, 0, 0.5, 0.25, 0.125, 0.25, 0.5, 0, 0]
        assert weight[0, 0, 4].tolist() == pytest.approx(row)
        assert weight[0, 0, 2].tolist() == pytest.approx([0, 0, *[0.5] * 5, 0, 0])

    def test_discount_does_not_take_the_frame_for_a_known_pixel(self):
        hole = torch.zeros(1, 1, 1, 6)
        hole[..., 2:] = 1
        weight = discount_weights(hole, gamma=0.5)
        assert weight.flatten().tolist() == pytest.approx([0, 0, 0.5, 0.25, 0.125, 0.0625])
        everything = discount_weights(torch.ones(1, 1, 8, 8), gamma=0.5, reach=3)
        assert everything.unique().tolist() == pytest.approx([0.125])

    def test_shapes_that_would_broadcast_are_refused(self):
        with pytest.raises(InputError, match="one shape"):
            l1_loss(pictures(2, 3, 8, 8), pictures(1, 3, 8, 8))
        with pytest.raises(InputError, match="hole of a loss"):
            l1_loss(pictures(2, 3, 8, 8), pictures(2, 3, 8, 8), torch.zeros(1, 1, 8, 8))
        with pytest.raises(InputError, match="needs a hole"):
            region_weight(None, "valid")
        with pytest.raises(ConfigurationError, match="Unknown region"):
            create_loss({"name": "l1", "region": "inside"})


class TestAdversarial:
    real, fake = torch.tensor([2.0, 0.5]), torch.tensor([-2.0, 0.5])

    def test_hinge(self):
        loss = AdversarialLoss("hinge")
        assert loss.discriminator(self.real, self.fake).item() == pytest.approx(0.25 + 0.75)
        assert loss.generator(self.fake).item() == pytest.approx(0.75)

    def test_undecided_cross_entropy(self):
        loss = AdversarialLoss("bce")
        zero = torch.zeros(3, 1, 4, 4)
        assert loss.discriminator(zero, zero).item() == pytest.approx(2 * math.log(2))
        assert loss(zero).item() == pytest.approx(math.log(2))

    def test_cross_entropy_equals_its_definition(self):
        p_real, p_fake = torch.sigmoid(self.real), torch.sigmoid(self.fake)
        expected = -(p_real.log().mean() + (1 - p_fake).log().mean())
        assert AdversarialLoss("bce").discriminator(self.real, self.fake).item() == pytest.approx(
            expected.item(), rel=1e-5
        )
        assert AdversarialLoss("logistic").discriminator(
            self.real, self.fake
        ).item() == pytest.approx(expected.item(), rel=1e-5)
        assert AdversarialLoss("logistic")(self.fake).item() == pytest.approx(
            -p_fake.log().mean().item(), rel=1e-5
        )

    def test_least_squares(self):
        loss = AdversarialLoss("least-squares")
        assert loss.discriminator(self.real, self.fake).item() == pytest.approx(
            0.5 * ((1 + 0.25) / 2 + (4 + 0.25) / 2)
        )
        assert loss(self.fake).item() == pytest.approx(0.5 * (9 + 0.25) / 2)

    def test_relativistic_average_is_ln_2_where_both_are_alike(self):
        loss = AdversarialLoss("relativistic-average")
        assert loss.generator_needs_real
        same = torch.full((4,), 3.0)
        assert loss.discriminator(same, same).item() == pytest.approx(math.log(2))
        assert loss.generator(self.fake, self.real).item() == pytest.approx(
            loss.discriminator(self.fake, self.real).item()
        )
        with pytest.raises(InputError, match="true pictures"):
            loss.generator(self.fake)

    def test_a_list_of_scales_is_their_mean(self):
        loss = AdversarialLoss("hinge")
        both = loss.generator([torch.ones(2, 1, 4, 4), torch.full((2, 1, 2, 2), 3.0)])
        assert both.item() == pytest.approx(-2.0)

    def test_huge_scores_stay_finite(self):
        for kind in ("hinge", "bce", "least-squares", "logistic"):
            scores = torch.tensor([1e4, -1e4], requires_grad=True)
            loss = AdversarialLoss(kind).discriminator(scores, scores)
            loss.backward()
            assert loss.isfinite() and scores.grad.isfinite().all()

    def test_r1_of_a_linear_discriminator_is_its_weight(self):
        weight = torch.full((3, 4, 4), 0.5, requires_grad=True)
        images = pictures(2, 3, 4, 4).requires_grad_()
        penalty = r1_penalty((images * weight).sum(dim=(1, 2, 3)), images, gamma=10)
        assert penalty.item() == pytest.approx(0.5 * 10 * 48 * 0.25)
        penalty.backward()
        assert weight.grad.flatten().tolist() == pytest.approx([5.0] * 48)
        with pytest.raises(InputError, match="requires_grad"):
            r1_penalty(torch.zeros(2), torch.zeros(2, 3, 4, 4))

    def test_r1_may_count_the_slope_at_the_hole(self):
        images, hole = pictures(2, 3, 4, 4).requires_grad_(), box(side=4, batch=2).requires_grad_()
        scores = 0.5 * images.sum(dim=(1, 2, 3)) + 2.0 * hole.sum(dim=(1, 2, 3))
        penalty = r1_penalty(scores, images, 10, hole)
        assert penalty.item() == pytest.approx(0.5 * 10 * (48 * 0.25 + 16 * 4.0))

    def test_an_unknown_kind_lists_the_known(self):
        with pytest.raises(ConfigurationError, match="hinge"):
            AdversarialLoss("wasserstein")


class TestFeatureMatching:
    def test_known_value_and_no_gradient_into_the_true_features(self):
        fake = [torch.zeros(2, 4, 3, 3, requires_grad=True), torch.zeros(2, 8, requires_grad=True)]
        real = [torch.ones(2, 4, 3, 3, requires_grad=True), torch.full((2, 8), 3.0)]
        loss = feature_matching_loss(fake, real)
        loss.backward()
        assert loss.item() == pytest.approx(2.0)
        assert real[0].grad is None and fake[0].grad is not None
        assert FeatureMatchingLoss([3, 1])(fake, real).item() == pytest.approx(1.5)

    def test_squared_differences_are_lamas(self):
        fake, real = [torch.zeros(2, 4, 3, 3), torch.zeros(2, 8)], [torch.ones(2, 4, 3, 3)]
        real.append(torch.full((2, 8), 3.0))
        assert feature_matching_loss(fake, real, distance="squared").item() == pytest.approx(5.0)

    def test_lists_must_fit(self):
        one = torch.zeros(1, 2)
        with pytest.raises(InputError, match="as many layers"):
            feature_matching_loss([one], [one, one])
        with pytest.raises(InputError, match="one shape"):
            feature_matching_loss([one], [torch.zeros(2, 2)])
        with pytest.raises(ConfigurationError, match="weights"):
            FeatureMatchingLoss([0.0, 0.0])


class TestEdge:
    def test_a_step_of_one_has_strength_one(self):
        picture = torch.zeros(1, 1, 8, 8)
        picture[..., 4:] = 1
        edges = sobel_edges(picture)
        assert edges[0, 0, :, 3:5].flatten().tolist() == pytest.approx([1.0] * 16, abs=2e-3)
        assert edges[0, 0, :, [0, 1, 2, 5, 6, 7]].abs().max() == 0

    @pytest.mark.parametrize("value", [0.0, -1.0, 0.3])
    def test_flat_pictures_have_a_finite_gradient(self, value):
        picture = torch.full((1, 3, 8, 8), value, requires_grad=True)
        loss = edge_loss(picture, torch.full((1, 3, 8, 8), value))
        loss.backward()
        assert loss.item() == 0 and picture.grad.isfinite().all()
        noisy = edge_loss(picture, pictures(1, 3, 8, 8))
        noisy.backward()
        assert picture.grad.isfinite().all()

    def test_brightness_alone_is_no_edge(self):
        picture = pictures(1, 3, 8, 8)
        assert edge_loss(picture, picture + 0.3).item() == pytest.approx(0, abs=1e-4)


class TestTotalVariation:
    def test_stripes(self):
        stripes = torch.zeros(1, 1, 8, 8)
        stripes[..., ::2] = 1
        assert total_variation_loss(stripes).item() == pytest.approx(1.0)
        assert total_variation_loss(torch.ones(1, 3, 4, 4)).item() == 0

    def test_the_seam_counts_and_the_rest_of_the_known_does_not(self):
        hole = box()
        flat = hole.clone()
        across = 2 * 4 / (4 * 5)
        assert total_variation_loss(flat, hole).item() == pytest.approx(2 * across)
        noise = pictures(1, 1, 8, 8) * (1 - box(low=1, high=7))
        assert total_variation_loss(noise, hole).item() == 0


class TestGradientDomain:
    def test_a_constant_is_not_seen(self):
        picture = pictures(1, 3, 8, 8)
        assert gradient_loss(picture, picture + 0.5).item() == pytest.approx(0, abs=1e-6)
        assert poisson_loss(picture, picture - 0.5).item() == pytest.approx(0, abs=1e-10)

    def test_a_ramp(self):
        ramp = torch.arange(8.0).expand(1, 1, 8, 8)
        assert gradient_loss(ramp, torch.zeros_like(ramp)).item() == pytest.approx(0.5 * 7 / 8)
        middle = poisson_loss(ramp, torch.zeros_like(ramp), box())
        assert middle.item() == pytest.approx(0)

    def test_one_pixel_has_the_laplacian_of_the_textbook(self):
        dot = torch.zeros(1, 1, 7, 7)
        dot[0, 0, 3, 3] = 1
        assert poisson_loss(dot, torch.zeros_like(dot)).item() == pytest.approx((16 + 4) / 49)


class TestFrequency:
    def test_unweighted_is_the_squared_error(self):
        result, target = pictures(2, 3, 16, 16), pictures(2, 3, 16, 16, seed=1)
        assert focal_frequency_loss(result, target, alpha=0).item() == pytest.approx(
            mse_loss(result, target).item(), rel=1e-5
        )
        assert focal_frequency_loss(result, target) < mse_loss(result, target)
        assert focal_frequency_loss(result, result).item() == 0

    def test_the_largest_frequency_alone_has_its_full_weight(self):
        flat = torch.full((1, 1, 8, 8), 0.5)
        assert focal_frequency_loss(flat, torch.zeros_like(flat)).item() == pytest.approx(0.25)
        # A wave of an amplitude of 0.1 has a quarter of its energy at each of two frequencies, in
        # which its spectrum is 0.1 / 2 / 0.5 of the flat one's, and so is its weight.
        wave = 0.1 * torch.cos(torch.arange(8) * torch.pi / 2).expand(1, 1, 8, 8)
        both = focal_frequency_loss(flat + wave, torch.zeros_like(flat))
        assert both.item() == pytest.approx(0.25 + 2 * 0.1 * 0.1**2 / 4)

    def test_the_pyramid_adds_up_to_the_picture(self):
        picture = pictures(1, 3, 37, 24)
        bands = laplacian_pyramid(picture, 4)
        current = bands[-1]
        for band in reversed(bands[:-1]):
            current = band + F.interpolate(
                current, size=band.shape[-2:], mode="bilinear", align_corners=False
            )
        torch.testing.assert_close(current, picture)

    def test_a_constant_lies_in_the_last_band_only(self):
        flat, none = torch.ones(1, 3, 32, 32), torch.zeros(1, 3, 32, 32)
        assert laplacian_pyramid_loss(flat, none, levels=5).item() == pytest.approx(0.2, rel=1e-4)

    def test_only_the_hole_counts(self):
        picture = pictures(1, 3, 32, 32)
        far = torch.zeros(1, 1, 32, 32)
        far[..., :2, :2] = 1
        changed = picture.clone()
        changed[..., 20:, 20:] += 1
        assert laplacian_pyramid_loss(changed, picture, far, levels=2).item() == pytest.approx(
            0, abs=1e-7
        )


@pytest.fixture(scope="module")
def vgg_file(tmp_path_factory):
    generator = torch.Generator().manual_seed(0)
    state, channels, place = {}, 3, 0
    for depth, width in ((2, 64), (2, 128)):
        for _ in range(depth):
            state[f"features.{place}.weight"] = 0.05 * torch.randn(
                width, channels, 3, 3, generator=generator
            )
            state[f"features.{place}.bias"] = torch.zeros(width)
            channels, place = width, place + 2
        place += 1
    path = tmp_path_factory.mktemp("vgg") / "vgg16.pth"
    torch.save(state, path)
    return path


class TestPerceptual:
    def test_layers_are_torchvisions(self, vgg_file):
        from torchvision.models import vgg16

        reference = vgg16(weights=None, init_weights=False).features[:9].eval()
        state = torch.load(vgg_file, weights_only=True)
        reference.load_state_dict({k.removeprefix("features."): v for k, v in state.items()})
        picture = pictures(1, 3, 16, 16)
        mean = torch.tensor([0.485, 0.456, 0.406]).view(1, 3, 1, 1)
        deviation = torch.tensor([0.229, 0.224, 0.225]).view(1, 3, 1, 1)
        normal = ((picture + 1) / 2 - mean) / deviation
        first, second = VggFeatures("vgg16", ("relu1_2", "relu2_2"), vgg_file)(picture)
        torch.testing.assert_close(first, reference[:4](normal))
        torch.testing.assert_close(second, reference[:9](normal))
        (pooled,) = VggFeatures("vgg16", ("pool1",), vgg_file)(picture)
        torch.testing.assert_close(pooled, reference[:5](normal))

    def test_it_is_fixed_and_passes_gradient_to_the_picture(self, vgg_file):
        layers = ("relu1_2", "relu2_2")
        loss = PerceptualLoss(weights=vgg_file, layers=layers).train()
        assert list(loss.parameters()) == [] and loss.state_dict() == {}
        result = pictures(1, 3, 16, 16).requires_grad_()
        assert loss(result, result.detach()).item() == 0
        loss(result, pictures(1, 3, 16, 16, seed=1)).backward()
        assert result.grad.abs().sum() > 0
        style = StyleLoss(weights=vgg_file, layers=layers)
        assert style(result, result.detach()).item() == pytest.approx(0, abs=1e-7)

    def test_any_feature_network_will_do(self):
        class Channels(nn.Module):
            def forward(self, picture):
                return [picture, 2 * picture]

        loss = PerceptualLoss(Channels(), layer_weights=[1, 1])
        zero, one = torch.zeros(1, 3, 4, 4), torch.ones(1, 3, 4, 4)
        assert loss(one, zero).item() == pytest.approx(1.5)
        assert gram_matrix(one).flatten().tolist() == pytest.approx([1 / 3] * 9)

    def test_missing_weights_say_where_to_put_them(self, tmp_path, monkeypatch, vgg_file):
        monkeypatch.setenv("TORCH_HOME", str(tmp_path))
        with pytest.raises(WeightsError, match=r"never downloads.*vgg19-dcbb9e9d\.pth"):
            create_loss({"name": "perceptual", "network": "vgg19"})
        with pytest.raises(WeightsError, match="no file"):
            VggFeatures(weights=tmp_path / "none.pth")
        with pytest.raises(WeightsError, match=r"features\.10"):
            VggFeatures("vgg16", ("relu3_1",), vgg_file)
        (tmp_path / "bad.pth").write_bytes(b"no weights")
        with pytest.raises(WeightsError, match="Cannot read"):
            VggFeatures(weights=tmp_path / "bad.pth")

    @pytest.mark.parametrize("layer", ["relu1_3", "conv1_1", "relu6_1", "relu3_4", "pool6"])
    def test_unknown_layers_are_refused(self, layer, vgg_file):
        with pytest.raises(ConfigurationError, match="no layer"):
            VggFeatures("vgg16", (layer,), vgg_file)


GRADCHECKED = {
    "l1-hole": {"name": "l1", "region": "hole"},
    "l1-discounted": {"name": "l1", "region": "discounted"},
    "mse-valid": {"name": "mse", "region": "valid"},
    "edge": "edge",
    "edge-hole": {"name": "edge", "region": "hole"},
    "total-variation": "total-variation",
    "gradient": "gradient",
    "poisson": "poisson",
    "laplacian-pyramid": {"name": "laplacian-pyramid", "levels": 2},
    # The weight of the focal loss is held fixed on purpose, so that only alpha 0 is its own slope.
    "focal-frequency": {"name": "focal-frequency", "alpha": 0.0},
}


@pytest.mark.parametrize("spec", GRADCHECKED.values(), ids=GRADCHECKED.keys())
def test_gradients_are_right(spec):
    loss = create_loss(spec)
    result = pictures(2, 3, 6, 6, dtype=torch.float64).requires_grad_()
    target = pictures(2, 3, 6, 6, seed=1, dtype=torch.float64)
    hole = box(side=6, low=1, high=5, batch=2, dtype=torch.float64)
    assert torch.autograd.gradcheck(lambda picture: loss(picture, target, hole), (result,))


@pytest.mark.parametrize(
    "kind", ["hinge", "bce", "least-squares", "logistic", "relativistic-average"]
)
def test_adversarial_gradients_are_right(kind):
    loss = AdversarialLoss(kind)
    real, fake = (
        pictures(2, 1, 3, 3, seed=s, dtype=torch.float64).requires_grad_() for s in (0, 1)
    )
    assert torch.autograd.gradcheck(loss.discriminator, (real, fake))
    assert torch.autograd.gradcheck(lambda f: loss.generator(f, real.detach()), (fake,))


# These need VGG's or a segmentation's weights.
WEIGHTED_LOSSES = {
    "geometric-alignment",
    "perceptual",
    "segmentation-perceptual",
    "self-guided",
    "style",
}


@pytest.mark.parametrize("name", sorted(set(list_losses()) - WEIGHTED_LOSSES))
def test_every_named_loss_is_zero_or_flat_for_a_perfect_result(name):
    loss = create_loss(name)
    flat = torch.full((2, 3, 16, 16), 0.25, requires_grad=True)
    value = loss(flat, flat.detach().clone(), box(side=16, batch=2))
    value.backward()
    perfect = -80.0 if name == "psnr" else 0.0
    assert value.item() == pytest.approx(perfect, abs=1e-7) and flat.grad.isfinite().all()


def test_unknown_names_and_options_name_the_nearest():
    with pytest.raises(ConfigurationError, match="Did you mean 'poisson'"):
        create_loss("poison")
    with pytest.raises(ConfigurationError, match="Did you mean 'region'"):
        create_loss({"name": "l1", "regoin": "hole"})
