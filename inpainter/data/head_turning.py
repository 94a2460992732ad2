"""Turning heads in photos farther to the side in 3D, because profiles are rare.

After Zhu et al. 2016, "Face Alignment Across Large Poses: A 3D Solution", section 4. The face is a
triangle mesh textured with the photo. Rings of points round it, which lie farther back and turn
less the farther out they are, move hair, ears and neck along and keep the background in place.

Meshes are MediaPipe's Face Mesh (Kartynnik et al. 2019): 468 points, x and y in pixels of the
picture, z in pixels away from the camera.
"""

from __future__ import annotations

import math
from itertools import pairwise
from typing import Final, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.spatial import Delaunay

from weights.base.contracts import Image

Points = NDArray[np.float64]

_FOREHEAD, _CHIN, _LEFT, _RIGHT = 10, 152, 234, 454
"""Points of the mesh; left and right as seen in the picture, for a face that looks into the
camera."""

# fmt: off
_OUTLINE: Final = np.array([
    10, 338, 297, 332, 284, 251, 389, 356, 454, 323, 361, 288, 397, 365, 379, 378, 400, 377, 152,
    148, 176, 149, 150, 136, 172, 58, 132, 93, 234, 127, 162, 21, 54, 103, 67, 109,
])
"""The mesh's outline points, clockwise from the forehead."""

_LANDMARKS: Final = np.array([
    162, 234, 93, 58, 172, 136, 149, 148, 152, 377, 378, 365, 397, 288, 323, 454, 389,
    71, 63, 105, 66, 107, 336, 296, 334, 293, 301, 168, 197, 5, 4, 75, 97, 2, 326, 305,
    33, 160, 158, 133, 153, 144, 362, 385, 387, 263, 373, 380,
    61, 39, 37, 0, 267, 269, 291, 405, 314, 17, 84, 181, 78, 82, 13, 312, 308, 317, 14, 87,
])
"""The mesh point of each of the 68 iBUG landmarks."""
# fmt: on


class _Ring(NamedTuple):
    """A ring round the face: relative size, distance behind it, fraction of its turn."""

    size: float
    behind: float
    turned: float


_RINGS: Final = (_Ring(1.18, 0.18, 0.75), _Ring(1.45, 0.35, 0.35), _Ring(1.9, 0.35, 0.0))
"""From hair and ears out to the background; `behind` is a fraction of the face's width."""

_NECK_KEPT: Final = 0.7
"""Fraction of a ring's turn that the neck does not follow."""


class TurnedHead(NamedTuple):
    """A photo with its head turned.

    Attributes:
        image: uint8 RGB `(H, W, 3)`.
        landmarks: iBUG points `(68, 2)`, x y in pixels; those of the jaw's hidden side lie on the
            visible outline, where landmark detectors put them.
        made_up: fraction of the head's pixels that come from past the photo's border, by
            reflection.
    """

    image: Image
    landmarks: Points
    made_up: float


def mesh_yaw(mesh: Points) -> float:
    """Yaw of a mesh `(468, 3)` in degrees, positive to the right of the picture."""
    across, down = mesh[_RIGHT] - mesh[_LEFT], mesh[_CHIN] - mesh[_FOREHEAD]
    ahead = np.cross(down, across)
    return math.degrees(math.atan2(ahead[0], -ahead[2]))


