"""Draws masks on faces, for training and evaluation."""

from detector.synthesis.compositing import DrawnMask
from detector.synthesis.draw import DRAWN_KINDS, draw_mask
from detector.synthesis.face_check import CannotDrawMaskError, check_face, head_turn
from detector.synthesis.faces import FaceAnnotation, load_faces
from detector.synthesis.templates import TemplateFolder

__all__ = [
    "DRAWN_KINDS",
    "CannotDrawMaskError",
    "DrawnMask",
    "FaceAnnotation",
    "TemplateFolder",
    "check_face",
    "draw_mask",
    "head_turn",
    "load_faces",
]
