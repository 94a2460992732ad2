"""Perceptual and style losses on the features of a fixed network.

The features come from any module that turns pictures into a list of maps; `VggFeatures` is
torchvision's VGG, whose ImageNet weights must already lie on this machine.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final, Literal

import torch
from torch import Tensor, nn

from inpainter.features.freezing import freeze
from inpainter.losses.feature_matching import feature_matching_loss
from inpainter.losses.regions import to_float32
from weights.base.errors import ConfigurationError, WeightsError

VggName = Literal["vgg16", "vgg19"]

_HUB_FILES: Final[Mapping[str, str]] = {
    "vgg16": "vgg16-397923af.pth",
    "vgg19": "vgg19-dcbb9e9d.pth",
}


def _places(features: nn.Sequential) -> dict[str, int]:
    """Index of each activation and pooling layer in torchvision's `features`, by its usual name."""
    places = {}
    block, number = 1, 0
    for place, module in enumerate(features):
        if isinstance(module, nn.ReLU):
            number += 1
            places[f"relu{block}_{number}"] = place
        elif isinstance(module, nn.MaxPool2d):
            places[f"pool{block}"] = place
            block, number = block + 1, 0
    return places


def read_tensors(
    weights: str | os.PathLike[str] | None, network: str, cached: Path, advice: str
) -> Mapping[str, Tensor]:
    """Read a .safetensors file, or a .pth file that holds only tensors and no code.

    Args:
        weights: the file; None uses the cached one.
        network: what the weights belong to, for error messages.
        cached: path of the file if none is named.
        advice: error message if it is not there.

    Raises:
        WeightsError: the file is missing, cannot be read, or holds more than tensors.
    """
    path = cached if weights is None else Path(weights)
    if not path.is_file():
        missing = f"There is no file {path} with the weights of {network}."
        raise WeightsError(advice if weights is None else missing)
    try:
        if path.suffix == ".safetensors":
            from safetensors.torch import load_file

            return load_file(path)
        state: Mapping[str, Tensor] = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:
        raise WeightsError(f"Cannot read the weights in {path}: {error}.") from error
    return state


class FixedFeatures(nn.Module):
    """A frozen network for ImageNet-normalised pictures, always in evaluation mode."""

    mean: Tensor
    deviation: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("mean", torch.tensor([0.485, 0.456, 0.406]).view(1, 3, 1, 1))
        self.register_buffer("deviation", torch.tensor([0.229, 0.224, 0.225]).view(1, 3, 1, 1))

    def fix(self) -> None:
        """Freeze all parameters and keep them out of checkpoints; call it once they all exist."""
        freeze(self)

    def train(self, mode: bool = True) -> FixedFeatures:  # noqa: ARG002
        """Stay in evaluation mode."""
        return super().train(False)

    def normalised(self, picture: Tensor) -> Tensor:
        """Normalise pictures `(N, 3, H, W)` in [-1, 1] by ImageNet's mean and std."""
        return (0.5 * (picture + 1.0) - self.mean) / self.deviation


