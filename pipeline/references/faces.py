"""The face in a reference photo, and whether it fits a masked face."""

from __future__ import annotations

from collections.abc import Sequence

from weights.base.contracts import FacePhoto, Image
from weights.base.errors import InputError
from weights.landmarks import FoundFace
from weights.landmarks.frame import Points
from weights.landmarks.head_pose import estimate_yaw
from weights.landmarks.points import eye_distance

LEAST_EYES = 24.0
"""Least distance between the outer eye corners in a reference, in pixels."""

LEAST_SCALE = 0.5
"""Least size of a reference's face, as a fraction of the size of the face to fill."""

MOST_TURN = 25.0
"""Largest difference in yaw between the two heads, in degrees."""


class UnfitReferenceError(InputError):
    """A reference photo cannot be used; the message says why."""


def check_reference(image: Image, found: FoundFace | None, name: str) -> FacePhoto:
    """Make a reference of the face found in a photo, if it is fit for any face.

    Args:
        image: uint8 RGB `(H, W, 3)`.
        found: the face in it.
        name: what the error message calls the photo.

    Raises:
        UnfitReferenceError: there is no face, it is masked, or it is too small.
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
    return FacePhoto(image, found.points)


def check_fit(face: FacePhoto, target: Points, name: str) -> float:
    """Measure how badly a reference fits a face to fill; 0 is best.

    Args:
        face: the reference.
        target: iBUG points `(68, 2)` of the face to fill.
        name: what the error message calls the photo.

    Raises:
        UnfitReferenceError: the reference is too small for it, or its yaw differs too much.
    """
    scale = eye_distance(face.points) / max(eye_distance(target), 1e-6)
    if scale < LEAST_SCALE:
        raise UnfitReferenceError(
            f"The face in {name} is too small: it has {100 * scale:.0f} % of the size of the face "
            f"in the picture, at least {100 * LEAST_SCALE:.0f} % are needed."
        )
    turn = abs(estimate_yaw(face.points) - estimate_yaw(target))
    # A yaw of nan comes from points that are not those of a face.
    if not turn <= MOST_TURN:
        raise UnfitReferenceError(
            f"The face in {name} is turned too far from that in the picture: {turn:.0f} degrees, "
            f"at most {MOST_TURN:.0f} fit."
        )
    return float(turn / MOST_TURN + max(0.0, 1.0 - scale))


def best_reference(
    faces: Sequence[FacePhoto | UnfitReferenceError], target: Points, names: Sequence[str]
) -> tuple[int, FacePhoto]:
    """Choose the reference that fits best, and return it with its index.

    Args:
        faces: for each reference its face, or the reason why it is unfit.
        target: iBUG points `(68, 2)` of the face to fill.
        names: what error messages call the references.

    Raises:
        UnfitReferenceError: none fits; one sentence for each.
    """
    fits: list[tuple[float, int, FacePhoto]] = []
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


def check_any_fit(faces: Sequence[FacePhoto | UnfitReferenceError]) -> None:
    """Refuse references if none is fit for any face.

    Raises:
        UnfitReferenceError: one sentence for each.
    """
    reasons = [str(face) for face in faces if isinstance(face, UnfitReferenceError)]
    if len(reasons) == len(faces):
        raise UnfitReferenceError(" ".join(reasons))
