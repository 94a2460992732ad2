"""The activation of StyleGAN2's family."""

from __future__ import annotations

import math

from torch import Tensor
from torch.nn import functional


def scaled_leaky_relu(features: Tensor, limit: float = 256.0) -> Tensor:
    """Leaky ReLU of slope 0.2 times sqrt(2), which preserves the variance, clamped to `limit`.

    Source: Karras et al. 2020, "Analyzing and Improving the Image Quality of StyleGAN"; the limit,
    for half precision, is from Karras et al. 2020, "Training Generative Adversarial Networks with
    Limited Data".
    """
    return (functional.leaky_relu(features, 0.2) * math.sqrt(2.0)).clamp(-limit, limit)
