"""Builds data sets: masks drawn on real faces, with the holes that a refiner makes of them."""

from pipeline.dataset.builder import BuildSummary, build_dataset
from pipeline.dataset.face_source import annotated_faces, found_faces
from pipeline.dataset.settings import DatasetSettings
from pipeline.dataset.source_face import SourceFace

__all__ = [
    "BuildSummary",
    "DatasetSettings",
    "SourceFace",
    "annotated_faces",
    "build_dataset",
    "found_faces",
]
