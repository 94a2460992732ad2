"""The face in a reference photo: where it is, and whether it is fit for a masked one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from weights.base.errors import InputError
from weights.landmarks.head_pose import estimate_yaw
from weights.landmarks.points import eye_distance

if TYPE_CHECKING:
    from collections.abc import Sequence

    from weights.base.contracts import Image
    from weights.landmarks import FoundFace
    from weights.landmarks.frame import Points

LEAST_EYES = 24.0
"""Least distance of the outer eye corners in a reference, in pixels."""

LEAST_SCALE = 0.5
"""Least size of a reference's face, as a share of the face that is to be filled."""

MOST_TURN = 25.0
"""Most degrees by which both heads may be turned apart."""


@dataclass(frozen=True, eq=False)
class ReferenceFace:
    """A reference photo and the landmarks of its face.

    Attributes:
        image: uint8 RGB `(H, W, 3)`.
        points: iBUG points `(68, 2)`, x y in pixels.
    """

    image: Image
    points: Points


class UnfitReferenceError(InputError):
    """A reference photo cannot be used; the sentence says why."""


def check_reference(image: Image, found: FoundFace | None, name: str) -> ReferenceFace:
    """Take what was found in a reference photo for a reference, if it is fit for any face.

    Args:
        image: uint8 RGB `(H, W, 3)`.
        found: the face in it.
        name: what the sentence calls the photo.

    Raises:
        UnfitReferenceError: there is no face, it wears a mask, or it is too small.
    """
    if found is None:
        raise UnfitReferenceError(
            f"No face is found in {name}: an upright one is needed that fills much of the photo."
        )
    if found.is_masked:
        raise UnfitReferenceError(f"The face in {name} wears a mask itself: one without is needed.")
    eyes = eye_distance(found.points)
    if eyes < LEAST_EYES:
        raise UnfitReferenceError(
            f"The face in {name} is too small: its eyes' outer corners are {eyes:.0f} pixels "
            f"apart, at least {LEAST_EYES:.0f} are needed."
        )
    return ReferenceFace(image, found.points)


def check_fit(face: ReferenceFace, target: Points, name: str) -> float:
    """Say how ill a reference fits a face that is to be filled; 0 is best.

    Args:
        face: the reference's.
        target: iBUG points `(68, 2)` of the other face.
        name: what the sentence calls the photo.

    Raises:
        UnfitReferenceError: the reference is too small for it, or turned too far from it.
    """
    scale = eye_distance(face.points) / max(eye_distance(target), 1e-6)
    if scale < LEAST_SCALE:
        raise UnfitReferenceError(
            f"The face in {name} is too small: it has {100 * scale:.0f} % of the size of the face "
            f"in the picture, at least {100 * LEAST_SCALE:.0f} % are needed."
        )
    turn = abs(estimate_yaw(face.points) - estimate_yaw(target))
    # A yaw that is no number comes of points that are no face's.
    if not turn <= MOST_TURN:
        raise UnfitReferenceError(
            f"The face in {name} is turned too far from that in the picture: {turn:.0f} degrees, "
            f"at most {MOST_TURN:.0f} fit."
        )
    return float(turn / MOST_TURN + max(0.0, 1.0 - scale))


def best_reference(
    faces: Sequence[ReferenceFace | UnfitReferenceError], target: Points, names: Sequence[str]
) -> tuple[int, ReferenceFace]:
    """Choose the reference that fits best, and give its index with it.

    Args:
        faces: of each reference its face, or why it has none that is fit.
        target: iBUG points `(68, 2)` of the face that is to be filled.
        names: what sentences call the references.

    Raises:
        UnfitReferenceError: none fits; one sentence for each.
    """
    fits: list[tuple[float, int, ReferenceFace]] = []
    reasons = []
    for index, (face, name) in enumerate(zip(faces, names, strict=True)):
        try:
            if isinstance(face, UnfitReferenceError):
                raise face
            fits.append((check_fit(face, target, name), index, face))
        except UnfitReferenceError as reason:
            reasons.append(str(reason))
    if not fits:
        raise UnfitReferenceError(" ".join(reasons))
    _, index, face = min(fits, key=lambda fit: fit[:2])
    return index, face


def check_any_fit(faces: Sequence[ReferenceFace | UnfitReferenceError]) -> None:
    """Refuse references of which none is fit for any face.

    Raises:
        UnfitReferenceError: one sentence for each.
    """
    reasons = [str(face) for face in faces if isinstance(face, UnfitReferenceError)]
    if len(reasons) == len(faces):
        raise UnfitReferenceError(" ".join(reasons))
