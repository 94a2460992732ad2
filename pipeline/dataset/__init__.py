"""Building data sets: drawn masks on real faces, joined with the refiner that makes the holes."""

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
