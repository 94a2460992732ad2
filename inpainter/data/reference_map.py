"""A photo of a face, warped to the landmarks of the face to complete and matched in light."""

from __future__ import annotations

from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from inpainter.postprocess.poisson import harmonic
from weights.base.contracts import FacePhoto, Hole, Image, Mask
from weights.landmarks.frame import Points
from weights.landmarks.points import eye_distance

_GRID: Final = 24
"""Grid points along a side at which the warp is computed; in between it is interpolated."""

_SMOOTHING: Final = 1e-3
"""Smoothing of the thin-plate spline, for noisy points with coordinates in eye distances."""

_LIGHT_SIDE: Final = 64
"""Side at which differences in lightness are extrapolated into the hole."""

_LIGHT_TOLERANCE: Final = 0.06
"""Largest residual of that extrapolation, in levels of lightness from 0 to 100."""

_LEAST_SKIN: Final = 16
"""Least number of pixels of visible skin for matching the light."""

_SKIN_RIM: Final = 0.05
"""How far inside the face's outline skin begins, as a fraction of the face's extent."""


def fit_photo(
    photo: FacePhoto, crop: Image, hole: Hole, points: Points
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Fit a photo to the face of a crop: its shape to the landmarks, its light to the skin.

    Args:
        photo: the photo.
        crop: uint8 RGB `(S, S, 3)`; the inside of the hole is ignored.
        hole: bool `(S, S)`.
        points: iBUG points `(68, 2)` of the crop's face, x y in its pixels.

    Returns:
        The warped photo, float32 RGB `(S, S, 3)`, 0 to 255; and the depth of the crop's pixels
        inside the face, in extents of the face, float32 `(S, S)`, 0 where the photo has none.

    Source: Bookstein 1989, "Principal Warps"; Reinhard et al. 2001, "Color Transfer between
    Images".
    """
    warped, shown = warp_face(photo, points, hole.shape[0])
    depth = _depth_in_face(points, hole.shape[0], shown)
    return match_light(crop, warped, (depth > _SKIN_RIM) & ~hole), depth


def reference_map(photo: FacePhoto, crop: Image, hole: Hole, points: Points) -> NDArray[np.uint8]:
    """Fit a photo to a crop, as a guide for completion; the arguments are those of `fit_photo`.

    Returns:
        uint8 `(S, S, 4)`: RGB, black outside the face, and 255 where the photo shows the face.
    """
    lit, depth = fit_photo(photo, crop, hole, points)
    shown = depth > 0.0
    drawn = np.zeros((*hole.shape, 4), np.uint8)
    drawn[shown, :3] = np.rint(lit[shown])
    drawn[shown, 3] = 255
    return drawn


def warp_face(photo: FacePhoto, points: Points, side: int) -> tuple[NDArray[np.float32], Mask]:
    """Warp a photo of a face to landmarks by a thin-plate spline.

    Args:
        photo: the photo.
        points: target iBUG points `(68, 2)`, in pixels of the result.
        side: of the result.

    Returns:
        The warped photo, float32 RGB `(side, side, 3)`, and where it has pixels, bool.
    """
    from scipy.interpolate import RBFInterpolator

    image, own = photo
    unit = max(eye_distance(points), 1.0)
    scale = unit / max(eye_distance(own), 1e-6)
    if scale < 1.0:
        # A plain warp would skip pixels, so the photo is first reduced by area averaging.
        shape = (max(1, round(scale * image.shape[1])), max(1, round(scale * image.shape[0])))
        own = (own + 0.5) * (shape[0] / image.shape[1]) - 0.5
        image = np.asarray(cv2.resize(image, shape, interpolation=cv2.INTER_AREA), np.uint8)
    spline = RBFInterpolator(
        points / unit, own / unit, kernel="thin_plate_spline", smoothing=_SMOOTHING
    )
    places = np.linspace(0.0, side - 1.0, _GRID)
    across, down = np.meshgrid(places, places)
    bent = spline(np.column_stack([across.ravel(), down.ravel()]) / unit) * unit
    # Between grid points the warp is interpolated linearly at every pixel.
    steps = (np.arange(side) * ((_GRID - 1) / max(side - 1, 1))).astype(np.float32)
    columns, rows = np.meshgrid(steps, steps)
    x, y = (
        cv2.remap(plane.astype(np.float32), columns, rows, cv2.INTER_LINEAR)
        for plane in bent.T.reshape(2, _GRID, _GRID)
    )
    warped = cv2.remap(image, x, y, cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)
    height, width = image.shape[:2]
    shown = (x >= 0) & (x <= width - 1) & (y >= 0) & (y <= height - 1)
    return np.asarray(warped, np.float32), np.asarray(shown, np.bool_)


def match_light(crop: Image, warped: NDArray[np.float32], skin: Mask) -> NDArray[np.float32]:
    """Match a warped reference to the colours and the light of the visible skin.

    In Lab, the skin's mean and standard deviation become the crop's; the remaining difference in
    lightness, not in colour, is extrapolated smoothly from the skin.

    Args:
        crop: uint8 RGB `(S, S, 3)`.
        warped: float32 RGB `(S, S, 3)`, 0 to 255.
        skin: bool `(S, S)`, where both show the same face; if it is empty nothing changes.

    Returns:
        float32 RGB `(S, S, 3)`, 0 to 255.
    """
    wanted, own = _lab(crop.astype(np.float32)), _lab(np.clip(warped, 0.0, 255.0))
    skin = skin & _alike(wanted - own, skin)
    if np.count_nonzero(skin) < _LEAST_SKIN:
        return warped
    # Skin of a single shade says nothing about contrast: then the photo keeps its own.
    spread = (wanted[skin].std(axis=0) + 2.0) / (own[skin].std(axis=0) + 2.0)
    matched = (own - own[skin].mean(axis=0)) * np.clip(spread, 0.85, 1.2)
    matched += wanted[skin].mean(axis=0)
    matched[..., 0] += _continued(wanted[..., 0] - matched[..., 0], skin)
    matched[..., 0] = np.clip(matched[..., 0], 0.0, 100.0)
    lit = cv2.cvtColor(matched.astype(np.float32), cv2.COLOR_LAB2RGB)
    return np.asarray(np.clip(255.0 * lit, 0.0, 255.0), np.float32)


def _alike(difference: NDArray[np.float32], skin: Mask) -> Mask:
    """Where two pictures differ only as skin in other light does: not straps, hair or glasses."""
    if not skin.any():
        return skin
    off = np.abs(difference - np.median(difference[skin], axis=0)).max(axis=2)
    return off <= np.maximum(3.0 * np.median(off[skin]), 6.0)


def _continued(difference: NDArray[np.float32], skin: Mask) -> NDArray[np.float32]:
    """A plane's difference on the skin, smoothed and extrapolated by Laplace's equation."""
    side = skin.shape[0]
    known = skin.astype(np.float32)
    small = (min(side, _LIGHT_SIDE),) * 2
    share = cv2.resize(known, small, interpolation=cv2.INTER_AREA)
    mean = cv2.resize(difference * known, small, interpolation=cv2.INTER_AREA)
    # Average over neighbouring pixels, so that a mole or a lash is not taken for light.
    share, mean = cv2.GaussianBlur(share, (0, 0), 2.0), cv2.GaussianBlur(mean, (0, 0), 2.0)
    held = share > 0.3
    if not held.any():
        return np.zeros_like(difference)
    levels = mean / np.maximum(share, 1e-6)
    begun = np.where(held, levels, levels[held].mean()).astype(np.float32)
    field = harmonic(begun, (~held).astype(np.float32), _LIGHT_TOLERANCE)
    smooth = cv2.GaussianBlur(field, (0, 0), 1.5)
    return np.asarray(cv2.resize(smooth, (side, side), interpolation=cv2.INTER_LINEAR), np.float32)


def face_area(points: Points, side: int) -> NDArray[np.uint8]:
    """The hull of the face's points `(68, 2)`, uint8 `(side, side)`, 1 inside."""
    area = np.zeros((side, side), np.uint8)
    hull = cv2.convexHull(np.rint(points).astype(np.int32))
    return np.asarray(cv2.fillConvexPoly(area, hull, 1), np.uint8)


def _depth_in_face(points: Points, side: int, shown: Mask) -> NDArray[np.float32]:
    """Depth of pixels inside the face, in extents of the face; 0 where the photo has no pixels."""
    inside = face_area(points, side) & shown.astype(np.uint8)
    distance = cv2.distanceTransform(inside, cv2.DIST_L2, cv2.DIST_MASK_5)
    extent = max(1.0, float((points.max(axis=0) - points.min(axis=0)).max()))
    return np.asarray(distance / extent, np.float32)


def _lab(image: NDArray[np.float32]) -> NDArray[np.float32]:
    return np.asarray(cv2.cvtColor(image / 255.0, cv2.COLOR_RGB2LAB), np.float32)
