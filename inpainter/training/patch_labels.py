"""Patch labels: which scores are labelled fake, and which count for the generator.

A patch discriminator learns nothing useful from labelling a patch fake that contains only known
pixels.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from inpainter.losses.adversarial import SCORE_COSTS, AdversarialKind, AdversarialLoss
from inpainter.losses.regions import to_float32
from weights.base.errors import ConfigurationError

BLUR = 10.0 / 512.0
"""Standard deviation of the blur of "blurred-hole", as a fraction of the picture's side: 10 pixels
of 512 (Zeng et al. 2022)."""


def check_patch_kind(kind: str) -> None:
    """Check that a loss treats each score independently.

    Raises:
        ConfigurationError: it does not, so its scores cannot be labelled individually.
    """
    if kind not in SCORE_COSTS:
        raise ConfigurationError(
            f"The adversarial loss {kind!r} compares pictures with one another, so its patches "
            f"cannot be labelled one by one: use one of {', '.join(SCORE_COSTS)}."
        )


def patch_labels(hole: Tensor, scores: Tensor, *, blurred: bool = False) -> Tensor:
    """Label each patch by how much of it is generated.

    Args:
        hole: `(N, 1, H, W)`, 1 = missing.
        scores: `(N, C, h, w)`, one or more for each patch.
        blurred: return the fraction of the patch covered by the hole, after a blur of `BLUR`,
            instead of 0 or 1.

    Returns:
        `(N, 1, h, w)`: 1 where the patch contains any of the hole, else 0; between 0 and 1 if
        `blurred`.

    Raises:
        ConfigurationError: the discriminator does not return score maps.
    """
    if scores.dim() != 4:
        raise ConfigurationError(
            "Only a discriminator that scores patches can tell the hole's from others, but this "
            "one gives one score for a picture: use fake_region and generator_region 'whole'."
        )
    size = (scores.shape[2], scores.shape[3])
    hole = to_float32(hole)
    if not blurred:
        return functional.adaptive_max_pool2d(hole, size)
    from torchvision.transforms.functional import gaussian_blur

    deviation = BLUR * hole.shape[-1]
    reach = max(1, round(3.5 * deviation))
    # A blur by reflection needs a picture larger than its reach.
    reach = min(reach, min(hole.shape[2:]) - 1)
    blurry: Tensor = gaussian_blur(hole, [2 * reach + 1] * 2, [deviation] * 2)
    return functional.adaptive_avg_pool2d(blurry, size)


def labelled_discriminator_loss(
    kind: AdversarialKind, real: Tensor, fake: Tensor, labels: Tensor
) -> Tensor:
    """Return the mean cost of scoring `real` as real and `fake` according to its labels.

    Args:
        kind: the adversarial loss, one of `SCORE_COSTS`.
        real: scores of true pictures, `(N, C, h, w)`.
        fake: scores of completed pictures, likewise.
        labels: labels from `patch_labels`.
    """
    costs = SCORE_COSTS[kind]
    real, fake = to_float32(real), to_float32(fake)
    mixed = labels * costs.false(fake) + (1.0 - labels) * costs.true(fake)
    return costs.true(real).mean() + mixed.mean()


def hole_generator_loss(adversarial: AdversarialLoss, fake: Tensor, hole: Tensor) -> Tensor:
    """Return the generator's loss over the patches that contain some of the hole.

    Args:
        adversarial: the adversarial loss.
        fake: scores of completed pictures, `(N, C, h, w)`.
        hole: `(N, 1, H, W)`, 1 = missing.
    """
    chosen = (patch_labels(hole, fake) > 0.5).expand_as(fake)
    if not chosen.any():
        return fake.sum() * 0.0
    return adversarial.generator(torch.masked_select(fake, chosen))