def turn_head(image: Image, mesh: Points, landmarks: Points, degrees: float) -> TurnedHead:
    """Turn the head in a photo about its vertical axis.

    The far side is not in the photo, so turn a head farther to the side it already faces.

    Args:
        image: uint8 RGB `(H, W, 3)`.
        mesh: mesh of the face, `(468, 3)`.
        landmarks: landmarks of the face, `(68, 2)`.
        degrees: angle, positive to the right of the picture.
    """
    mesh = np.asarray(mesh, np.float64)
    turn = _Turn(mesh, math.radians(degrees))
    rings = [_ring(mesh, turn, ring) for ring in _RINGS]
    before = np.concatenate([mesh, *(points for points, _ in rings)])
    after = turn(before, np.concatenate([np.ones(len(mesh)), *(share for _, share in rings)]))
    drawing = _Drawing(image.shape[:2])
    for corners in _far_to_near(_strips(len(mesh)), after):
        drawing.add(before[corners, :2], after[corners, :2], on_face=False)
    face = Delaunay(turn.unrolled(mesh)).simplices
    face = face[~np.isin(face, _OUTLINE).all(axis=1)]
    for corners in _far_to_near(face, after):
        drawing.add(before[corners, :2], after[corners, :2], on_face=True)
    moved = after[_LANDMARKS, :2] + (landmarks - mesh[_LANDMARKS, :2])
    return TurnedHead(
        drawing.carry(image),
        _on_outline(moved, drawing.face, to_right=degrees > 0.0),
        drawing.made_up(),
    )


class _Turn:
    """A rotation about a head's vertical axis, which runs slightly behind the ears."""

    def __init__(self, mesh: Points, angle: float) -> None:
        across = mesh[_RIGHT] - mesh[_LEFT]
        self.width = float(np.linalg.norm(across))
        self.down = _unit(mesh[_CHIN] - mesh[_FOREHEAD])
        self.across = _unit(across)
        self.behind = _unit(np.cross(self.across, self.down))
        self.pivot = (mesh[_LEFT] + mesh[_RIGHT]) / 2.0 + 0.05 * self.width * self.behind
        self.angle = angle

    def __call__(self, points: Points, share: Points) -> Points:
        """Rotate points `(K, 3)`, each by its fraction `(K,)` of the angle (Rodrigues)."""
        away, axis = points - self.pivot, -self.down
        cosine, sine = np.cos(share * self.angle)[:, None], np.sin(share * self.angle)[:, None]
        along = (away @ axis)[:, None] * axis
        return np.asarray(
            self.pivot + away * cosine + np.cross(axis, away) * sine + along * (1.0 - cosine)
        )

    def unrolled(self, points: Points) -> Points:
        """Project points `(K, 3)` on the cylinder about the axis and unroll it, `(K, 2)`."""
        away = points - self.pivot
        angle = np.arctan2(away @ self.across, -away @ self.behind)
        return np.stack([0.5 * self.width * angle, away @ self.down], axis=1)


def _unit(vector: Points) -> Points:
    return np.asarray(vector / np.linalg.norm(vector))


def _ring(mesh: Points, turn: _Turn, ring: _Ring) -> tuple[Points, Points]:
    """Points of a ring `(36, 3)`, and the fraction of the head's turn `(36,)` that each follows."""
    outline, chin = mesh[_OUTLINE], mesh[_CHIN]
    centre = outline[:, :2].mean(axis=0)
    points = outline.copy()
    points[:, :2] = centre + ring.size * (outline[:, :2] - centre)
    points[:, 2] += ring.behind * turn.width
    low = np.clip((points - chin) @ turn.down / (0.2 * turn.width) + 1.0, 0.0, 1.0)
    below = np.clip(1.0 - np.abs((points - chin) @ turn.across) / (0.6 * turn.width), 0.0, 1.0)
    return points, ring.turned * (1.0 - _NECK_KEPT * low * below)


def _strips(first: int) -> NDArray[np.intp]:
    """Triangles `(T, 3)` from the face's outline to the rings, which start at index `first`."""
    count = len(_OUTLINE)
    loops = [_OUTLINE, *(first + count * k + np.arange(count) for k in range(len(_RINGS)))]
    strips = []
    for inner, outer in pairwise(loops):
        ahead, beyond = np.roll(inner, -1), np.roll(outer, -1)
        strips += [np.stack([inner, ahead, outer], 1), np.stack([ahead, beyond, outer], 1)]
    return np.concatenate(strips)


def _far_to_near(triangles: NDArray[np.intp], points: Points) -> NDArray[np.intp]:
    """Sort triangles `(T, 3)` from far to near, so that nearer ones are drawn last."""
    return np.asarray(triangles[np.argsort(-points[triangles][..., 2].mean(axis=1))])