class VggFeatures(FixedFeatures):
    """Activations of torchvision's VGG16 or VGG19; frozen, always in evaluation mode.

    Args:
        network: "vgg16" or "vgg19".
        layers: activations to return, such as "relu3_3" or, after the block's pooling, "pool3".
        weights: a .pth or .safetensors file in torchvision's layout; None uses torch hub's cache.

    Raises:
        ConfigurationError: the network or a layer is unknown.
        WeightsError: the file is missing or holds another network. Nothing is downloaded.
    """

    def __init__(
        self,
        network: VggName = "vgg16",
        layers: Sequence[str] = ("relu1_2", "relu2_2", "relu3_3", "relu4_3"),
        weights: str | os.PathLike[str] | None = None,
    ) -> None:
        from torchvision import models
        from torchvision.models.feature_extraction import create_feature_extractor

        super().__init__()
        if network not in _HUB_FILES:
            raise ConfigurationError(f"Unknown feature network {network!r}: use vgg16 or vgg19.")
        if not layers:
            raise ConfigurationError("The perceptual loss needs at least one layer.")
        with torch.device("meta"):
            whole = getattr(models, network)()
        places = _places(whole.features)
        for layer in layers:
            if layer not in places:
                raise ConfigurationError(
                    f"{network} has no layer {layer!r}: write it as 'relu3_2' for the second "
                    "activation of the third block, or as 'pool3' for the end of that block."
                )
        self.layers = tuple(layers)
        nodes = {f"features.{places[layer]}": layer for layer in layers}
        self.network = create_feature_extractor(whole, nodes)
        name = _HUB_FILES[network]
        cached = Path(torch.hub.get_dir()) / "checkpoints" / name
        advice = (
            f"The perceptual loss needs torchvision's ImageNet weights of {network}, which unmask "
            f"never downloads: put {name} at {cached}, or name its path as 'weights'."
        )
        state = read_tensors(weights, network, cached, advice)
        try:
            kept = {name: state[name] for name in self.network.state_dict()}
            self.network.load_state_dict(kept, assign=True)
        except (KeyError, RuntimeError) as error:
            raise WeightsError(
                f"The weights are not torchvision's {network}: a layer is missing or has another "
                f"shape ({str(error).splitlines()[-1].strip()})."
            ) from error
        self.fix()

    def forward(self, picture: Tensor) -> list[Tensor]:
        """Map pictures `(N, 3, H, W)` in [-1, 1] to one map `(N, C, h, w)` per requested layer."""
        found = self.network(self.normalised(picture))
        return [found[layer] for layer in self.layers]


def gram_matrix(features: Tensor) -> Tensor:
    """Gram matrix `(N, C, C)` of features `(N, C, h, w)`, divided by C h w.

    Source: Gatys et al. 2016, "Image Style Transfer Using Convolutional Neural Networks".
    """
    flat = to_float32(features).flatten(2)
    return flat @ flat.transpose(1, 2) / (flat.shape[1] * flat.shape[2])


class FeatureLoss(nn.Module):
    """A loss that compares a fixed network's features of two pictures.

    Args:
        features: a module that returns a list of maps.
    """

    def __init__(self, features: nn.Module) -> None:
        super().__init__()
        self.features = features

    def compare(self, fake: list[Tensor], real: list[Tensor]) -> Tensor:
        """Return the loss, a scalar, of two lists of features `(N, C, h, w)`, one per layer."""
        raise NotImplementedError

    def forward(self, result: Tensor, target: Tensor, hole: Tensor | None = None) -> Tensor:  # noqa: ARG002
        """Compare `(N, 3, H, W)` pictures in [-1, 1], ignoring the hole; returns a scalar."""
        with torch.no_grad():
            real = self.features(target)
        return self.compare(self.features(result), real)


class PerceptualLoss(FeatureLoss):
    """Mean absolute difference of a fixed network's features.

    Args:
        features: a module that returns a list of maps; None builds `VggFeatures` from the options
            below.
        layer_weights: one per map; None for equal weights.
        network: see `VggFeatures`.
        layers: see `VggFeatures`.
        weights: see `VggFeatures`.

    Source: Johnson et al. 2016, "Perceptual Losses for Real-Time Style Transfer".
    """

    def __init__(
        self,
        features: nn.Module | None = None,
        layer_weights: Sequence[float] | None = None,
        network: VggName = "vgg16",
        layers: Sequence[str] = ("relu1_2", "relu2_2", "relu3_3", "relu4_3"),
        weights: str | os.PathLike[str] | None = None,
    ) -> None:
        made = features if features is not None else VggFeatures(network, layers, weights)
        super().__init__(made)
        self.layer_weights = layer_weights

    def compare(self, fake: list[Tensor], real: list[Tensor]) -> Tensor:
        """Give the weighted mean over layers of the mean absolute difference."""
        return feature_matching_loss(fake, real, self.layer_weights)


class StyleLoss(PerceptualLoss):
    """Mean absolute difference of the Gram matrices of a fixed network's features.

    Arguments as for `PerceptualLoss`.
    """

    def compare(self, fake: list[Tensor], real: list[Tensor]) -> Tensor:
        """Give the weighted mean over layers of the mean absolute difference."""
        fake, real = ([gram_matrix(one) for one in features] for features in (fake, real))
        return super().compare(fake, real)
