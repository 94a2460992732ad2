"""Outline of a mask on a face, fitted to 68 landmarks.

The landmarks are the iBUG 68 points `(68, 2)`, x y in pixels: 0-16 jaw from ear to ear (image left
to image right), 27-30 nose bridge, 31-35 nostrils, 36-47 eyes, 48-67 mouth.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from weights.base.errors import InputError

Points = NDArray[np.float64]
MaskKind = Literal["surgical", "cloth", "n95", "kn95"]
MASK_KINDS: tuple[MaskKind, ...] = get_args(MaskKind)
OutlineStyle = Literal["surgical", "cloth", "n95", "kn95", "moulded"]
"""The mask kinds, and the moulded foam or knit mask that tapers towards the ears."""
Worn = Literal["full", "under-nose", "chin"]
WORN: tuple[Worn, ...] = get_args(Worn)


@dataclass(frozen=True)
class MaskOutline:
    """The upper and the lower edge of a mask on one face.

    Attributes:
        kind: of the mask.
        top: upper edge `(K, 2)`, x y pixels, from image left over the nose to image right.
        bottom: lower edge `(K, 2)`, from image left under the chin to image right; it begins and
            ends at the lower corners, so the sides are the straight lines from `top` to `bottom`.
    """

    kind: OutlineStyle
    top: Points
    bottom: Points

    @property
    def polygon(self) -> Points:
        """The closed outline `(2K, 2)`, x y pixels, clockwise from the upper left corner."""
        return np.concatenate([self.top, self.bottom[::-1]])

    @property
    def width(self) -> float:
        """The extent of the outline along the line between the upper corners, in pixels."""
        return float(np.linalg.norm(self.top[-1] - self.top[0]))


def check_landmarks(landmarks: NDArray[np.floating]) -> Points:
    """Return the landmarks as float64 `(68, 2)`.

    Raises:
        InputError: the shape is wrong, or a value is not finite.
    """
    points = np.asarray(landmarks, dtype=np.float64)
    if points.shape != (68, 2) or not np.isfinite(points).all():
        raise InputError(
            "landmarks must be 68 finite x y points of shape (68, 2), "
            f"but have shape {points.shape}."
        )
    return points


def _along(points: Points, position: float) -> Points:
    """The point at a fractional index of a polyline, whose end segments are extrapolated."""
    index = int(np.clip(np.floor(position), 0, len(points) - 2))
    return points[index] + (position - index) * (points[index + 1] - points[index])


def smooth_curve(control: Points, samples: int = 48) -> Points:
    """A centripetal Catmull-Rom curve through control points `(C, 2)`, sampled `(samples, 2)`.

    Source: Yuksel et al. 2011, "Parameterization and applications of Catmull-Rom curves".
    """
    padded = np.concatenate(
        [2 * control[:1] - control[1:2], control, 2 * control[-1:] - control[-2:-1]]
    )
    knots = np.concatenate(
        [[0.0], np.cumsum(np.maximum(np.linalg.norm(np.diff(padded, axis=0), axis=1), 1e-6) ** 0.5)]
    )
    at = np.linspace(knots[1], knots[-2], samples)
    segment = np.clip(np.searchsorted(knots, at, side="right") - 1, 1, len(control) - 1)
    t0, t1, t2, t3 = (knots[segment + offset][:, None] for offset in (-1, 0, 1, 2))
    p0, p1, p2, p3 = (padded[segment + offset] for offset in (-1, 0, 1, 2))
    t = at[:, None]
    a1 = (t1 - t) / (t1 - t0) * p0 + (t - t0) / (t1 - t0) * p1
    a2 = (t2 - t) / (t2 - t1) * p1 + (t - t1) / (t2 - t1) * p2
    a3 = (t3 - t) / (t3 - t2) * p2 + (t - t2) / (t3 - t2) * p3
    b1 = (t2 - t) / (t2 - t0) * a1 + (t - t0) / (t2 - t0) * a2
    b2 = (t3 - t) / (t3 - t1) * a2 + (t - t1) / (t3 - t1) * a3
    return np.asarray((t2 - t) / (t2 - t1) * b1 + (t - t1) / (t2 - t1) * b2)


@dataclass(frozen=True)
class _Fit:
    """How one kind of mask sits; each pair is a range to sample from.

    Attributes:
        bridge: where the upper edge crosses the nose bridge: 0 at landmark 27, 1 at 30.
        side_top: upper corner along the jaw, as a landmark index from the ear.
        side_bottom: lower corner, likewise.
        inset: how far the corners lie inside the jaw line, as a fraction of the half width.
        chin: how far the lower edge hangs below the chin, as a fraction of the face's height.
        belly: how far the lower edge stands off the jaw, likewise.
        wire: how peaked the upper edge is at the nose, 0 for a straight line.
    """

    bridge: tuple[float, float]
    side_top: tuple[float, float]
    side_bottom: tuple[float, float]
    inset: tuple[float, float]
    chin: tuple[float, float]
    belly: tuple[float, float]
    wire: tuple[float, float]


_FITS: dict[OutlineStyle, _Fit] = {
    "surgical": _Fit(
        (0.05, 0.75), (0.6, 2.8), (3.6, 6.0), (0.0, 0.16), (-0.01, 0.09), (-0.02, 0.05), (0.3, 1.0)
    ),
    "cloth": _Fit(
        (0.1, 0.8), (0.4, 2.6), (3.4, 5.8), (-0.02, 0.14), (-0.02, 0.1), (-0.02, 0.05), (0.2, 0.9)
    ),
    "n95": _Fit(
        (0.0, 0.6), (1.4, 3.4), (3.8, 5.6), (0.06, 0.28), (-0.03, 0.08), (0.0, 0.06), (0.6, 1.2)
    ),
    "kn95": _Fit(
        (0.0, 0.65), (1.0, 3.0), (3.6, 5.6), (0.0, 0.2), (-0.02, 0.1), (0.0, 0.06), (0.5, 1.2)
    ),
    "moulded": _Fit(
        (0.0, 0.7), (0.5, 1.6), (2.0, 3.4), (-0.04, 0.05), (-0.02, 0.07), (-0.03, 0.02), (0.5, 1.3)
    ),
}

# A mask that slid down: where its upper edge crosses the face (from one landmark towards another)
# and how far its corners follow, in landmark indices.
_SLID: dict[Worn, tuple[int, int, tuple[float, float], tuple[float, float]]] = {
    "under-nose": (33, 51, (0.0, 0.7), (0.3, 1.6)),
    "chin": (57, 8, (0.15, 0.6), (1.8, 3.2)),
}


@dataclass(frozen=True)
class _FaceAxes:
    """Axes of a face in the picture.

    Attributes:
        centre: of the face, x y pixels.
        down: unit vector from the nose bridge to the chin.
        right: unit vector across, towards the ear at image right.
        height: from bridge to chin, in pixels.
    """

    centre: Points
    down: Points
    right: Points
    height: float

    @classmethod
    def of(cls, points: Points) -> _FaceAxes:
        """The axes of a face's 68 landmarks."""
        down = points[8] - points[27]
        height = float(np.linalg.norm(down)) or 1.0
        down = down / height
        right = np.array([down[1], -down[0]])
        if float(right @ (points[16] - points[0])) < 0:
            right = -right
        return cls(points[[27, 30, 33, 51, 57, 8]].mean(axis=0), down, right, height)

    def across(self, points: Points) -> Points:
        """How far points `(..., 2)` lie to the right of the centre."""
        return np.asarray((points - self.centre) @ self.right)

    def inward(self, point: Points, share: float) -> Points:
        """Move a point towards the midline by a fraction of its distance."""
        return point - share * float(self.across(point)) * self.right

    def past(self, point: Points, others: Points, side: float) -> Points:
        """Move a point across, left for `side` -1 or right for 1, until past others."""
        reach = side * float(self.across(point))
        needed = float((side * self.across(others)).max()) + 0.04 * self.height
        return point + side * max(0.0, needed - reach) * self.right