class _Drawing:
    """The source position of each pixel of a turned photo, drawn triangle by triangle.

    Attributes:
        face: bool `(H, W)`, True on the face, without hair, ears and neck.
    """

    def __init__(self, size: tuple[int, int]) -> None:
        self.face = np.zeros(size, bool)
        self._head = np.zeros(size, bool)
        self._y, self._x = (plane.astype(np.float32) for plane in np.indices(size))

    def add(self, before: Points, after: Points, *, on_face: bool) -> None:
        """Map a triangle from its corners `(3, 2)` before the turn to those after it.

        Back-facing triangles of the face are skipped.
        """
        to_photo, area = np.linalg.lstsq(_homogeneous(after), before, rcond=None)[0], _area(after)
        if abs(area) < 1e-6 or (on_face and area * _area(before) < 0.0):
            return
        height, width = self.face.shape
        low = np.maximum(np.floor(after.min(axis=0)).astype(int), 0)
        high = np.minimum(np.ceil(after.max(axis=0)).astype(int) + 1, (width, height))
        if (low >= high).any():
            return
        y, x = np.mgrid[low[1] : high[1], low[0] : high[0]]
        places = np.stack([x.ravel(), y.ravel()], axis=1).astype(np.float64)
        inside = _inside(places, after, area)
        x, y = x.ravel()[inside], y.ravel()[inside]
        taken = _homogeneous(places[inside]) @ to_photo
        self._x[y, x], self._y[y, x] = taken[:, 0], taken[:, 1]
        self._head[y, x], self.face[y, x] = True, on_face

    def carry(self, image: Image) -> Image:
        """Render the turned photo, with the face's edge softened as in a photo."""
        turned = cv2.remap(
            image, self._x, self._y, cv2.INTER_CUBIC, borderMode=cv2.BORDER_REFLECT_101
        )
        edge = cv2.morphologyEx(
            self.face.astype(np.float32), cv2.MORPH_GRADIENT, np.ones((3, 3), np.uint8)
        )
        soft = cv2.GaussianBlur(edge, (0, 0), 0.7)[..., None]
        mixed = turned + soft * (cv2.GaussianBlur(turned, (0, 0), 0.8).astype(np.float32) - turned)
        return np.clip(np.rint(mixed), 0, 255).astype(np.uint8)

    def made_up(self) -> float:
        """Fraction of the head's pixels that come from past the photo's border."""
        height, width = self.face.shape
        past = (self._x < 0) | (self._x > width - 1) | (self._y < 0) | (self._y > height - 1)
        return float(past[self._head].mean()) if self._head.any() else 0.0


def _homogeneous(points: Points) -> Points:
    return np.concatenate([points, np.ones((len(points), 1))], axis=1)


def _area(corners: Points) -> float:
    """Twice the signed area of a triangle `(3, 2)`."""
    (a, b), (c, d) = corners[1] - corners[0], corners[2] - corners[0]
    return float(a * d - b * c)


def _inside(places: Points, corners: Points, area: float) -> NDArray[np.bool_]:
    """Which points `(K, 2)` lie in a triangle `(3, 2)`, including its edges."""
    inside = np.ones(len(places), bool)
    for start, end in ((0, 1), (1, 2), (2, 0)):
        edge, away = corners[end] - corners[start], places - corners[start]
        inside &= (edge[0] * away[:, 1] - edge[1] * away[:, 0]) / area > -1e-3
    return inside


def _on_outline(landmarks: Points, face: NDArray[np.bool_], *, to_right: bool) -> Points:
    """Move the landmarks of the jaw's hidden side to the face's outline."""
    placed = landmarks.copy()
    for number in range(9, 17) if to_right else range(8):
        row = round(float(placed[number, 1]))
        columns = np.flatnonzero(face[row]) if 0 <= row < len(face) else ()
        if len(columns):
            placed[number, 0] = columns[-1 if to_right else 0]
    return placed
