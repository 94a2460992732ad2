"""Thin-plate splines: warp the plane so that given points move to their targets."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from detector.synthesis.outline import Points


def thin_plate(
    source: Points, target: Points, x: NDArray[np.float32], y: NDArray[np.float32]
) -> Points:
    """Map points by the thin-plate spline from `source` to `target` (Bookstein 1989)."""
    scale = float(np.ptp(source, axis=0).max())
    origin = source.mean(axis=0)

    def kernel(distance: NDArray[np.floating]) -> NDArray[np.floating]:
        return distance * np.log(np.maximum(distance, 1e-9)) * 0.5

    nodes = (source - origin) / scale
    count = len(nodes)
    square = np.square(nodes[:, None] - nodes[None]).sum(axis=2)
    # Slight regularisation keeps badly placed landmarks from folding the mask.
    system = np.zeros((count + 3, count + 3))
    system[:count, :count] = kernel(square) + 0.03 * np.eye(count)
    system[:count, count] = 1.0
    system[:count, count + 1 :] = nodes
    system[count:, :count] = system[:count, count:].T
    weights = np.linalg.solve(system, np.concatenate([target, np.zeros((3, 2))]))
    flat = (np.stack([x.ravel(), y.ravel()], axis=1) - origin) / scale
    distance = np.square(flat[:, None] - nodes[None]).sum(axis=2)
    return np.asarray(
        kernel(distance) @ weights[:count] + weights[count] + flat @ weights[count + 1 :]
    )
