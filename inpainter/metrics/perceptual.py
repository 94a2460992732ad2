"""Learned perceptual distance (LPIPS)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Literal

from inpainter.metrics.pixel import check_pictures
from inpainter.metrics.weight_folder import hub_file
from weights.base.device import resolve_device
from weights.base.errors import InputError
from weights.base.names import unknown_name
from weights.base.optional_libraries import imported_for

if TYPE_CHECKING:
    from collections.abc import Sequence

    import torch

    from weights.base.contracts import Image

LpipsNetwork = Literal["alex", "vgg", "squeeze"]

_BACKBONES: Final[dict[str, str]] = {
    "alex": "AlexNet_Weights",
    "vgg": "VGG16_Weights",
    "squeeze": "SqueezeNet1_1_Weights",
}

SMALLEST_SIDE: Final = 32
"""Shortest side, in pixels, that all backbones accept."""


class LearnedPerceptualDistance:
    """LPIPS, in torchmetrics' implementation with the authors' linear weights.

    Args:
        network: the backbone; "alex" is the usual one in the literature.
        device: "auto" or a torch device.

    Raises:
        ConfigurationError: the backbone is unknown.
        MissingDependencyError: torchmetrics is not installed; it is in the extra `evaluate`.
        WeightsError: the backbone's ImageNet weights are not in torch hub's folder.

    Source: Zhang et al. 2018, "The Unreasonable Effectiveness of Deep Features as a Perceptual
    Metric".
    """

    def __init__(self, network: LpipsNetwork = "alex", device: str | torch.device = "auto") -> None:
        if network not in _BACKBONES:
            raise unknown_name("LPIPS network", network, _BACKBONES)
        with imported_for("LPIPS", "torchmetrics", "evaluate"):
            from torchmetrics.image.lpip import LearnedPerceptualImagePatchSimilarity
        import torchvision.models

        weights = getattr(torchvision.models, _BACKBONES[network]).DEFAULT
        hub_file(weights.url, "LPIPS")
        self.network = network
        self._device = resolve_device(device)
        self._compare = LearnedPerceptualImagePatchSimilarity(network).net.to(self._device)

    def __call__(self, results: Sequence[Image], truths: Sequence[Image]) -> list[float]:
        """Compare each result with its ground truth.

        Args:
            results: uint8 RGB `(H, W, 3)` each, at least `SMALLEST_SIDE` pixels a side.
            truths: as many, of the same sizes.

        Returns:
            0 for equal pictures, above 0 for others.

        Raises:
            InputError: the pictures' sizes or numbers differ, or a side is too short.
        """
        if len(results) != len(truths):
            raise InputError(
                f"LPIPS compares pair by pair, but got {len(results)} results and {len(truths)} "
                "true pictures."
            )
        for result, truth in zip(results, truths, strict=True):
            check_pictures(result, truth)
            if min(truth.shape[:2]) < SMALLEST_SIDE:
                raise InputError(
                    f"LPIPS needs pictures of at least {SMALLEST_SIDE} pixels a side, but got "
                    f"{truth.shape[:2]}."
                )
        if len({truth.shape for truth in truths}) == 1:
            return self._distances(results, truths)
        pairs = zip(results, truths, strict=True)
        return [value for one, other in pairs for value in self._distances([one], [other])]

    def _distances(self, results: Sequence[Image], truths: Sequence[Image]) -> list[float]:
        import torch

        from inpainter.tensors import to_tensor

        first, second = (to_tensor(pictures, self._device) for pictures in (results, truths))
        with torch.inference_mode():
            values = self._compare(first, second)
        return [float(value) for value in values.reshape(-1).cpu()]