def fit_outline(
    landmarks: NDArray[np.floating],
    kind: OutlineStyle,
    random: np.random.Generator,
    *,
    worn: Worn = "full",
) -> MaskOutline:
    """Fit a mask of one kind to a face, with slightly random variation.

    Points are placed along landmark lines, and so follow head turn and tilt. On a turned face the
    far edge is pushed out past the nose, where a worn mask stands off the face.

    Args:
        landmarks: iBUG points `(68, 2)`, x y in pixels.
        kind: one of `MASK_KINDS`, or "moulded".
        random: random generator.
        worn: "full" over the nose, or slid down to "under-nose" or to the "chin".

    Raises:
        InputError: the landmarks are malformed, or the kind or the way of wearing is unknown.
    """
    points = check_landmarks(landmarks)
    if kind not in _FITS:
        raise InputError(f"Unknown mask kind {kind!r}: use one of {', '.join(_FITS)}.")
    if worn not in WORN:
        raise InputError(f"Unknown way of wearing {worn!r}: use one of {', '.join(WORN)}.")
    fit = _FITS[kind]
    jaw = points[:17]
    bridge = _along(points[27:31], 3 * random.uniform(*fit.bridge))
    axes = _FaceAxes.of(points)
    height, down, right = axes.height, axes.down, axes.right

    corner_top, corner_bottom = random.uniform(*fit.side_top), random.uniform(*fit.side_bottom)
    inset = random.uniform(*fit.inset)
    chin, belly = random.uniform(*fit.chin), random.uniform(*fit.belly)
    wire = random.uniform(*fit.wire)
    if worn != "full":
        start, end, share, follow = _SLID[worn]
        bridge = points[start] + random.uniform(*share) * (points[end] - points[start])
        slide = random.uniform(*follow)
        corner_top = min(corner_top + slide, 5.0)
        corner_bottom = min(max(corner_bottom + 0.5 * slide, corner_top + 0.9), 6.6)
        chin += random.uniform(0.0, 0.1)
        wire *= 0.4

    def jaw_point(position: float) -> Points:
        return _along(jaw, position + random.normal(0.0, 0.15))

    left_top = axes.inward(jaw_point(corner_top), inset)
    right_top = axes.inward(jaw_point(16 - corner_top), inset)
    left_bottom = axes.inward(jaw_point(corner_bottom), inset * 0.6)
    right_bottom = axes.inward(jaw_point(16 - corner_bottom), inset * 0.6)

    # The nose of a turned head extends past the far cheek; the mask covers it with a gap.
    covered = points[[28, 29, 30, 31, 35] if worn == "full" else [51, 57, 8]]
    left_top = axes.past(left_top, covered, -1.0)
    right_top = axes.past(right_top, covered, 1.0)

    def cheek(corner: Points) -> Points:
        flat = corner + 0.62 * (bridge - corner)
        sag = (0.02 + 0.05 * wire) * height
        return np.asarray(flat + sag * down * random.uniform(0.4, 1.2))

    wing = 0.05 * height * right
    top = smooth_curve(
        np.stack(
            [left_top, cheek(left_top), bridge - wing, bridge + wing, cheek(right_top), right_top]
        )
    )

    under = [
        _below_jaw(points, axes, float(position), belly, chin)
        for position in np.linspace(corner_bottom, 16 - corner_bottom, 7)[1:-1]
    ]
    bottom = smooth_curve(np.stack([left_bottom, *under, right_bottom]))
    return MaskOutline(kind, top, bottom)


def _below_jaw(
    points: Points, axes: _FaceAxes, position: float, belly: float, chin: float
) -> Points:
    """A point of the lower edge below a position on the jaw; see `_Fit` for belly and chin."""
    point = _along(points[:17], position)
    outward = point - points[[30, 51]].mean(axis=0)
    outward = outward / (np.linalg.norm(outward) or 1.0)
    closeness = max(0.0, 1.0 - abs(position - 8.0) / 8.0)
    return np.asarray(
        point + belly * axes.height * outward + closeness**2 * chin * axes.height * axes.down
    )
