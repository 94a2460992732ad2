"""Picture losses by the names that recipes use."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from torch import nn

from inpainter.creation import create_named

_LOSSES: Final[dict[str, str]] = {
    "edge": "inpainter.losses.edge:EdgeLoss",
    "focal-frequency": "inpainter.losses.frequency:FocalFrequencyLoss",
    "geometric-alignment": "inpainter.losses.geometric_alignment:GeometricAlignmentLoss",
    "gradient": "inpainter.losses.gradient:GradientLoss",
    "l1": "inpainter.losses.reconstruction:L1Loss",
    "laplacian-pyramid": "inpainter.losses.frequency:LaplacianPyramidLoss",
    "mse": "inpainter.losses.reconstruction:MSELoss",
    "perceptual": "inpainter.losses.perceptual:PerceptualLoss",
    "poisson": "inpainter.losses.gradient:PoissonLoss",
    "psnr": "inpainter.losses.reconstruction:PSNRLoss",
    "segmentation-perceptual": "inpainter.losses.segmentation:SegmentationPerceptualLoss",
    "self-guided": "inpainter.losses.self_guided:SelfGuidedLoss",
    "style": "inpainter.losses.perceptual:StyleLoss",
    "total-variation": "inpainter.losses.total_variation:TotalVariationLoss",
}


def list_losses() -> list[str]:
    """Return the short names of all picture losses, sorted.

    Examples:
        >>> list_losses()[:3]
        ['edge', 'focal-frequency', 'geometric-alignment']
    """
    return sorted(_LOSSES)


def create_loss(spec: str | Mapping[str, Any]) -> nn.Module:
    """Create a picture loss, a module called as `loss(result, target, hole)` returning a scalar.

    Args:
        spec: a short name of `list_losses`, a dotted path "package.module:Class", or a dict of the
            name and the class's options, such as {name: l1, region: hole}.

    Raises:
        ConfigurationError: the name or an option is unknown, or the options do not fit.
        WeightsError: the loss needs weights that are not on this machine.

    Examples:
        >>> import torch
        >>> loss = create_loss({"name": "l1", "region": "hole"})
        >>> black, white = -torch.ones(1, 3, 8, 8), torch.ones(1, 3, 8, 8)
        >>> loss(black, white, torch.ones(1, 1, 8, 8))
        tensor(2.)
    """
    return create_named("loss", _LOSSES, spec, calls=3)
