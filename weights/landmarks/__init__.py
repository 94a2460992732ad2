"""Predicting the 68 iBUG landmarks of faces, masked or not, with a small network."""

from weights.landmarks.covering import covered
from weights.landmarks.finder import FindsFaces, FoundFace, LandmarkFinder, shared_finder
from weights.landmarks.frame import FaceFrame
from weights.landmarks.points import (
    GROUPS,
    MIRRORED,
    OUTER_EYE_CORNERS,
    covered_by,
    inside_picture,
)

__all__ = [
    "GROUPS",
    "MIRRORED",
    "OUTER_EYE_CORNERS",
    "FaceFrame",
    "FindsFaces",
    "FoundFace",
    "LandmarkFinder",
    "covered",
    "covered_by",
    "inside_picture",
    "shared_finder",
]
