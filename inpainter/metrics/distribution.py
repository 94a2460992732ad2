"""Distances between the feature distributions of completed and true pictures."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any, Final, Protocol

import numpy as np

from inpainter.metrics.weight_folder import hub_file
from weights.base.contracts import check_image
from weights.base.device import resolve_device
from weights.base.dotted_paths import import_component
from weights.base.errors import ConfigurationError, InputError
from weights.base.names import unknown_name
from weights.base.optional_libraries import imported_for

if TYPE_CHECKING:
    from collections.abc import Sequence

    import torch
    from numpy.typing import NDArray

    from weights.base.contracts import Image

FEATURE_NETWORKS: Final = ("inception", "face")
"""Names of feature networks: Inception v3 as in the literature's FID, and dlib's face network."""

SUBSET_SIZE: Final = 1000
"""Subset size of a kernel distance, as in the literature."""
_SUBSETS: Final = 100


class FeatureNetwork(Protocol):
    """The callable that maps pictures to features for a set distance."""

    def __call__(self, pictures: torch.Tensor) -> torch.Tensor:
        """Map uint8 RGB pictures `(N, 3, H, W)` to features `(N, D)`."""
        ...


class FeatureExtractor:
    """Features of pictures by a network of the user's choice.

    Args:
        network: "inception" (Inception v3 with the weights of the original FID, from torch hub's
            folder), "face" (dlib's face recognition network, extra `landmarks`), the dotted path
            "package.module:Name" of a `FeatureNetwork` or of a class or function that makes one
            without arguments, or a `FeatureNetwork`.
        device: "auto" or a torch device; modules are moved there, in evaluation mode.

    Raises:
        ConfigurationError: the name or the path is unknown.
        MissingDependencyError: a library of the network is not installed.
        WeightsError: weights of the network are not on this machine.
    """

    def __init__(
        self, network: str | FeatureNetwork = "inception", device: str | torch.device = "auto"
    ) -> None:
        from torch import nn

        self.name = network if isinstance(network, str) else type(network).__name__
        self._device = resolve_device(device)
        made = _create(network) if isinstance(network, str) else network
        if isinstance(made, nn.Module):
            made = made.to(self._device).eval()
        self._network = made

    def __call__(self, pictures: Sequence[Image]) -> NDArray[np.float32]:
        """Return the features `(N, D)` of uint8 RGB pictures `(H, W, 3)` of one size.

        Raises:
            InputError: a picture is malformed, or the sizes differ.
            ConfigurationError: the network returns something other than `(N, D)`.
        """
        import torch

        for picture in pictures:
            check_image(picture, "picture")
        if len({picture.shape for picture in pictures}) > 1:
            raise InputError("Features are taken of pictures of one size, but these differ.")
        stacked = np.stack([np.ascontiguousarray(picture) for picture in pictures])
        batch = torch.from_numpy(stacked).to(self._device).permute(0, 3, 1, 2)
        with torch.inference_mode():
            features = self._network(batch)
        if not isinstance(features, torch.Tensor) or features.shape[:1] != batch.shape[:1]:
            shape = tuple(getattr(features, "shape", ())) or type(features).__name__
            raise ConfigurationError(
                f"The feature network {self.name!r} must give a tensor of one row per picture, but "
                f"gave {shape} for {len(pictures)} pictures."
            )
        return np.asarray(features.flatten(1).float().cpu().numpy(), np.float32)


def _create(name: str) -> Any:
    if name == "inception":
        return _inception()
    if name == "face":
        return _FaceAverage()
    if ":" not in name:
        raise unknown_name("feature network", name, (*FEATURE_NETWORKS, "package.module:Name"))
    from torch import nn

    found = import_component("feature network", name)
    if isinstance(found, nn.Module):
        return found
    made = found() if isinstance(found, type) or _takes_nothing(found) else found
    if not callable(made):
        raise ConfigurationError(f"The feature network {name!r} cannot be called with pictures.")
    return made


def _takes_nothing(function: Any) -> bool:
    import inspect

    try:
        parameters = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):
        return False
    return all(parameter.default is not parameter.empty for parameter in parameters)


def _inception() -> Any:
    with imported_for(
        "The distance of Inception features", "torchmetrics and torch-fidelity", "evaluate"
    ):
        from torch_fidelity.feature_extractor_inceptionv3 import URL_INCEPTION_V3
        from torchmetrics.image.fid import NoTrainInceptionV3
    path = hub_file(URL_INCEPTION_V3, "FID")
    # Resized as in the original FID, without antialiasing.
    return NoTrainInceptionV3("inception-v3-compat", ["2048"], str(path), antialias=False)


class _FaceAverage:
    """The coarsest map of dlib's face network, averaged over positions: `(N, 256)`."""

    def __init__(self) -> None:
        from inpainter.features.faces import FaceFeatures

        self._features = FaceFeatures(size=150)

    def __call__(self, pictures: torch.Tensor) -> torch.Tensor:
        features = self._features.to(pictures.device)
        coarsest: torch.Tensor = features(pictures.float() / 127.5 - 1.0)[-1]
        return coarsest.mean(dim=(2, 3))


def frechet_distance(first: NDArray[np.floating], second: NDArray[np.floating]) -> float:
    """Fréchet distance between Gaussians fitted to two sets of features (FID).

    It decreases with the number of pictures, so compare only values from sets of equal size.

    Args:
        first: `(N, D)`, N at least 2.
        second: `(M, D)`, M at least 2.

    Returns:
        At least 0; 0 for equal sets.

    Raises:
        InputError: the shapes do not fit.
        MissingDependencyError: torchmetrics is not installed; it is in the extra `evaluate`.

    Source: Heusel et al. 2017, "GANs Trained by a Two Time-Scale Update Rule"; torchmetrics'
    implementation.
    """
    _check_features(first, second)
    with imported_for("The distance of sets", "torchmetrics", "evaluate"):
        from torchmetrics.image.fid import FrechetInceptionDistance
    distance = FrechetInceptionDistance(_passing_on(first.shape[1]))
    rows = _rows(first)
    distance.set_dtype(rows.dtype)
    distance.update(rows, real=True)
    distance.update(_rows(second), real=False)
    return max(0.0, float(distance.compute()))


def kernel_distance(
    first: NDArray[np.floating], second: NDArray[np.floating], seed: int = 0
) -> float:
    """Squared maximum mean discrepancy of two feature sets with a cubic kernel (KID).

    Unbiased, so it may be slightly negative for sets that do not differ. Sets of more than
    `SUBSET_SIZE` rows are compared over 100 random subsets of that size, smaller ones as a whole.

    Args:
        first: `(N, D)`, N at least 2.
        second: `(N, D)`.
        seed: random seed of the subsets.

    Raises:
        InputError: the shapes do not fit.
        MissingDependencyError: torchmetrics is not installed; it is in the extra `evaluate`.

    Source: Bińkowski et al. 2018, "Demystifying MMD GANs"; torchmetrics' implementation.
    """
    import torch

    _check_features(first, second)
    with imported_for("The distance of sets", "torchmetrics", "evaluate"):
        from torchmetrics.image.kid import KernelInceptionDistance
    fewest = min(len(first), len(second))
    with warnings.catch_warnings(), torch.random.fork_rng(devices=[]):
        # It warns about memory, but the features are in memory already.
        warnings.simplefilter("ignore")
        torch.manual_seed(seed)
        distance = KernelInceptionDistance(
            _passing_on(first.shape[1]),
            subsets=_SUBSETS if fewest > SUBSET_SIZE else 1,
            subset_size=min(SUBSET_SIZE, fewest),
        )
        distance.update(_rows(first), real=True)
        distance.update(_rows(second), real=False)
        mean, _ = distance.compute()
    return float(mean)


def _check_features(first: NDArray[np.floating], second: NDArray[np.floating]) -> None:
    if first.ndim != 2 or second.ndim != 2 or first.shape[1] != second.shape[1]:
        raise InputError(
            "A distance of sets compares features of shapes (N, D) and (M, D), but got "
            f"{first.shape} and {second.shape}."
        )
    if min(len(first), len(second)) < 2:
        raise InputError("A distance of sets needs at least two pictures in each.")


def _passing_on(width: int) -> torch.nn.Module:
    """An identity network for torchmetrics, for features that are computed already."""
    from torch import nn

    network = nn.Identity()
    network.num_features = width  # type: ignore[assignment]  # torchmetrics reads an int
    return network


def _rows(features: NDArray[np.floating]) -> torch.Tensor:
    import torch

    return torch.from_numpy(np.ascontiguousarray(features, np.float64))
