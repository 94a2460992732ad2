"""The 68 iBUG landmarks of faces, masked or not, by a small network."""

from weights.landmarks.finder import FoundFace, LandmarkFinder
from weights.landmarks.frame import FaceFrame
from weights.landmarks.points import GROUPS, MIRRORED, OUTER_EYE_CORNERS

__all__ = [
    "GROUPS",
    "MIRRORED",
    "OUTER_EYE_CORNERS",
    "FaceFrame",
    "FoundFace",
    "LandmarkFinder",
]
