"""Completion networks by name."""

from __future__ import annotations

import fnmatch
from typing import TYPE_CHECKING, Any

from inpainter.creation import create_named
from inpainter.networks.registry import NETWORKS, build_network
from inpainter.weight_files import load_completion_network
from weights.catalog.lookup import list_records

if TYPE_CHECKING:
    from torch import nn

CLASSICAL: dict[str, str] = {
    "biharmonic": "inpainter.classical:BiharmonicInpainter",
    "low-rank": "inpainter.classical:LowRankInpainter",
    "navier-stokes": "inpainter.classical:NavierStokesInpainter",
    "patchmatch": "inpainter.classical:PatchMatchInpainter",
    "telea": "inpainter.classical:TeleaInpainter",
    "total-variation": "inpainter.classical:TotalVariationInpainter",
}
"""Name of each classical completion method and the dotted path of its class."""

DISCRIMINATORS: dict[str, str] = {
    "context": "inpainter.discriminators.context:ContextDiscriminator",
    "dcgan": "inpainter.discriminators.convolution_stack:dcgan",
    "paired": "inpainter.discriminators.convolution_stack:paired",
    "pix2pixhd": "inpainter.discriminators.convolution_stack:pix2pixhd",
    "projected": "inpainter.discriminators.projected:ProjectedDiscriminator",
    "sn-patchgan": "inpainter.discriminators.convolution_stack:sn_patchgan",
    "soft-mask": "inpainter.discriminators.convolution_stack:soft_mask",
    "stylegan2": "inpainter.discriminators.stylegan2:StyleGAN2Discriminator",
}
"""Name of each discriminator and the dotted path of its constructor."""


def list_models(pattern: str = "*", *, pretrained: bool = False) -> list[str]:
    """List the networks that `create_model` builds, in alphabetical order.

    Args:
        pattern: glob pattern for names, such as "deepfill*".
        pretrained: only those with weights in the catalog.

    Examples:
        >>> list_models("gated*")
        ['gated', 'gated-detail', 'gated-dmfb', 'gated-unet']
    """
    names = fnmatch.filter(sorted(NETWORKS), pattern)
    if pretrained:
        known = {record.architecture for record in list_records(kind="inpainter")}
        names = [name for name in names if name in known]
    return names


def create_model(name: str, pretrained: bool | str = False, **options: Any) -> nn.Module:
    """Build a completion network.

    Args:
        name: one of `list_models()`, or of `FACE_GENERATORS`.
        pretrained: True loads the architecture's first weights in the catalog; a string names a
            catalog record or a safetensors file. Weights include their network's options.
        options: options of the network's constructor.

    Returns:
        A module called as `model(image, hole)` with image `(N, 3, H, W)` in [-1, 1] and hole
        `(N, 1, H, W)`, 1 = missing; it returns a `CompletionOutput`. A face generator is called as
        `model(latents)` with latents `(N, Z)` and returns faces `(N, 3, S, S)` in [-1, 1].

    Raises:
        ConfigurationError: the name or an option is unknown, or an option contradicts the weights.
        WeightsError: the weights are missing, damaged or for another network.

    Examples:
        >>> import torch
        >>> network = create_model("unet", width=4)
        >>> output = network(torch.zeros(1, 3, 60, 60), torch.ones(1, 1, 60, 60))
        >>> output.completed.shape
        torch.Size([1, 3, 60, 60])
    """
    if pretrained:
        weights = pretrained if isinstance(pretrained, str) else None
        return load_completion_network(name, weights, options)
    return build_network(name, options)


def create_discriminator(name: str, **options: Any) -> nn.Module:
    """Build a discriminator by name.

    Raises:
        ConfigurationError: the name or an option is unknown.

    Examples:
        >>> import torch
        >>> discriminator = create_discriminator("sn-patchgan", channels=(8, 8))
        >>> discriminator(torch.zeros(1, 3, 64, 64), torch.zeros(1, 1, 64, 64))[-1].shape
        torch.Size([1, 8, 16, 16])
    """
    return create_named("discriminator", DISCRIMINATORS, {**options, "name": name})
