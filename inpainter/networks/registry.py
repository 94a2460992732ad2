"""Networks by the names that recipes and weight files use."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from inpainter.creation import create_named, short_names_only

if TYPE_CHECKING:
    from collections.abc import Mapping

    from torch import nn

NETWORKS: dict[str, str] = {
    "aot-gan": "inpainter.networks.aot_gan:AotGanNetwork",
    "comodgan": "inpainter.networks.comodgan:CoModulatedNetwork",
    "deepfillv2": "inpainter.networks.deepfillv2:DeepFillV2CompletionNetwork",
    "dmfn": "inpainter.networks.dmfn:DMFNCompletionNetwork",
    "gated": "inpainter.networks.gated:GatedCompletionNetwork",
    "gated-detail": "inpainter.networks.gated_detail:GatedDetailNetwork",
    "gated-dmfb": "inpainter.networks.gated_dmfb:GatedDMFBCompletionNetwork",
    "gated-unet": "inpainter.networks.gated_unet:GatedUNet",
    "glcic": "inpainter.networks.glcic:GLCICCompletionNetwork",
    "lama": "inpainter.networks.lama:LamaNetwork",
    "migan": "inpainter.networks.migan:MiganNetwork",
    "ndmha": "inpainter.networks.ndmha:NestedDeformableAttentionNetwork",
    "paired-gan": "inpainter.networks.paired_gan:PairedGanNetwork",
    "pconv": "inpainter.networks.partial_convolution:PartialConvolutionNetwork",
    "residual-cnn": "inpainter.networks.residual_cnn:ResidualRegressionNetwork",
    "unet": "inpainter.networks.unet:UNetCompletionNetwork",
}
"""Name of each network and the dotted path of its class."""

FACE_GENERATORS: dict[str, str] = {
    "dcgan": "inpainter.networks.dcgan:DcganGenerator",
}
"""Networks that generate faces from latents and complete nothing themselves; see
`latent_search`."""


def build_network(name: str, options: Mapping[str, Any]) -> nn.Module:
    """Build a registered network with the options of its constructor, without weights.

    Raises:
        ConfigurationError: the name or an option is unknown.
    """
    networks = {**NETWORKS, **FACE_GENERATORS}
    return create_named("completion network", networks, {**options, "name": name})


def create_network(name: str, options: Mapping[str, Any]) -> nn.Module:
    """Build a registered network with untrusted options, read from a weight file.

    Raises:
        ConfigurationError: the name or an option is unknown, or the options are invalid.
    """
    with short_names_only():
        return build_network(name, options)
