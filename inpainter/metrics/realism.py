"""Whether filled faces look like photos: distance of sets, and whether a classifier tells them.

Both look at features of EfficientNet-Lite2 inside the holes. Networks are trained by those of Lite0
(`inpainter.discriminators.projected`), for who is measured by what taught him is flattered.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from weights.device import resolve_device
from weights.errors import InputError, MissingDependencyError

if TYPE_CHECKING:
    from collections.abc import Sequence

    import torch
    from numpy.typing import NDArray

    from weights.contracts import Hole, Image

_VARIANT: Final = 2
_SUBSETS: Final = 100
_SUBSET_SIZE: Final = 50
_COMPONENTS: Final = 32
_FOLDS: Final = 5
_PENALTY: Final = 0.1
"""Logistic regression's C: the smaller, the simpler its borders."""


class HoleFeatures:
    """Features of what lies inside a hole: `(992,)` for each picture.

    Mean and standard deviation inside the hole of each channel of stages 1, 2, 4 and 6, counted
    from 0; a coarse position counts as much as the hole covers it.

    Args:
        device: "auto" or a torch device.

    Raises:
        MissingDependencyError: timm or the weights of EfficientNet-Lite2 are not installed.
    """

    def __init__(self, device: str | torch.device = "auto") -> None:
        from inpainter.imagenet_features import ImageNetFeatures

        self._device = resolve_device(device)
        self._network = ImageNetFeatures(_VARIANT).to(self._device)

    def __call__(self, pictures: Sequence[Image], holes: Sequence[Hole]) -> NDArray[np.float32]:
        """Give `(N, 992)` for N uint8 RGB pictures `(H, W, 3)` of one size and their holes.

        Raises:
            InputError: a hole is empty.
        """
        import torch
        from torch.nn import functional

        if not all(hole.any() for hole in holes):
            raise InputError("Features inside a hole need a hole that is not empty.")
        stacked = torch.from_numpy(np.stack(pictures)).to(self._device)
        batch = stacked.permute(0, 3, 1, 2).float() / 127.5 - 1.0
        missing = torch.from_numpy(np.stack(holes)[:, None]).to(self._device).float()
        rows = []
        with torch.inference_mode():
            for features in self._network(batch):
                share = functional.interpolate(missing, features.shape[-2:], mode="area")
                share = share / share.sum(dim=(2, 3), keepdim=True)
                mean = (features * share).sum(dim=(2, 3))
                spread = (features - mean[:, :, None, None]).square() * share
                rows += [mean, spread.sum(dim=(2, 3)).sqrt()]
        return np.asarray(torch.cat(rows, dim=1).cpu().numpy(), np.float32)


def realism_distance(
    filled: NDArray[np.floating], true: NDArray[np.floating], seed: int = 0
) -> float:
    """Kernel distance of filled from true faces; about 0 where they cannot be told.

    Features are standardised by the true faces; the mean is taken over 100 random subsets of 50.
    Unbiased, so it may be a little under 0.

    Args:
        filled: features `(N, D)`.
        true: features `(N, D)`.
        seed: of the subsets.

    Raises:
        InputError: the shapes do not fit.

    Source: Bińkowski et al. 2018, "Demystifying MMD GANs", with the cubic kernel.
    """
    _check(filled, true)
    first, second = _standardised(filled, true)
    random = np.random.default_rng(seed)
    size = min(_SUBSET_SIZE, len(first))
    subsets = _SUBSETS if size < len(first) else 1
    distances = [
        _cubic_discrepancy(
            first[random.choice(len(first), size, replace=False)],
            second[random.choice(len(second), size, replace=False)],
        )
        for _ in range(subsets)
    ]
    return float(np.mean(distances))


def detectability(filled: NDArray[np.floating], true: NDArray[np.floating], seed: int = 0) -> float:
    """How well a linear classifier tells filled from true faces: AUC, 0.5 where it cannot.

    Cross-validated in five folds; a filled face and its true one are in the same fold, so that a
    face cannot be known again. Features are standardised and brought to 32 principal components.

    Args:
        filled: features `(N, D)`.
        true: features `(N, D)` of the same faces, in the same order.
        seed: deals the pairs out to folds.

    Raises:
        InputError: the shapes do not fit, or there are fewer than ten pairs.
        MissingDependencyError: scikit-learn is not installed; it is in the extra `evaluate`.
    """
    _check(filled, true)
    if len(filled) != len(true) or len(filled) < 2 * _FOLDS:
        raise InputError(
            f"Detectability needs at least {2 * _FOLDS} pairs of a filled and a true face, but got "
            f"{len(filled)} and {len(true)}."
        )
    try:
        from sklearn.decomposition import PCA
        from sklearn.linear_model import LogisticRegression
        from sklearn.metrics import roc_auc_score
        from sklearn.model_selection import GroupKFold, cross_val_predict
        from sklearn.pipeline import make_pipeline
        from sklearn.preprocessing import StandardScaler
    except ImportError as error:
        raise MissingDependencyError(
            "Detectability needs scikit-learn, which is not installed: pip install "
            "'unmask[evaluate]'."
        ) from error
    # Standardised by the true faces: a PCA of features in their own units sees only the coarsest.
    rows = np.concatenate(_standardised(filled, true))
    labels = np.repeat([1, 0], len(filled))
    components = min(_COMPONENTS, 2 * len(filled) * (_FOLDS - 1) // _FOLDS - 1, rows.shape[1])
    classifier = make_pipeline(
        PCA(components, random_state=seed),
        StandardScaler(),
        LogisticRegression(C=_PENALTY, max_iter=2000),
    )
    pairs = np.tile(np.random.default_rng(seed).permutation(len(filled)), 2)
    scores = cross_val_predict(
        classifier, rows, labels, groups=pairs, cv=GroupKFold(_FOLDS), method="decision_function"
    )
    return float(roc_auc_score(labels, scores))


def _standardised(
    filled: NDArray[np.floating], true: NDArray[np.floating]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    mean, std = true.mean(axis=0, dtype=np.float64), true.std(axis=0, dtype=np.float64)
    std = np.where(std > 1e-6, std, 1.0)
    return (filled - mean) / std, (true - mean) / std


def _cubic_discrepancy(first: NDArray[np.float64], second: NDArray[np.float64]) -> float:
    """Squared maximum mean discrepancy under (x . y / D + 1)^3, unbiased."""
    width, count, other = first.shape[1], len(first), len(second)
    own = (first @ first.T / width + 1.0) ** 3
    others = (second @ second.T / width + 1.0) ** 3
    across = (first @ second.T / width + 1.0) ** 3
    return float(
        (own.sum() - np.trace(own)) / (count * (count - 1))
        + (others.sum() - np.trace(others)) / (other * (other - 1))
        - 2.0 * across.mean()
    )


def _check(filled: NDArray[np.floating], true: NDArray[np.floating]) -> None:
    if filled.ndim != 2 or filled.shape[1:] != true.shape[1:] or min(len(filled), len(true)) < 2:
        raise InputError(
            "Realism compares features of shapes (N, D) and (M, D), N and M at least 2, but got "
            f"{filled.shape} and {true.shape}."
        )
