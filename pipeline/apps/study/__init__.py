"""User study: a page that asks people how real pictures look, and the analysis of their answers."""

from pipeline.apps.study.analysis import StudyResult, analyse_exports
from pipeline.apps.study.exports import StudyExport, read_export
from pipeline.apps.study.key import REAL, StudyKey, read_key
from pipeline.apps.study.making import MadeStudy, make_study
from pipeline.apps.study.report import study_document, study_json, study_markdown

__all__ = [
    "REAL",
    "MadeStudy",
    "StudyExport",
    "StudyKey",
    "StudyResult",
    "analyse_exports",
    "make_study",
    "read_export",
    "read_key",
    "study_document",
    "study_json",
    "study_markdown",
]
